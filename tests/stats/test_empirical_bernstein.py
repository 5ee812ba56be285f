"""Against its formulas. That it holds as often as it says is tested with its siblings: test_limits_of_a_mean.py."""

from __future__ import annotations

import math

import numpy as np
import pytest

from corrie.stats.empirical_bernstein import lower_limit


def test_for_fixed_n_it_is_the_formula_of_maurer_and_pontil():
    x = np.random.default_rng(4).beta(6, 2, 80)
    nats = math.log(2 / 0.05)
    expected = x.mean() - math.sqrt(2 * x.var(ddof=1) * nats / 80) - 7 * nats / (3 * 79)
    assert lower_limit(x, 0.95) == pytest.approx(expected)


def test_one_value_shows_no_variance():
    assert lower_limit([0.7], 0.95) == 0.0


def test_at_any_time_it_solves_its_supermartingale():
    """The product of the docstring, step by step: at the limit it is 1/a at its best time, and no more."""
    x, nats = np.random.default_rng(4).beta(6, 2, 80), math.log(20)
    low = lower_limit(x, 0.95, anytime=True)
    log_product, best, total, squares, guess = 0.0, -math.inf, 0.5, 0.25, 0.5
    for t, value in enumerate(x, start=1):  # before draw t: 1/2, 1/4 and the t − 1 values so far
        bet = min(0.75, math.sqrt(2 * nats / (squares / t * t * math.log(t + 1))))
        log_product += bet * (value - low) - (-math.log(1 - bet) - bet) * (value - guess) ** 2
        best = max(best, log_product)
        total += value
        guess = total / (t + 1)
        squares += (value - guess) ** 2
    assert best == pytest.approx(nats)
