"""Against a slow bettor. That it holds as often as it says is tested with its siblings: test_limits_of_a_mean.py."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from corrie.stats.betting import guesses, log_capital, lower_limit, upper_limit


def best_capital(values: np.ndarray, mean: float, confidence: float) -> float:
    """Somebody who bets against "the mean is at most ``mean``", one draw at a time, with pencil and paper."""
    nats, capital, best = -math.log(1 - confidence), 1.0, 1.0
    for t in range(1, len(values) + 1):
        seen = values[: t - 1]
        running = [(0.5 + sum(seen[: i + 1])) / (i + 2) for i in range(t - 1)]
        variance = (0.25 + sum((x - m) ** 2 for x, m in zip(seen, running, strict=True))) / t
        stake = min(math.sqrt(2 * nats / (variance * t * math.log(t + 1))), 0.75 / mean)
        capital *= 1 + stake * (values[t - 1] - mean)
        best = max(best, capital)
    return best


@pytest.mark.parametrize("seed", range(3))
def test_the_limit_is_the_last_mean_that_the_bettor_disproves(seed):
    x = np.random.default_rng(seed).beta(6, 2, 60)
    low = lower_limit(x, 0.95, anytime=True)
    assert best_capital(x, low, 0.95) == pytest.approx(20, rel=1e-6)
    for mean in np.linspace(0.01, 0.99, 50):
        assert (best_capital(x, mean, 0.95) >= 20) == (mean <= low)


def test_if_the_mean_is_right_the_capital_stays_one_on_average():
    """All 2^8 outcomes of a fair coin, added up: the stakes look at the past only."""
    rows = np.array(list(itertools.product((0.0, 1.0), repeat=8)))
    stakes = [np.sqrt(2 * math.log(20) / (guesses(row)[1] * 8)) for row in rows]
    for mean in (0.3, 0.5):
        mass = np.prod(np.where(rows == 1, mean, 1 - mean), axis=1)
        capital = [math.exp(log_capital(row, stake, mean)[-1]) for row, stake in zip(rows, stakes, strict=True)]
        assert mass @ capital == pytest.approx(1.0)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=30), st.floats(0.01, 0.99), st.floats(0.01, 0.99))
def test_the_capital_falls_as_the_mean_to_disprove_grows(values, a, b):
    x = np.array(values)
    stake = np.sqrt(6 / guesses(x)[1])
    small, large = sorted((a, b))
    assert (log_capital(x, stake, large) <= log_capital(x, stake, small) + 1e-12).all()


def test_for_fixed_n_sorted_values_do_no_harm():
    """Twenty of two hundred examples broke, and somebody put them last: bets in that order would be absurd."""
    broken_last = np.array([0.5] * 180 + [0.0] * 20)
    assert lower_limit(broken_last, 0.975) < 0.45 < upper_limit(broken_last, 0.975)
