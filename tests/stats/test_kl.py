from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import entropy

from corrie.errors import InputError
from corrie.stats.kl import divergence, lower_inverse, upper_inverse

shares = st.floats(0, 1)


@pytest.mark.parametrize("q", [0.0, 0.1, 0.5, 0.97, 1.0])
@pytest.mark.parametrize("p", [0.01, 0.5, 0.9])
def test_it_is_the_relative_entropy_of_scipy(q, p):
    assert divergence(q, p) == pytest.approx(entropy([q, 1 - q], [p, 1 - p]), abs=1e-12)


def test_what_p_excludes_is_infinitely_surprising():
    assert divergence(0.5, 0.0) == math.inf
    assert divergence(0.0, 0.0) == 0.0


@given(shares, st.floats(0, 5))
def test_the_inverses_enclose_q_and_spend_the_budget(q, budget):
    low, high = lower_inverse(q, budget), upper_inverse(q, budget)
    assert 0 <= low <= q <= high <= 1
    for end, inside in ((low, low + 1e-9), (high, high - 1e-9)):
        assert end in (0, 1) or divergence(q, end) >= budget * (1 - 1e-9)
        if low < inside < q or q < inside < high:
            assert divergence(q, inside) <= budget + 1e-9


@given(shares, st.floats(0, 5), st.floats(0, 5))
def test_a_larger_budget_reaches_further(q, a, b):
    small, large = sorted((a, b))
    assert lower_inverse(q, large) <= lower_inverse(q, small)
    assert upper_inverse(q, large) >= upper_inverse(q, small)


@given(st.floats(0.01, 0.99), st.floats(0.0001, 1))
def test_pinsker(q, budget):
    assert lower_inverse(q, budget) >= q - math.sqrt(budget / 2) - 1e-9


def test_it_is_not_fooled_by_tiny_shares():
    assert lower_inverse(1e-8, 1e-9) == pytest.approx(1e-8 * (1 - math.sqrt(2e-9 / 1e-8)), rel=0.2)
    assert np.isfinite(lower_inverse(1e-300, 0.5))


def test_a_negative_budget_is_refused():
    with pytest.raises(InputError):
        lower_inverse(0.5, -1.0)
