"""What belongs to one model never takes in cells of another function of the same weights."""

import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest

import corrie
from corrie.errors import CorrieError
from corrie.models.model import Model
from corrie.testing.toy_models import save_toy
from corrie.testing.toy_tasks import toy_choice


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return save_toy(tmp_path / "toy")


def other(folder: Path) -> Model:
    file = folder / "config.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), "hidden_act": "gelu"}))
    return corrie.load(folder)


@cache
def tasks() -> Any:
    return [(toy_choice(size=10), 10)]


TERMS: dict[str, Any] = {"subspace": "adapter:layers.1.self_attn.q_proj:1", "sigma": 0.125, "draws": 20}


def test_a_scan(folder: Path, tmp_path: Path) -> None:
    one = corrie.load(folder)
    landscape = corrie.scan(one, tasks(), directions=corrie.gaussian(range(2)), alpha="0:0.1:2", to=tmp_path / "run")
    changed = other(folder)
    assert changed.identity.fingerprint == one.identity.fingerprint
    with pytest.raises(CorrieError, match="the model's function"):
        corrie.scan(changed, tasks(), directions=corrie.gaussian(range(3)), alpha="0:0.1:2", to=tmp_path / "run")
    save_toy(tmp_path / "tuned", seed=1)
    changed_tuned = tmp_path / "tuned"
    (changed_tuned / "config.json").write_text((folder / "config.json").read_text())
    with pytest.raises(CorrieError, match="the function"):
        corrie.diff(changed, changed_tuned, landscape, tasks=tasks())


def test_a_certificate(folder: Path, tmp_path: Path) -> None:
    from corrie.subspaces.certified import refuse_other_model

    one = corrie.load(folder)
    certificate = corrie.certify(one, tasks(), **TERMS, selection_draws=5, seeds=1000, to=tmp_path / "run")
    refuse_other_model(certificate, one)
    changed = other(folder)
    with pytest.raises(CorrieError, match="the function"):
        refuse_other_model(certificate, changed)
    with pytest.raises(CorrieError, match="the model's function"):
        corrie.certify(changed, tasks(), **TERMS, selection_draws=5, seeds=1000, to=tmp_path / "run")
