"""What is said of memory before a model is loaded, against the sizes of its tensors; and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from corrie.errors import InputError
from corrie.models import footprint
from corrie.models.footprint import Footprint, peak_memory
from corrie.models.load import load
from corrie.testing.toy_models import byte_tokenizer, toy_module
from corrie.weights.selection import named_parameters

CPU = torch.device("cpu")


def with_room(monkeypatch: pytest.MonkeyPatch, room: int | None) -> None:
    monkeypatch.setattr(footprint, "available_memory", lambda device: room)


def of(sizes: dict[str, int], dtype: torch.dtype = torch.bfloat16) -> Footprint:
    tensors = {name: torch.empty(size, device="meta") for name, size in sizes.items()}
    return Footprint.of(tensors, set(sizes), dtype, dict.fromkeys(sizes, CPU))


def test_eight_billion_numbers_in_bfloat16_fit_forty_gigabytes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Llama-3-8B: 8.03 billion numbers, the largest tensor an embedding of 128,256 × 4,096."""
    with_room(monkeypatch, int(40e9))
    ends = 128_256 * 4_096
    layers = {f"layer {n}": (8_030_261_248 - 2 * ends) // 224 for n in range(224)}
    found = of({"first": ends, "last": ends, **layers})
    assert 33e9 < found.needs("auto")[CPU] == found.needs("again")[CPU] < 35e9
    assert found.needs("keep")[CPU] > 60e9
    found.check("model", "auto")
    with pytest.raises(InputError, match="--draw again"):
        found.check("model", "keep")


@pytest.mark.parametrize(
    ("room", "drawn_again"), [(None, False), (4000 + 2 * 4000, False), (4000 + 2 * 4000 - 8, True)]
)
def test_auto_follows_the_rule_of_moving(monkeypatch: pytest.MonkeyPatch, room: int | None, drawn_again: bool) -> None:
    """A direction of 4,000 bytes is kept if no more than half of what is left beside the pristine copy."""
    with_room(monkeypatch, None if room is None else room + 4000)
    found = of({"a": 600, "b": 400}, torch.float32)
    assert found.needs("auto") == found.needs("again" if drawn_again else "keep")


@pytest.mark.parametrize(
    ("dtype", "room", "draw", "advice"),
    [
        (torch.float32, 11_000, "keep", "--draw again"),
        (torch.float32, 7_000, "auto", "--dtype bfloat16"),
        (torch.bfloat16, 2_000, "auto", "--include"),
    ],
)
def test_what_does_not_fit_is_refused_with_advice(
    monkeypatch: pytest.MonkeyPatch, dtype: torch.dtype, room: int, draw: Any, advice: str
) -> None:
    with_room(monkeypatch, room)
    with pytest.raises(InputError, match="are available") as found:
        of({"a": 600, "b": 400}, dtype).check("model toy", draw)
    assert advice in str(found.value)


def test_nothing_is_read_of_a_model_that_does_not_fit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    module = toy_module()
    module.save_pretrained(tmp_path)
    byte_tokenizer().save_pretrained(tmp_path)
    said: list[str] = []
    load(tmp_path, say=said.append)
    size = 4 * sum(p.numel() for p in named_parameters(module).values())
    assert f"model {size / 1e6:.2g} MB" in said[-1]
    with_room(monkeypatch, 2 * size)
    for file in tmp_path.glob("*.safetensors"):
        stored = file.read_bytes()
        file.write_bytes(stored[:-1000] + b"\xff" * 1000)  # not a number, if anybody looked
    with pytest.raises(InputError, match="are available"):
        load(tmp_path)


def test_a_device_that_holds_a_part_takes_that_part(monkeypatch: pytest.MonkeyPatch) -> None:
    with_room(monkeypatch, None)
    tensors = {"a": torch.empty(600), "b": torch.empty(400)}
    there = torch.device("meta")
    found = Footprint.of(tensors, {"a"}, torch.float32, {"a": CPU, "b": there})
    assert found.needs("keep") == {CPU: 3 * 2400, there: 1600}
    assert found.copies("keep") == 2.0
    assert found.sentence("keep").count(" on ") == 2


def test_the_peak_is_that_of_the_process() -> None:
    assert "in this process" in peak_memory({CPU})
