"""Widening the embedded model: balanced it is the same function, and two steps leave what it says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import corrie
from corrie.capabilities.agreement import agreement_in
from corrie.widening.measuring import at_rest

pytestmark = pytest.mark.real

TEXT = Path(__file__).parents[2] / "docs" / "theory.md"


def test_balance_then_two_steps(tmp_path: Path) -> None:
    given, out = corrie.load("smollm2-135m-instruct"), tmp_path / "wide"
    asked: dict[str, Any] = {"text": [TEXT], "windows": 1, "window": 32, "measure": False}
    first = corrie.widen(given, out=tmp_path / "balanced", steps=0, **asked)
    assert first.balance is not None
    assert 1.2 < first.balance.gain < 2
    assert first.rescaling == pytest.approx(1, abs=2e-3)
    base = corrie.load(tmp_path / "balanced")
    assert 0 <= at_rest(given, base, agreement_in(TEXT), 2).divergence < 1e-5  # the same function
    found = corrie.widen(base, out=out, sigma=0.0053, rate=1e-5, steps=2, balance=False, **asked)
    assert 0.005 < found.loss < 1  # σ is the radius of agreement: the noise is felt, and breaks little
    assert 0 < found.distance <= 2 * 1e-5 * base.identity.dimension**0.5  # Adam's steps are at most the rate
    assert found.rescaling == pytest.approx(1, abs=1e-4)
    rest = at_rest(base, corrie.load(out), agreement_in(TEXT), 4)
    assert 0 < rest.divergence < 0.01
    assert rest.agreement > 0.9
