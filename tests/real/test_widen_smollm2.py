"""Two steps of widening on the embedded model: a checkpoint that opens and still says what it said."""

from __future__ import annotations

from pathlib import Path

import pytest

import corrie
from corrie.capabilities.agreement import agreement_in
from corrie.widening.measuring import at_rest

pytestmark = pytest.mark.real

TEXT = Path(__file__).parents[2] / "docs" / "theory.md"


def test_two_steps(tmp_path: Path) -> None:
    base, out = corrie.load("smollm2-135m-instruct"), tmp_path / "wide"
    terms = {"sigma": 0.0053, "rate": 1e-5, "steps": 2, "windows": 1, "window": 32, "measure": False}
    found = corrie.widen(base, out=out, text=[TEXT], **terms)
    assert 0.005 < found.loss < 1  # σ is the radius of agreement: the noise is felt, and breaks little
    assert 0 < found.distance <= 2 * 1e-5 * base.identity.dimension**0.5  # Adam's steps are at most the rate
    assert found.rescaling == pytest.approx(1, abs=1e-4)
    rest = at_rest(base, corrie.load(out), agreement_in(TEXT), 4)
    assert 0 < rest.divergence < 0.01
    assert rest.agreement > 0.9
