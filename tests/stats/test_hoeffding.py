"""Against its formulas. That it holds as often as it says is tested with its siblings: test_limits_of_a_mean.py."""

from __future__ import annotations

import math

import numpy as np
import pytest

from corrie.stats.hoeffding import lower_limit, upper_limit
from corrie.stats.kl import divergence


@pytest.mark.parametrize(("n", "mean"), [(10, 0.5), (100, 0.9), (1000, 0.01)])
def test_it_is_never_below_its_quoted_form(n, mean):
    assert lower_limit(np.full(n, mean), 0.95) >= mean - math.sqrt(math.log(20) / (2 * n)) - 1e-12


def test_in_the_middle_it_is_nearly_the_quoted_form():
    assert lower_limit(np.full(400, 0.5), 0.95) == pytest.approx(0.5 - math.sqrt(math.log(20) / 800), abs=3e-4)


def test_it_spends_the_error_exactly():
    x = np.random.default_rng(1).random(80)
    for limit in (lower_limit(x, 0.95), upper_limit(x, 0.95)):
        assert 80 * divergence(float(x.mean()), limit) == pytest.approx(math.log(20))


def test_if_all_values_are_1_it_is_clopper_and_pearson():
    assert lower_limit(np.ones(50), 0.95) == pytest.approx(0.05 ** (1 / 50))


def test_at_any_time_it_solves_its_supermartingale():
    """The product of the docstring, step by step: at the limit it is 1/a at its best time, and no more."""
    x, nats = np.random.default_rng(4).beta(6, 2, 80), math.log(20)
    low = lower_limit(x, 0.95, anytime=True)
    log_product, best = 0.0, -math.inf
    for t, value in enumerate(x, start=1):
        bet = min(1.0, math.sqrt(8 * nats / (t * math.log(t + 1))))
        log_product += bet * (value - low) - bet**2 / 8
        best = max(best, log_product)
    assert best == pytest.approx(nats)
