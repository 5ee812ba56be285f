"""Where a fine-tune stands in a certificate's subspace: measured in the subspace's coordinates, or not at all."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

import corrie
from corrie.analysis.certificate import FineTuned
from corrie.analysis.certified_move import Elsewhere
from corrie.analysis.verification import Verification, verify
from corrie.models.directions import tuned_direction
from corrie.models.model import Model
from corrie.records.paths import quantised
from corrie.records.subspace import RowSpace
from corrie.subspaces.certified_tuned import tuned_in
from corrie.subspaces.space import fine_lattice
from corrie.testing.toy_models import save_toy, toy_model
from corrie.testing.toy_tasks import toy_choice
from corrie.weights.adapter import WEIGHTS
from corrie.weights.saved import save_direction

Q = "adapter:q_proj:1"


@pytest.fixture(scope="module")
def model() -> Model:
    return toy_model()


def certify(model: Model, subspace: Any, folder: Path, sigma: float = 0.01) -> Verification:
    terms = {"sigma": sigma, "draws": 5, "selection_draws": 2, "subspace": subspace, "to": folder}
    found = corrie.certify(model, [(toy_choice(size=10), 10)], **terms)
    return verify(found.write(folder))


def seen(model: Model, place: Any, verified: Verification, *places: str) -> FineTuned | Elsewhere:
    return tuned_in(model, tuned_direction(model, place), "mine", verified, places)


@pytest.fixture(scope="module")
def tuned(model: Model, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return corrie.smoothed(model, (Q, 1.0)).save(tmp_path_factory.mktemp("tuned") / "tuned", seed=5)


def norm_of(file: Path, ending: str) -> float:
    return math.sqrt(sum(float(t.double().square().sum()) for n, t in load_file(file).items() if n.endswith(ending)))


def test_an_adapter_stands_at_the_norm_of_its_b(model: Model, tuned: Path, tmp_path: Path) -> None:
    """Not at that of ΔW, which is another number here."""
    found = seen(model, tuned, certify(model, Q, tmp_path))
    assert isinstance(found, FineTuned)
    assert found.distance == pytest.approx(norm_of(tuned / WEIGHTS, "lora_B.weight"), rel=1e-4)
    tensors = load_file(tuned / WEIGHTS)
    changes = [
        tensors[n.replace("lora_B", "lora_A")].T @ t.T for n, t in tensors.items() if n.endswith("lora_B.weight")
    ]
    whole = math.sqrt(sum(float(c.square().sum()) for c in changes))
    assert abs(found.distance - whole) > 0.01 * whole


def test_an_adapters_own_a_needs_no_place(model: Model, tuned: Path, tmp_path: Path) -> None:
    verified = certify(model, f"adapter:{tuned}", tmp_path / "run")
    assert isinstance(seen(model, tuned, verified), FineTuned)
    other = corrie.smoothed(model, ("adapter:q_proj:1:seed1", 1.0)).save(tmp_path / "other", seed=5)
    for places in ((), (f"adapter:{tuned}",), (f"adapter:{other}",)):
        found = seen(model, other, verified, *places)
        assert isinstance(found, Elsewhere)
        assert found.lies == "outside"


@pytest.mark.parametrize("what", ["trained A", "other scale", "more layers", "fewer layers", "whole tensor", "merged"])
def test_what_leaves_the_subspace_is_outside(model: Model, tuned: Path, tmp_path: Path, what: str) -> None:
    import json
    import shutil

    verified = certify(model, Q, tmp_path / "run")
    place = tmp_path / "mine"
    shutil.copytree(tuned, place)
    tensors = load_file(place / WEIGHTS)
    if what == "trained A":
        tensors = {n: t * (1.0 + 1e-6) if n.endswith("lora_A.weight") else t for n, t in tensors.items()}
    elif what == "other scale":
        config = json.loads((place / "adapter_config.json").read_text())
        config["lora_alpha"] = 2 * config["lora_alpha"]
        (place / "adapter_config.json").write_text(json.dumps(config))
    elif what == "more layers":
        corrie.smoothed(model, ("adapter:q_proj+v_proj:1", 1.0)).save(tmp_path / "more", seed=5)
        place = tmp_path / "more"
    elif what == "fewer layers":
        tensors = {n: t for n, t in tensors.items() if "layers.0" in n}
    elif what == "whole tensor":
        tensors["base_model.model.model.norm.weight"] = torch.ones(32)
    else:
        place = save_toy(tmp_path / "merged", seed=0)
        weights = load_file(place / "model.safetensors")
        for name, up in tensors.items():
            if name.endswith("lora_B.weight"):
                target = name.removeprefix("base_model.model.").replace("lora_B.weight", "weight")
                weights[target] = weights[target] + up @ tensors[name.replace("lora_B", "lora_A")]
        save_file(weights, place / "model.safetensors", {"format": "pt"})
    if what != "merged" and what != "more layers":
        save_file(tensors, place / WEIGHTS)
    found = seen(model, place, verified)
    assert isinstance(found, Elsewhere), found
    assert found.lies == "outside"
    assert found.reason


def test_layers_that_the_path_leaves_as_they_are(tuned: Path, tmp_path: Path) -> None:
    """The diff would score half of the adapter; the certificate speaks of all of it."""
    from corrie.records.model import SelectionSpec

    half = toy_model(selection=SelectionSpec(exclude=("*layers.0.*",)))
    found = seen(half, tuned, certify(half, Q, tmp_path))
    assert isinstance(found, Elsewhere)
    assert "is not among the tensors that move" in found.reason


def test_everything_stands_in_the_full_space(model: Model, tuned: Path, tmp_path: Path) -> None:
    verified = certify(model, "full", tmp_path / "run", sigma=0.001)
    other = save_toy(tmp_path / "other", seed=1)
    away = toy_model(seed=1).selection.tensors
    parts = [away[n].detach().double() - p.detach().double() for n, p in model.selection.tensors.items()]
    distance = math.sqrt(sum(float(t.square().sum()) for t in parts))
    found = seen(model, other, verified)
    assert isinstance(found, FineTuned)
    assert found.distance == pytest.approx(distance, rel=1e-5)
    adapter = seen(model, tuned, verified)
    assert isinstance(adapter, FineTuned)
    assert adapter.distance != pytest.approx(norm_of(tuned / WEIGHTS, "lora_B.weight"), rel=1e-2), "‖ΔW‖, not ‖B‖"
    rounded = tuned_in(model, quantised("int4"), "int4", verified)
    assert isinstance(rounded, FineTuned)
    assert rounded.distance > 0
    assert verified.certificate.evidence.spec.lattice == fine_lattice(0.001)


def test_a_span_of_this_one_fine_tune_and_one_whose_files_are_not_at_hand(model: Model, tmp_path: Path) -> None:
    one, two = (save_toy(tmp_path / str(seed), seed=seed) for seed in (1, 2))
    alone = certify(model, f"span:{one}", tmp_path / "alone")
    found = seen(model, one, alone)
    assert isinstance(found, FineTuned)
    pair = certify(model, f"span:{one},{two}", tmp_path / "pair")
    unknown = seen(model, one, pair)
    assert isinstance(unknown, Elsewhere)
    assert unknown.lies == "unknown"
    assert "--subspace" in unknown.reason
    told = seen(model, one, pair, f"span:{one},{two}")
    assert isinstance(told, FineTuned)
    assert told.distance == pytest.approx(found.distance, rel=1e-6)
    assert isinstance(seen(model, save_toy(tmp_path / "3", seed=3), pair, f"span:{one},{two}"), Elsewhere)


def test_fixed_matrices_beside_the_certificate_are_found(model: Model, tmp_path: Path) -> None:
    layer = "model.layers.0.self_attn.q_proj"
    dice = torch.Generator().manual_seed(0)
    down, up = torch.randn(1, 32, generator=dice), torch.randn(32, 1, generator=dice)
    (tmp_path / "run").mkdir()
    for name, ups in (("core", up), ("another", 2 * up)):
        save_direction({f"{layer}.down": down, f"{layer}.up": ups}, tmp_path / "run" / f"{name}.safetensors", {})
    verified = certify(model, f"core:{tmp_path / 'run' / 'core.safetensors'}", tmp_path / "run")
    assert isinstance(verified.certificate.evidence.spec.subspace, RowSpace)
    tuned = corrie.smoothed(model, verified.certificate, subspace=f"core:{tmp_path / 'run' / 'core.safetensors'}").save(
        tmp_path / "tuned", seed=3
    )
    found = seen(model, tuned, verified)
    assert isinstance(found, FineTuned)
    ups = load_file(tuned / WEIGHTS)[f"base_model.model.{layer}.lora_B.weight"]
    assert found.distance == pytest.approx(float(ups.norm() / up.norm()), rel=1e-3), "‖M‖, with B = U M"
    (tmp_path / "run" / "core.safetensors").unlink()
    gone = seen(model, tuned, verified)
    assert isinstance(gone, Elsewhere)
    assert gone.lies == "unknown"
