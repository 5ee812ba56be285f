from __future__ import annotations

import itertools
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog
from scipy.stats import norm

from corrie.errors import InputError
from corrie.stats.knapsack import fractional, zero_one


def masses(seed: int, outcomes: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return rng.dirichlet(np.ones(outcomes)), rng.dirichlet(np.ones(outcomes))


def brute_force(p: np.ndarray, q: np.ndarray, budget: float) -> float:
    choices = np.array(list(itertools.product((0.0, 1.0), repeat=p.size)))
    return float((choices @ q)[choices @ p >= budget - 1e-14].min())


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 12), st.floats(0, 1))
def test_the_fractional_cost_is_that_of_a_linear_programme(seed, outcomes, budget):
    p, q = masses(seed, outcomes)
    found = fractional(p, q, budget)
    solved = linprog(q, A_ub=[-p], b_ub=[-budget * (1 - 1e-12)], bounds=(0, 1))
    assert found.cost == pytest.approx(solved.fun, abs=1e-7)
    assert np.dot(found.taken, p) >= budget - 1e-9


@settings(max_examples=80, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 10), st.floats(0, 1))
def test_the_zero_one_cost_is_that_of_all_choices(seed, outcomes, budget):
    p, q = masses(seed, outcomes)
    found = zero_one(p, q, budget)
    assert found.exact
    assert found.cost == pytest.approx(brute_force(p, q, budget), abs=1e-9)
    assert set(found.taken) <= {0.0, 1.0}
    assert np.dot(found.taken, p) >= budget - 1e-9
    assert np.dot(found.taken, q) == pytest.approx(found.cost, abs=1e-9)


@given(st.integers(0, 10**6), st.integers(1, 8), st.floats(0, 1))
def test_the_relaxation_is_below_and_the_gap_at_most_one_outcome(seed, outcomes, budget):
    p, q = masses(seed, outcomes)
    relaxed, exact = fractional(p, q, budget).cost, zero_one(p, q, budget).cost
    assert relaxed <= exact + 1e-12
    assert exact <= relaxed + q.max() + 1e-12


@pytest.mark.parametrize("branches", [1, 3, 30])
def test_a_search_cut_short_is_still_a_lower_bound(branches):
    for seed in range(20):
        p, q = masses(seed, 12)
        found = zero_one(p, q, 0.6, branches=branches)
        assert found.cost <= brute_force(p, q, 0.6) + 1e-12
        assert found.cost >= fractional(p, q, 0.6).cost - 1e-12
        assert found.exact or "≥" in str(found)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6), st.integers(2, 30), st.lists(st.floats(0, 1), min_size=30, max_size=30))
def test_no_score_costs_less(seed, outcomes, score):
    """The law it is for: any J with E_P J = p has E_Q J of at least the cost of buying p."""
    p, q = masses(seed, outcomes)
    j = np.array(score[:outcomes])
    assert float(q @ j) >= fractional(p, q, min(1.0, float(p @ j))).cost - 1e-12


def test_a_fine_grid_of_a_gaussian_gives_the_tight_bound_of_smoothing():
    edges = np.linspace(-10, 10, 20_001)
    p, q = np.diff(norm.cdf(edges)), np.diff(norm.cdf(edges - 1.0))
    for share in (0.1, 0.6, 0.95):
        assert fractional(p, q, share).cost == pytest.approx(norm.cdf(norm.ppf(share) - 1.0), abs=1e-5)


def test_ties_zero_masses_and_ends():
    assert fractional([0.5, 0.5], [0.5, 0.5], 0.3).cost == pytest.approx(0.3)
    assert zero_one([0.5, 0.5], [0.5, 0.5], 0.3).cost == pytest.approx(0.5)
    assert fractional([0.0, 1.0], [0.9, 0.1], 1.0).cost == pytest.approx(0.1)
    assert zero_one([0.7, 0.3], [0.0, 1.0], 0.7).cost == 0.0
    for solve in (fractional, zero_one):
        assert solve([0.4, 0.6], [0.1, 0.9], 0.0).cost == 0.0
        assert solve([0.4, 0.6], [0.1, 0.9], 1.0).cost == pytest.approx(1.0)
    p, q = masses(0, 40)
    assert zero_one(p, q, 1.0).cost == pytest.approx(1.0)


def test_what_is_missing_by_less_than_a_rounding_ends_the_search():
    """An outcome of just the budget's slack: without it, 1e-17 is left to buy, and nothing to buy it from."""
    p, q = [0.2, 0.22, 1.04e-14, 0.4], [0.16, 0.05, 0.27, 0.52]
    found = zero_one(p, q, sum(p))
    assert found.exact
    assert found.cost in (pytest.approx(0.73), pytest.approx(1.0))


def test_grouped_outcomes_are_no_atoms():
    """Two prompts of equal price: as one outcome they must be bought together, by themselves one is enough."""
    apart, together = zero_one([0.25, 0.25, 0.5], [0.1, 0.1, 0.8], 0.25), zero_one([0.5, 0.5], [0.2, 0.8], 0.25)
    assert apart.cost == pytest.approx(0.1)
    assert together.cost == pytest.approx(0.2)
    assert fractional([0.5, 0.5], [0.2, 0.8], 0.25).cost == pytest.approx(0.1)


def test_prices_may_overflow():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert fractional([1e-310, 1.0], [0.5, 0.5], 0.5).cost == pytest.approx(0.25)


def test_what_cannot_be_meant_is_refused():
    for solve in (fractional, zero_one):
        for p, q, budget in (
            ([0.5], [0.5, 0.5], 0.1),
            ([-0.5, 1.5], [0.5, 0.5], 0.1),
            ([0.5, 0.3], [0.5, 0.5], 0.9),
            ([0.5, 0.5], [0.5, 0.5], 1.1),
            ([], [], 0.0),
        ):
            with pytest.raises(InputError):
                solve(p, q, budget)
    with pytest.raises(InputError):
        zero_one([1.0], [1.0], 0.5, branches=0)
