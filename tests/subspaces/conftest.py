"""A certificate of a toy model, its file and an adapter in its subspace, for every test of what is done with one."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import pytest

import corrie
from corrie.analysis.certificate import Certificate
from corrie.models.model import Model
from corrie.testing.toy_models import toy_model
from corrie.testing.toy_tasks import toy_choice


class Certified(NamedTuple):
    model: Model
    certificate: Certificate
    file: Path
    tuned: Path


def certified(folder: Path, subspace: str, sigma: float) -> Certified:
    model = toy_model()
    terms = {"subspace": subspace, "sigma": sigma, "draws": 80, "selection_draws": 5, "seeds": 1000}
    certificate = corrie.certify(model, [(toy_choice(size=10), 10)], **terms, to=folder / "run")
    (file,) = (folder / "run").glob("certificate-*.json")
    tuned = corrie.smoothed(model, (subspace, 1.0)).save(folder / "tuned", seed=5)
    return Certified(model, certificate, file, tuned)


@pytest.fixture(scope="session")
def rows(tmp_path_factory: pytest.TempPathFactory) -> Certified:
    return certified(tmp_path_factory.mktemp("rows"), "adapter:layers.1.self_attn.q_proj:1", 0.125)


@pytest.fixture(scope="session")
def core(tmp_path_factory: pytest.TempPathFactory) -> Certified:
    return certified(tmp_path_factory.mktemp("core"), "core:q_proj+v_proj:2", 0.0625)
