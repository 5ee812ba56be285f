from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom

from corrie.errors import InputError
from corrie.stats import clopper_pearson
from corrie.stats.planning import draws_for_fraction, draws_for_mean, failures_allowed, supports

TABLE = {
    (0.999, 0): (6905, 4603, 2995),
    (0.99, 0): (688, 459, 299),
    (0.9, 0): (66, 44, 29),
}


@pytest.mark.parametrize(("fraction", "failures"), TABLE)
def test_the_table(fraction, failures):
    found = tuple(draws_for_fraction(fraction, confidence, failures) for confidence in (0.999, 0.99, 0.95))
    assert found == TABLE[fraction, failures]


def test_one_and_two_failures_at_99_9_percent():
    assert [draws_for_fraction(0.999, 0.999, failures) for failures in (0, 1, 2)] == [6905, 9230, 11225]


def test_without_failures_it_is_the_closed_formula():
    for fraction in (0.3, 0.9, 0.995):
        for confidence in (0.5, 0.9, 0.999):
            assert draws_for_fraction(fraction, confidence) == math.ceil(
                math.log(1 - confidence) / math.log(fraction) - 1e-9
            )


@settings(max_examples=50, deadline=None)
@given(st.floats(0.05, 0.995), st.floats(0.05, 0.999), st.integers(0, 5))
def test_it_is_the_smallest_number_that_clopper_and_pearson_support(fraction, confidence, failures):
    n = draws_for_fraction(fraction, confidence, failures)
    assert clopper_pearson.lower_limit(n - failures, n, confidence) >= fraction * (1 - 1e-8)
    assert clopper_pearson.lower_limit(n - 1 - failures, n - 1, confidence) < fraction if n > failures + 1 else True
    assert binom.cdf(failures, n, 1 - fraction) <= (1 - confidence) * (1 + 1e-8)
    allowed = failures_allowed(n, fraction, confidence)
    assert allowed is not None
    assert allowed >= failures
    assert supports(n, allowed, fraction, confidence)
    assert not supports(n, allowed + 1, fraction, confidence)


def test_too_few_draws_allow_no_failure_and_none():
    assert failures_allowed(6904, 0.999, 0.999) is None
    assert failures_allowed(6905, 0.999, 0.999) == 0


def test_an_error_that_is_met_exactly_is_met():
    assert draws_for_fraction(0.5, 0.75) == 2
    assert draws_for_fraction(0.1, 0.9) == 1


def test_draws_for_a_mean_meet_bernstein_with_equality():
    for gap, confidence, spread in ((0.01, 0.99, 0.03), (0.05, 0.95, 0.5), (0.001, 0.9, 0.0)):
        n, nats = draws_for_mean(gap, confidence, spread), -math.log(1 - confidence)
        assert math.sqrt(2 * spread**2 * nats / n) + nats / (3 * n) <= gap + 1e-12
        n -= 1
        assert math.sqrt(2 * spread**2 * nats / n) + nats / (3 * n) > gap


@pytest.mark.parametrize(("fraction", "confidence"), [(1.0, 0.9), (0.0, 0.9), (0.9, 1.0), (0.9, 0.0), (1.5, 0.9)])
def test_what_no_plan_can_show_is_refused(fraction, confidence):
    with pytest.raises(InputError):
        draws_for_fraction(fraction, confidence)


def test_bad_gaps_and_failures_are_refused():
    with pytest.raises(InputError):
        draws_for_mean(0.0)
    with pytest.raises(InputError):
        draws_for_mean(0.1, spread=0.6)
    with pytest.raises(InputError):
        draws_for_fraction(0.9, 0.9, failures=-1)
