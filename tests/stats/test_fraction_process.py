from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom

from corrie.errors import InputError
from corrie.stats.clopper_pearson import lower_limit as fixed_lower_limit
from corrie.stats.fraction_process import BETS, CAPITAL, log_e_value, lower_limit, upper_limit


def test_the_capital_is_one():
    assert CAPITAL.sum() == pytest.approx(1.0)
    assert (BETS > 0).all()
    assert BETS[-1] == 1.0


@pytest.mark.parametrize("p", [0.1, 0.5, 0.9, 0.99])
@pytest.mark.parametrize("n", [1, 7, 40])
def test_at_the_true_fraction_its_mean_is_exactly_one(p, n):
    successes = np.arange(n + 1)
    assert binom.pmf(successes, n, p) @ np.exp(log_e_value(successes, n, p)) == pytest.approx(1.0)


@pytest.mark.parametrize("true", [0.1, 0.4, 0.49])
def test_below_the_fraction_its_mean_is_at_most_one(true):
    successes = np.arange(31)
    assert binom.pmf(successes, 30, true) @ np.exp(log_e_value(successes, 30, 0.5)) < 1.0


def test_it_is_the_slow_product_of_the_bets():
    p = Fraction(4, 5)
    outcomes = [1, 1, 0, 1, 1, 1, 0, 1]
    total = 0.0
    for w, share in zip(BETS, CAPITAL, strict=True):
        capital = Fraction(1)
        q = p + (1 - p) * Fraction(float(w))
        for x in outcomes:
            capital *= q / p if x else (1 - q) / (1 - p)
        total += float(share) * float(capital)
    assert float(log_e_value(6, 8, 0.8)) == pytest.approx(math.log(total))


@pytest.mark.parametrize(("p", "n"), [(0.5, 100), (0.9, 200), (0.99, 300)])
def test_it_holds_at_all_times_together_as_often_as_it_says(p, n, holds_as_often_as):
    """An error is a limit beyond the truth after *any* of the n draws."""
    rng = np.random.default_rng(n)
    draws = np.arange(1, n + 1)
    for fraction in (p, 1 - p):  # the lower limit, and the upper one: a lower limit of the failures
        good = np.cumsum(rng.random((2000, n)) < fraction, axis=1)
        evidence = np.array([log_e_value(row, draws, fraction).max() for row in good])
        holds_as_often_as(0.95, evidence < math.log(20))


@pytest.mark.parametrize(("p", "n"), [(0.8, 60), (0.99, 300)])
def test_the_limit_is_where_the_evidence_reaches_the_error(p, n):
    s = round(p * n)
    low = lower_limit(s, n, 0.95)
    assert float(log_e_value(s, n, low)) == pytest.approx(math.log(20), abs=1e-6)
    assert upper_limit(s, n, 0.95) == pytest.approx(1 - lower_limit(n - s, n, 0.95))


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 300).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))), st.floats(0.6, 0.999))
def test_laws(count, confidence):
    s, n = count
    low = lower_limit(s, n, confidence)
    assert 0 <= low <= s / n
    assert low <= fixed_lower_limit(s, n, confidence) + 1e-9  # looking at any time has its price
    assert lower_limit(s, n, (1 + confidence) / 2) <= low
    assert lower_limit(s + 1, n + 1, confidence) >= low
    evidence = [float(log_e_value(s, n, p)) for p in (0.1, 0.5, 0.9)]
    assert evidence == sorted(evidence, reverse=True)


def test_one_minus_a_small_limit_is_rounded_up():
    """1 − 1e-9 has no room for the last places of 1e-9."""
    for n in range(60, 100):
        assert lower_limit(1, n) > 0
        assert Fraction(upper_limit(n - 1, n)) > 1 - Fraction(lower_limit(1, n))


def test_before_the_first_draw_nothing_is_known():
    assert lower_limit(0, 0) == 0.0
    assert upper_limit(0, 0) == 1.0
    assert float(log_e_value(0, 0, 0.5)) == pytest.approx(0.0)


@pytest.mark.parametrize(("s", "n", "p"), [(3, 2, 0.5), (-1, 2, 0.5), (0.5, 2, 0.5), (1, 2, 0.0), (1, 2, 1.5)])
def test_what_cannot_be_meant_is_refused(s, n, p):
    with pytest.raises(InputError):
        log_e_value(s, n, p)
