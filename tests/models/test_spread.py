"""Which maps are taken, and which are refused before a weight is read."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from corrie.errors import InputError, ModelError
from corrie.models import spread as spreading
from corrie.models.load import from_module, load
from corrie.models.spread import read_map, spread_over
from corrie.testing.toy_models import byte_tokenizer, toy_module


@pytest.fixture
def outline() -> Any:
    module: Any = toy_module().to("meta")
    module.tie_weights()
    return module


@pytest.fixture
def gpus(monkeypatch: pytest.MonkeyPatch) -> dict[int, int]:
    """GPUs that are not there, and the bytes that each has to give."""
    room: dict[int, int] = {}
    monkeypatch.setattr(torch.cuda, "is_available", lambda: bool(room))
    monkeypatch.setattr(torch.cuda, "device_count", lambda: len(room))
    monkeypatch.setattr(spreading, "available_memory", lambda device: room[device.index])
    return room


def test_layers_fill_one_device_after_the_other_with_room_for_what_moving_takes(
    outline: Any, gpus: dict[int, int]
) -> None:
    whole = 4 * sum(p.numel() for p in outline.parameters())
    gpus |= {0: 2 * whole, 1: 2 * whole}
    assert {str(d) for d in spread_over(outline, "sequential", torch.float32, 0.5).values()} == {"cuda:0"}
    placed = spread_over(outline, "sequential", torch.float32, 1.0)
    assert {str(d) for d in placed.values()} == {"cuda:0", "cuda:1"}
    assert {str(d) for d in spread_over(outline, "auto", torch.float32, 1.0).values()} == {"cuda:0", "cuda:1"}


def test_what_does_not_fit_is_refused(outline: Any, gpus: dict[int, int]) -> None:
    whole = 4 * sum(p.numel() for p in outline.parameters())
    gpus |= {0: whole // 2, 1: whole // 2}
    with pytest.raises(InputError, match="would lie on disk") as found:
        spread_over(outline, "auto", torch.float32, 1.0)
    assert "bfloat16" in str(found.value)


@pytest.mark.parametrize("asked", ["auto", "sequential"])
def test_without_gpus_there_is_nothing_to_spread_over(outline: Any, gpus: dict[int, int], asked: str) -> None:
    with pytest.raises(InputError, match="no GPUs"):
        spread_over(outline, asked, torch.float32, 1.0)


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ({"": "disk"}, "offloaded"),
        ({"model": 0, "lm_head": "cpu"}, "would lie on cpu"),
        ({"model": 0}, "GPU|has none"),
        ({"": "nowhere"}, "no such kind"),
        ({"model.layers": "cpu"}, "model.embed_tokens"),
    ],
)
def test_maps_that_are_not_valid(outline: Any, asked: Any, found: str) -> None:
    with pytest.raises(InputError, match=found):
        spread_over(outline, asked, torch.float32, 1.0)


def test_one_tensor_stays_on_one_device(outline: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spreading, "pick_device", torch.device)
    with pytest.raises(InputError, match="are one tensor"):
        spread_over(outline, {"model": 0, "lm_head": 1}, torch.float32, 1.0)


def test_without_accelerate(outline: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "accelerate.utils", None)
    with pytest.raises(InputError, match=r"accelerate is not installed.*corrie\[devices\]"):
        spread_over(outline, {"": "cpu"}, torch.float32, 1.0)


def test_a_map_is_read_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "map.json"
    file.write_text(json.dumps({"": "cpu"}))
    assert read_map(str(file)) == {"": "cpu"}
    for text in ("[1]", '{"": [0]}', "{"):
        file.write_text(text)
        with pytest.raises(InputError, match="cannot be read"):
            read_map(str(file))
    with pytest.raises(InputError, match="cannot be read"):
        read_map("balanced")


def test_a_model_is_loaded_by_its_map(tmp_path: Path) -> None:
    toy_module().save_pretrained(tmp_path)
    byte_tokenizer().save_pretrained(tmp_path)
    one, two = load(tmp_path), load(tmp_path, device_map={"": "cpu"})
    assert two.identity == one.identity
    assert two.recipe is not None
    assert load(two.recipe.name, **two.recipe.terms).identity == one.identity
    with pytest.raises(InputError, match="each says where"):
        load(tmp_path, device="cpu", device_map="auto")


def test_offloaded_weights_are_refused() -> None:
    from accelerate import cpu_offload

    module = cpu_offload(toy_module(), execution_device=torch.device("cpu"))
    with pytest.raises(ModelError, match="no memory of their own"):
        from_module(module, byte_tokenizer(), name="toy")
