"""The law of the siblings: hoeffding, empirical_bernstein and betting answer the same question under the same names."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corrie.errors import InputError
from corrie.stats import betting, empirical_bernstein, hoeffding

SIBLINGS = [hoeffding, empirical_bernstein, betting]
LAWS = {
    "coin 0.5": (0.5, lambda rng, shape: (rng.random(shape) < 0.5) * 1.0),
    "coin 0.95": (0.95, lambda rng, shape: (rng.random(shape) < 0.95) * 1.0),
    "hardly varies": (0.8, lambda rng, shape: rng.beta(80, 20, shape)),
    "rare collapse": (0.8 * 0.97, lambda rng, shape: 0.8 * (rng.random(shape) < 0.97)),
}

values = st.lists(st.floats(0, 1), min_size=1, max_size=60)


@pytest.mark.parametrize("anytime", [False, True])
@pytest.mark.parametrize("law", LAWS)
@pytest.mark.parametrize("limits", SIBLINGS, ids=lambda m: m.__name__.split(".")[-1])
def test_a_limit_holds_as_often_as_it_says(limits, law, anytime, holds_as_often_as):
    """With ``anytime`` the limit after n draws is the best of those after 1 … n: one early look that is wrong shows."""
    mean, draw = LAWS[law]
    n = 40 if law.startswith("coin") else 120
    runs = draw(np.random.default_rng(n), (2000, n))
    holds_as_often_as(0.9, [limits.lower_limit(x, 0.9, anytime=anytime) <= mean for x in runs])


@pytest.mark.parametrize("limits", SIBLINGS, ids=lambda m: m.__name__.split(".")[-1])
def test_an_upper_limit_holds_as_often_as_it_says(limits, holds_as_often_as):
    mean, draw = LAWS["rare collapse"]
    runs = draw(np.random.default_rng(5), (2000, 60))
    holds_as_often_as(0.9, [limits.upper_limit(x, 0.9) >= mean for x in runs])


@pytest.mark.parametrize("anytime", [False, True])
@pytest.mark.parametrize("limits", SIBLINGS, ids=lambda m: m.__name__.split(".")[-1])
@settings(max_examples=40, deadline=None)
@given(x=values, confidence=st.floats(0.6, 0.999))
def test_laws(limits, anytime, x, confidence):
    low, high = (limit(x, confidence, anytime=anytime) for limit in (limits.lower_limit, limits.upper_limit))
    assert 0 <= low <= 1
    assert 0 <= high <= 1
    assert high == pytest.approx(1 - limits.lower_limit(1 - np.array(x), confidence, anytime=anytime))
    if not anytime:
        assert low <= np.mean(x) + 1e-12
        assert high >= np.mean(x) - 1e-12
    if limits is hoeffding and not anytime:  # the others stake by the confidence, and may be lucky
        assert limits.lower_limit(x, (1 + confidence) / 2) <= low


@pytest.mark.parametrize("limits", SIBLINGS, ids=lambda m: m.__name__.split(".")[-1])
def test_once_disproved_always_disproved(limits):
    x = np.random.default_rng(2).random(200)
    sequence = [limits.lower_limit(x[:n], 0.9, anytime=True) for n in range(1, 201, 7)]
    assert sequence == sorted(sequence)
    assert sequence[-1] > 0.3


def test_sums_are_rounded_to_the_safe_side():
    """The formulas of Hoeffding's and Maurer & Pontil's limits in exact sums: no limit may lie above its own."""
    for seed in range(40):
        x = np.random.default_rng(seed).random(200 + seed)
        n, nats = x.size, math.log(20)
        values = [Fraction(float(v)) for v in x]
        bets = [Fraction(min(1.0, math.sqrt(8 * nats / (t * math.log(t + 1))))) for t in range(1, n + 1)]
        won, cost, staked, best = Fraction(0), Fraction(nats), Fraction(0), Fraction(0)
        for value, bet in zip(values, bets, strict=True):
            won, cost, staked = won + bet * value, cost + bet**2 / 8, staked + bet
            best = max(best, (won - cost) / staked)
        assert hoeffding.lower_limit(x, 0.95, anytime=True) < best - Fraction(1, 10**13)
        mean = sum(values) / n
        variance = sum((v - mean) ** 2 for v in values) / (n - 1)
        short = math.sqrt(2 * variance * math.log(40) / n)
        exact = mean - Fraction(short) - Fraction(7 * math.log(40) / (3 * (n - 1)))
        assert empirical_bernstein.lower_limit(x, 0.95) < exact - Fraction(1, 10**13)


@pytest.mark.parametrize("limits", SIBLINGS, ids=lambda m: m.__name__.split(".")[-1])
def test_what_cannot_be_meant_is_refused(limits):
    for bad in ([], [1.2], [np.nan], np.ones((3, 4))):
        with pytest.raises(InputError):
            limits.lower_limit(bad)
        with pytest.raises(InputError):
            limits.upper_limit(bad)
    with pytest.raises(InputError):
        limits.lower_limit([0.5], 1.0)


def test_betting_is_the_sharpest_where_values_hardly_vary():
    x = np.random.default_rng(1).beta(80, 20, 300)
    low = [limits.lower_limit(x, 0.99) for limits in SIBLINGS]
    assert low[2] > low[1] + 0.01 > low[0] + 0.01
    assert x.mean() - low[2] < 0.02
