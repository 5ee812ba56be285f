"""Sizes read one tensor at a time, against the direction as a whole."""

import math
from pathlib import Path

import pytest
import torch

from corrie.models.directions import adapter, saved, toward
from corrie.records.paths import Quantised
from corrie.testing.toy_models import save_toy, toy_model
from corrie.weights.realise import parts, realise
from corrie.weights.saved import save_direction
from corrie.weights.sizes import sizes
from corrie.weights.sources import Sources


@pytest.fixture(scope="module")
def tuned(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_toy(tmp_path_factory.mktemp("tuned") / "tuned", seed=1)


def test_they_are_the_norms_of_the_realised_direction(tuned: Path) -> None:
    model = toy_model()
    own = {n: p.data for n, p in model.selection.tensors.items()}
    for direction in (toward(model, tuned), Quantised(bits=4, block=64)):
        whole = realise(direction, own, model.sources)
        found = sizes(direction, own, model.sources)
        assert list(found.norms) == list(own)
        assert found.norm == pytest.approx(whole.norm, rel=1e-9)
        for name, tensor in whole.tensors.items():
            assert found.norms[name] == pytest.approx(float(tensor.norm()), rel=1e-5, abs=1e-9)
        assert found.cosine is None


def test_the_cosine_with_another_direction(tuned: Path, tmp_path: Path) -> None:
    model = toy_model()
    own = {n: p.data for n, p in model.selection.tensors.items()}
    direction = toward(model, tuned)
    along = {n: t.clone() for n, t in realise(direction, own, model.sources).tensors.items()}
    turned = {n: t + 0.1 * torch.randn(t.shape, generator=torch.Generator().manual_seed(0)) for n, t in along.items()}
    save_direction(turned, tmp_path / "turned.safetensors", {"what": "turned"})
    other = saved(model, tmp_path / "turned.safetensors")
    found = sizes(direction, own, model.sources, other)
    flat, there = (torch.cat([t.flatten() for t in d.values()]).double() for d in (along, turned))
    assert found.cosine == pytest.approx(float(flat @ there / (flat.norm() * there.norm())), rel=1e-6)
    assert found.other == pytest.approx(float(there.norm()), rel=1e-6)
    assert sizes(other, own, model.sources, other).cosine == pytest.approx(1.0)


def test_parts_make_what_realise_makes(tuned: Path) -> None:
    model = toy_model()
    own = {n: p.data for n, p in model.selection.tensors.items()}
    direction = toward(model, tuned)
    whole = realise(direction, own, model.sources).tensors
    assert all(torch.equal(whole[name], tensor) for name, tensor in parts(direction, own, model.sources))


def test_a_direction_that_is_zero_has_no_angle() -> None:
    own = {"w": torch.ones(2, 2)}
    found = sizes(Quantised(bits=8), own, Sources(), Quantised(bits=4))
    assert (found.norm, found.cosine) == (0.0, None)
    assert math.isfinite(found.other or 0.0)


def test_an_adapter_moves_only_its_tensors(tmp_path: Path) -> None:
    peft = pytest.importorskip("peft")
    model = toy_model()
    config = peft.LoraConfig(target_modules=["q_proj"], init_lora_weights=False, task_type="CAUSAL_LM")
    with torch.random.fork_rng(devices=[]):
        peft.get_peft_model(toy_model().module, config).save_pretrained(tmp_path)
    own = {n: p.data for n, p in model.selection.tensors.items()}
    found = sizes(adapter(model, tmp_path), own, model.sources)
    assert {n.split(".")[-2] for n, size in found.norms.items() if size} == {"q_proj"}
