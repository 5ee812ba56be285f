"""Points that are handed on tensor by tensor are the points that the weights are set to."""

from __future__ import annotations

import weakref
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from corrie.errors import InputError
from corrie.models.directions import adapter, saved, toward
from corrie.models.load import from_module
from corrie.models.model import Model
from corrie.records.direction import Direction, Gaussian
from corrie.records.model import SelectionSpec
from corrie.records.paths import Quantised
from corrie.records.point import Point
from corrie.testing.toy_models import byte_tokenizer, save_toy, toy_model, toy_module
from corrie.weights import streamed
from corrie.weights.laying import Piece, Taken, lay
from corrie.weights.perturbed import perturbed
from corrie.weights.saved import save_direction
from corrie.weights.streamed import Streamed

pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::UserWarning:peft")


def own(model: Model) -> dict[str, Tensor]:
    return {name: parameter.data for name, parameter in model.selection.tensors.items()}


def check(model: Model, point: Point) -> None:
    """A stream's tensors and what it says of them are those of the weights at the point, and the model stays."""
    before = {name: tensor.clone() for name, tensor in own(model).items()}
    stream = Streamed(point, own(model), model.sources)
    found = dict(stream)
    assert all(torch.equal(before[name], tensor) for name, tensor in own(model).items())
    with perturbed(model, point) as realised:
        assert list(found) == list(own(model))
        assert all(torch.equal(found[name], tensor) for name, tensor in own(model).items())
        moved = [name for name, tensor in own(model).items() if not torch.equal(tensor, before[name])]
    assert bool(moved) == bool(point.steps)
    said = stream.realised
    assert (said.asked, said.norm, said.cosine) == pytest.approx((realised.asked, realised.norm, realised.cosine))


@pytest.fixture(scope="module")
def tuned(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_toy(tmp_path_factory.mktemp("tuned") / "tuned", seed=1)


def lora(model: Model, folder: Path, targets: list[str]) -> Path:
    """An adapter of PEFT's for the model, with numbers in both matrices."""
    from peft import LoraConfig, get_peft_model

    wrapped: Any = get_peft_model(toy_module(), LoraConfig(r=2, target_modules=targets, ensure_weight_tying=False))
    dice = torch.Generator().manual_seed(0)
    for name, parameter in wrapped.named_parameters():
        if "lora_" in name:
            parameter.data.normal_(generator=dice)
    wrapped.save_pretrained(folder)
    return folder


@pytest.mark.parametrize("law", ["none", "unit", "layer", "filter"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_along_random_directions(law: Any, dtype: torch.dtype) -> None:
    model = toy_model("qwen2", dtype=dtype)
    one, two = (Gaussian(seed=seed, normalisation=law) for seed in (1, 2))
    for point in (Point.origin(), Point.along(one, 0.25), Point.at((one, 0.5), (two, -0.125))):
        check(model, point)


def test_along_every_kind_of_path_and_across(tuned: Path, tmp_path: Path) -> None:
    model = toy_model()
    numbers = {name: torch.full_like(tensor, 0.01) for name, tensor in list(own(model).items())[:3]}
    kept = save_direction(numbers, tmp_path / "some.safetensors", {"what": "a hundredth"})
    paths: list[Direction] = [
        toward(model, tuned),
        adapter(model, lora(model, tmp_path / "adapter", ["q_proj", "down_proj"])),
        Quantised(bits=4),
        saved(model, tmp_path / "some.safetensors"),
    ]
    assert kept == paths[-1]
    for path in paths:
        check(model, Point.along(path, 0.75))
        check(model, Point.at((path, 0.5), (Gaussian(seed=3), 0.01)))


def test_only_what_is_selected_comes() -> None:
    model = toy_model(selection=SelectionSpec(include=("*q_proj*", "*norm*")))
    check(model, Point.along(Gaussian(seed=0), 0.1))


def test_a_tied_tensor_that_would_be_parted_is_refused(tmp_path: Path) -> None:
    model = toy_model()
    path = adapter(model, lora(model, tmp_path / "adapter", ["lm_head"]))
    stream = Streamed(Point.along(path, 1.0), own(model), model.sources)
    with pytest.raises(InputError, match=r"moves lm_head\.weight away from the tensor that it is tied to"):
        list(stream)


def test_a_path_that_moves_nothing_is_refused(tmp_path: Path) -> None:
    folder = save_toy(tmp_path / "same", seed=0)
    model = from_module(toy_module(seed=0), byte_tokenizer(), name="toy")
    stream = Streamed(Point.along(toward(model, folder), 1.0), own(model), model.sources)
    with pytest.raises(InputError, match="it moves nothing"):
        list(stream)


def test_no_direction_is_whole_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was drawn for a tensor is gone when that is handed on, and that itself when the next one comes."""
    made: list[weakref.ref[Tensor]] = []

    def laying(pieces: Sequence[Piece], alphas: Sequence[float]) -> Taken:
        made.extend(weakref.ref(delta) for piece in pieces for delta in piece.deltas)
        return lay(pieces, alphas)

    monkeypatch.setattr(streamed, "lay", laying)
    model = toy_model()
    for point in (Point.along(Gaussian(seed=0), 0.1), Point.at((Gaussian(seed=0), 0.1), (Gaussian(seed=1), 0.1))):
        made.clear()
        handed: list[weakref.ref[Tensor]] = []
        for count, (_, tensor) in enumerate(Streamed(point, own(model)), 1):
            assert len(made) == count * len(point.steps)
            assert [one for one in (*made, *handed) if one() is not None] == []
            handed.append(weakref.ref(tensor))
            del tensor


def test_what_was_realised_is_not_known_before_the_end() -> None:
    stream = Streamed(Point.along(Gaussian(seed=0), 0.1), own(toy_model()))
    next(iter(stream))
    with pytest.raises(RuntimeError, match="before its end"):
        _ = stream.realised
