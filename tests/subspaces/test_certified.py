"""A certificate's subspace is made again by its law or read from where it lies, and compared by content."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

import corrie
from corrie.errors import InputError
from corrie.subspaces.certified import certified_model, certified_space
from corrie.subspaces.space import length
from corrie.testing.toy_models import save_toy, toy_model
from corrie.testing.toy_tasks import toy_choice
from corrie.weights.saved import save_direction


def certify(subspace: Any, model: Any = None) -> Any:
    terms = {"sigma": 0.01, "draws": 5, "selection_draws": 2}
    return corrie.certify(model or toy_model(), [(toy_choice(size=10), 10)], subspace=subspace, **terms)


@pytest.mark.parametrize("subspace", ["full", "full:rms", "random:2:seed4", "adapter:q_proj:2:seed7", "core:all:1"])
def test_laws_need_no_place(subspace: str) -> None:
    certificate = certify(subspace)
    found = certified_space(certificate, toy_model())
    assert found.spec == certificate.evidence.spec.subspace
    assert length(corrie.smoothed(toy_model(), certificate).adapter_draw(1)) > 0


def test_an_adapters_own_subspace(tmp_path: Path) -> None:
    model = toy_model()
    tuned = corrie.smoothed(model, ("adapter:v_proj:1", 0.5)).save(tmp_path / "tuned", seed=1)
    other = corrie.smoothed(model, ("adapter:v_proj:1:seed1", 0.5)).save(tmp_path / "other", seed=1)
    certificate = certify(f"adapter:{tuned}", model)
    with pytest.raises(InputError, match="no law makes it, and no place was given"):
        certified_space(certificate, model)
    with pytest.raises(InputError, match=r"is adapter:.*@rows-1"):
        certified_space(certificate, model, [f"adapter:{other}"])
    assert certified_space(certificate, model, [f"adapter:{other}", f"adapter:{tuned}"]).spec.name == "adapter:tuned"
    served = corrie.smoothed(model, certificate, tuned)  # its own A is the subspace's
    assert served.distance > 0
    with pytest.raises(InputError, match="the certificate's subspace"):
        corrie.smoothed(model, certificate, other)


def test_a_subspace_of_few_numbers_in_a_file(tmp_path: Path) -> None:
    model = toy_model()
    layer = "model.layers.0.self_attn.q_proj"
    dice = torch.Generator().manual_seed(0)
    for name in ("own", "other"):
        down, up = torch.randn(1, 32, generator=dice), torch.randn(32, 1, generator=dice)
        save_direction({f"{layer}.down": down, f"{layer}.up": up}, tmp_path / f"{name}.safetensors", {})
    own, other = (f"core:{tmp_path / name}.safetensors" for name in ("own", "other"))
    certificate = certify(own, model)
    assert certified_space(certificate, model, [own]).spec == certificate.evidence.spec.subspace
    for places in ([], [other], ["core:q_proj:1"], [f"core:{tmp_path / 'missing'}"]):
        with pytest.raises(InputError, match="the certificate's subspace"):
            certified_space(certificate, model, places)


def test_the_model_is_found_by_its_name_or_where_it_lies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = save_toy(tmp_path / "small")
    certificate = certify("full", corrie.load(folder))
    monkeypatch.chdir(tmp_path)
    assert certified_model(certificate).identity == certificate.evidence.model
    moved = folder.rename(tmp_path / "elsewhere")
    assert certified_model(certificate, moved).identity.fingerprint == certificate.evidence.model.fingerprint
