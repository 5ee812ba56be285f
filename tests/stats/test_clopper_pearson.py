from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom, binomtest
from statsmodels.stats.proportion import proportion_confint

from corrie.errors import InputError
from corrie.stats.clopper_pearson import Tally, lower_limit, tally, upper_limit

counts = st.integers(1, 300).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


@pytest.mark.parametrize("n", [1, 7, 60, 400])
@pytest.mark.parametrize("confidence", [0.9, 0.95, 0.999])
def test_it_is_the_exact_limit_of_scipy_and_statsmodels(n, confidence):
    for k in {0, 1, n // 3, n - 1, n}:
        low = binomtest(k, n, alternative="greater").proportion_ci(confidence, "exact").low
        high = binomtest(k, n, alternative="less").proportion_ci(confidence, "exact").high
        assert lower_limit(k, n, confidence) == pytest.approx(low, rel=1e-9, abs=1e-12)
        assert upper_limit(k, n, confidence) == pytest.approx(high, rel=1e-9, abs=1e-12)
        both = proportion_confint(k, n, alpha=2 * (1 - confidence), method="beta")
        if 0 < k < n:
            assert (lower_limit(k, n, confidence), upper_limit(k, n, confidence)) == pytest.approx(both, rel=1e-6)


@pytest.mark.parametrize("n", [1, 20, 6905])
def test_if_none_fails_it_is_the_nth_root_of_the_error(n):
    assert lower_limit(n, n, 0.999) == pytest.approx(0.001 ** (1 / n), rel=1e-11)


@pytest.mark.parametrize("n", [5, 40, 200])
@pytest.mark.parametrize("confidence", [0.9, 0.99])
def test_its_exact_coverage_is_never_below_the_confidence(n, confidence):
    low = np.array([lower_limit(k, n, confidence) for k in range(n + 1)])
    high = np.array([upper_limit(k, n, confidence) for k in range(n + 1)])
    for p in np.linspace(0.005, 0.995, 199):
        mass = binom.pmf(np.arange(n + 1), n, p)
        assert mass[low <= p].sum() >= confidence - 1e-9
        assert mass[high >= p].sum() >= confidence - 1e-9


@pytest.mark.parametrize(("n", "confidence"), [(546_594, 0.8), (352_942, 0.95), (200_000, 0.95), (99_984, 0.2)])
def test_it_is_on_the_safe_side_where_the_inverse_is_found_from_its_complement(n, confidence):
    """One or two events in very many draws: P(Bin(n, p) ≤ 1) has a closed form that is exact to the last places."""

    def at_most_one(p: float) -> float:
        none = math.exp(n * math.log1p(-p))
        return none + n * p * none / (1 - p)

    assert at_most_one(upper_limit(1, n, confidence)) <= 1 - confidence
    assert 1 - at_most_one(lower_limit(2, n, confidence)) <= 1 - confidence


@pytest.mark.parametrize(("p", "n"), [(0.5, 30), (0.9, 100), (0.999, 2000)])
def test_it_holds_as_often_as_it_says(p, n, holds_as_often_as):
    drawn = np.random.default_rng(n).binomial(n, p, 2000)
    limits = {k: (lower_limit(k, n, 0.95), upper_limit(k, n, 0.95)) for k in set(drawn.tolist())}
    holds_as_often_as(0.95, [limits[k][0] <= p for k in drawn])
    holds_as_often_as(0.95, [limits[k][1] >= p for k in drawn])


@given(counts, st.floats(0.5, 0.999))
def test_laws(count, confidence):
    k, n = count
    low, high = lower_limit(k, n, confidence), upper_limit(k, n, confidence)
    assert 0 <= low <= k / n <= high <= 1
    assert high == pytest.approx(1 - lower_limit(n - k, n, confidence), abs=1e-9)
    if k:
        assert lower_limit(k - 1, n, confidence) <= low
    assert lower_limit(k, n, (1 + confidence) / 2) <= low
    assert lower_limit(k, n + 1, confidence) <= low <= lower_limit(k + 1, n + 1, confidence)


def test_a_tally_of_draws():
    assert tally(np.array([True, False, True])) == Tally(2, 3)


@pytest.mark.parametrize(
    ("outcomes", "says"),
    [
        (np.ones((5, 40)), "what shares a draw is not independent"),
        ([0.5, 1.0], "values between 0 and 1"),
        ([], "no value"),
    ],
)
def test_what_is_no_tally_of_independent_draws_is_refused(outcomes, says):
    with pytest.raises(InputError, match=says):
        tally(outcomes)


@pytest.mark.parametrize(("k", "n"), [(3, 2), (-1, 5), (2.5, 5), (0, 0)])
def test_counts_that_are_no_counts_are_refused(k, n):
    with pytest.raises(InputError):
        lower_limit(k, n)
    with pytest.raises(InputError):
        upper_limit(k, n)
