"""Subspaces of a loaded model: an adapter's own A, spans of checkpoints, and where a fine-tune stands in them."""

from __future__ import annotations

import copy
import math
import warnings
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from corrie.errors import CorrieError, InputError, ModelError
from corrie.models.model import Model
from corrie.models.reading import Question
from corrie.records.subspace import FullSpace, parse_subspace
from corrie.subspaces.find import find_subspace
from corrie.subspaces.row_space import LowRankSpace
from corrie.subspaces.space import Space, dimension, draw_noise, fine_lattice, length
from corrie.subspaces.stand import fine_tuned, stand
from corrie.subspaces.written_space import root_mean_squares
from corrie.testing.toy_models import save_toy, toy_model, toy_module
from corrie.weights.adapter import WEIGHTS

QUESTION = [Question("one two three:", (" four", " five six"))]


@pytest.fixture(scope="module")
def model() -> Model:
    return toy_model()


def make_adapter(folder: Path, *, seed: int = 0, base: torch.nn.Module | None = None, **settings: Any) -> Any:
    """An adapter with random A and B, as PEFT writes it; the merged model."""
    peft = pytest.importorskip("peft")
    terms = {"r": 3, "lora_alpha": 6, "target_modules": ["q_proj"], "init_lora_weights": False, **settings}
    with warnings.catch_warnings(), torch.random.fork_rng(devices=[]):
        warnings.simplefilter("ignore")
        torch.manual_seed(seed)
        config = peft.LoraConfig(task_type="CAUSAL_LM", **terms)
        tuned = peft.get_peft_model(copy.deepcopy(base or toy_module()), config)
        tuned.save_pretrained(folder)
        return tuned.merge_and_unload()


def change_tensors(folder: Path, ending: str, factor: float) -> None:
    tensors = load_file(folder / WEIGHTS)
    save_file({n: t * factor if n.endswith(ending) else t for n, t in tensors.items()}, folder / WEIGHTS)


def asked(model: Model, text: str, **terms: Any) -> Space:
    return find_subspace(model, parse_subspace(text), **terms)


def test_an_adapter_with_its_own_a_frozen(model: Model, tmp_path: Path) -> None:
    """‖B‖_F is the distance; at that place a row reads as PEFT's merged model does."""
    merged = make_adapter(tmp_path)
    space = asked(model, f"adapter:{tmp_path}")
    assert isinstance(space, LowRankSpace)
    assert {one.scale for one in space.fixed.values()} == {2.0}
    found = stand(model, space, str(tmp_path))
    ups = [t.double() for n, t in load_file(tmp_path / WEIGHTS).items() if n.endswith("lora_B.weight")]
    norm = math.sqrt(sum(float(b.square().sum()) for b in ups))
    assert norm <= found.distance <= norm * (1 + 1e-9)
    with space.lent(2) as lent:
        lent.put([found.coordinates, draw_noise(space.shapes, noise_of(space), 0.0)])
        here, home = (r.read(QUESTION)[0][0].log_likelihood for r in model.row_readers(2))
    from corrie.models.load import from_module

    reference = from_module(merged, model.tokenizer, name="merged").reader().read(QUESTION)[0][0].log_likelihood
    assert here == pytest.approx(reference, abs=1e-3)
    assert home == pytest.approx(model.reader().read(QUESTION)[0][0].log_likelihood, abs=1e-4)
    assert abs(here - home) > 0.01


def noise_of(space: Space) -> Any:
    from corrie.records.subspace import SubspaceNoise

    return SubspaceNoise(subspace=space.spec.id, seed=0)


def test_on_a_lattice_the_distance_is_that_of_the_lattice_place(model: Model, tmp_path: Path) -> None:
    make_adapter(tmp_path)
    space = asked(model, f"adapter:{tmp_path}")
    found = stand(model, space, str(tmp_path), lattice=-6)
    assert all(torch.equal(t * 64, torch.round(t * 64)) for t in found.coordinates.values())
    assert found.distance >= length(found.coordinates)
    assert found.record.content != stand(model, space, str(tmp_path)).record.content


def test_only_b_may_have_moved(model: Model, tmp_path: Path) -> None:
    make_adapter(tmp_path / "first")
    space = asked(model, f"adapter:{tmp_path / 'first'}")
    make_adapter(tmp_path / "second")
    change_tensors(tmp_path / "second", "lora_B.weight", 3.0)
    one, three = (stand(model, space, str(tmp_path / n)).distance for n in ("first", "second"))
    assert three == pytest.approx(3 * one)
    change_tensors(tmp_path / "second", "lora_A.weight", 1.001)
    with pytest.raises(InputError, match="A was trained"):
        stand(model, space, str(tmp_path / "second"))
    make_adapter(tmp_path / "scaled", lora_alpha=7)
    with pytest.raises(InputError, match="scale is another"):
        stand(model, space, str(tmp_path / "scaled"))
    make_adapter(tmp_path / "wider", target_modules=["q_proj", "v_proj"])
    with pytest.raises(InputError, match="not of this subspace"):
        stand(model, space, str(tmp_path / "wider"))
    with pytest.raises(InputError, match=r"not of this subspace|A was trained"):
        stand(model, asked(model, "adapter:q_proj:3"), str(tmp_path / "first"))


def test_an_adapter_of_another_model_is_refused(model: Model, tmp_path: Path) -> None:
    make_adapter(tmp_path / "wide", base=toy_module(width=64))
    make_adapter(tmp_path / "gpt2", base=toy_module("gpt2"), target_modules=["c_attn"], fan_in_fan_out=True)
    for name in ("wide", "gpt2"):
        with pytest.raises(ModelError, match="adapter"):
            asked(model, f"adapter:{tmp_path / name}")
    with pytest.raises(CorrieError):
        asked(model, f"adapter:{tmp_path / 'nowhere'}")
    make_adapter(tmp_path / "more", modules_to_save=["input_layernorm"])
    with pytest.raises(ModelError, match="no frozen-A subspace holds"):
        asked(model, f"adapter:{tmp_path / 'more'}")


def test_the_span_of_checkpoints_is_an_isometry_and_knows_what_lies_in_it(model: Model, tmp_path: Path) -> None:
    for seed in (1, 2, 3):
        save_toy(tmp_path / str(seed), seed=seed)
    space = asked(model, f"span:{tmp_path / '1'},{tmp_path / '2'}")
    assert dimension(space) == 2
    for x in ([3.0, 4.0], [1.0, -2.0]):
        moved = space.tensors({"span": torch.tensor(x)})  # type: ignore[attr-defined]
        assert length(moved) == pytest.approx(math.hypot(*x), rel=1e-5)
    pristine = {n: p.detach() for n, p in model.selection.tensors.items()}
    other = {n: p.detach() for n, p in toy_model(seed=1).selection.tensors.items()}
    distance = length({n: (other[n] - pristine[n]) for n in pristine})
    found = stand(model, space, str(tmp_path / "1"))
    assert found.distance == pytest.approx(distance, rel=1e-5)
    reached = space.tensors(found.coordinates)  # type: ignore[attr-defined]
    assert length({n: reached[n] - (other[n] - pristine[n]) for n in pristine}) < 1e-5 * distance
    with pytest.raises(InputError, match="of its length is outside"):
        stand(model, space, str(tmp_path / "3"))
    with pytest.raises(InputError, match="depend on one another"):
        asked(model, f"span:{tmp_path / '1'},{tmp_path / '1'}")


def test_a_hundredth_of_the_length_outside_is_outside(model: Model, tmp_path: Path) -> None:
    save_toy(tmp_path / "1", seed=1)
    save_toy(tmp_path / "bent", seed=1)
    file = tmp_path / "bent" / "model.safetensors"
    tensors = load_file(file)
    tensors["model.norm.weight"] = tensors["model.norm.weight"] + 0.002
    save_file(tensors, file, metadata={"format": "pt"})
    with pytest.raises(InputError, match="outside"):
        stand(model, asked(model, f"span:{tmp_path / '1'}"), str(tmp_path / "bent"))


@pytest.mark.parametrize("scale", ["one", "rms"])
def test_anything_stands_in_the_full_space(model: Model, tmp_path: Path, scale: str) -> None:
    save_toy(tmp_path / "1", seed=1)
    space = asked(model, "full" if scale == "one" else "full:rms")
    assert space.spec == FullSpace(scale=scale)  # type: ignore[arg-type]
    found = stand(model, space, str(tmp_path / "1"))
    sizes = root_mean_squares(model.selection)
    other = toy_model(seed=1).selection.tensors
    parts = [
        (other[n].detach().double() - p.detach().double()) / (sizes[n] if scale == "rms" else 1.0)
        for n, p in model.selection.tensors.items()
    ]
    assert found.distance == pytest.approx(math.sqrt(sum(float(t.square().sum()) for t in parts)), rel=1e-6)


def test_a_fine_tune_or_a_distance(model: Model, tmp_path: Path) -> None:
    make_adapter(tmp_path)
    space = asked(model, f"adapter:{tmp_path}")
    e = fine_lattice(0.4)
    assert fine_tuned(model, space, None, None, e) is None
    bare = fine_tuned(model, space, None, 1.5, e)
    assert bare is not None
    assert (bare.distance, bare.name) == (1.5, "")
    named = fine_tuned(model, space, tmp_path, None, e)
    assert named is not None
    assert named.name == tmp_path.name
    with pytest.raises(InputError, match="at once"):
        fine_tuned(model, space, tmp_path, 1.5, e)
    for distance in (-1.0, math.nan, math.inf):
        with pytest.raises(InputError, match="no L2 norm"):
            fine_tuned(model, space, None, distance, e)
