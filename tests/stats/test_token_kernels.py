"""Token kernels against brute force: every noised sequence of a tiny vocabulary."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from corrie.errors import InputError
from corrie.stats.knapsack import zero_one
from corrie.stats.token_kernels import AbsorbingKernel, UniformKernel, tokens_within

MASK = -1


def law(prompt: tuple[int, ...], noise: float, vocabulary: int, kind: str) -> dict[tuple[int, ...], float]:
    """The probability of every noised prompt, one position at a time."""
    symbols = [*range(vocabulary), *([MASK] if kind == "absorbing" else [])]

    def one(token: int, shown: int) -> float:
        if shown == token:
            return 1 - noise
        if kind == "absorbing":
            return noise if shown == MASK else 0.0
        return noise / (vocabulary - 1)

    return {
        shown: math.prod(one(token, s) for token, s in zip(prompt, shown, strict=True))
        for shown in itertools.product(symbols, repeat=len(prompt))
    }


def masses(kind: str, noise: float, vocabulary: int, length: int, replaced: int) -> tuple[np.ndarray, np.ndarray]:
    before = (0,) * length
    after = (1,) * replaced + (0,) * (length - replaced)
    p, q = (law(prompt, noise, vocabulary, kind) for prompt in (before, after))
    return np.array(list(p.values())), np.array([q[shown] for shown in p])


def kernel(kind: str, noise: float, vocabulary: int) -> AbsorbingKernel | UniformKernel:
    return AbsorbingKernel(noise) if kind == "absorbing" else UniformKernel(noise, vocabulary)


@pytest.mark.parametrize("kind", ["absorbing", "uniform"])
@pytest.mark.parametrize("noise", [0.3, 0.75, 0.95])
@pytest.mark.parametrize(("vocabulary", "length", "replaced"), [(2, 3, 1), (3, 3, 2), (4, 3, 3), (3, 2, 0)])
def test_the_bounds_are_those_of_a_linear_programme_over_all_sequences(kind, noise, vocabulary, length, replaced):
    p, q = masses(kind, noise, vocabulary, length, replaced)
    assert p.sum() == pytest.approx(1.0)
    found = kernel(kind, noise, vocabulary)
    for score in (0.05, 0.5, 0.9):
        least = linprog(q, A_eq=[p], b_eq=[score], bounds=(0, 1)).fun
        most = -linprog(-q, A_eq=[p], b_eq=[score], bounds=(0, 1)).fun
        assert found.lower(score, replaced) == pytest.approx(least, abs=1e-7)
        assert found.upper(score, replaced) == pytest.approx(most, abs=1e-7)


@pytest.mark.parametrize("kind", ["absorbing", "uniform"])
@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10**6), noise=st.floats(0.05, 1.0), replaced=st.integers(0, 3))
def test_no_score_of_noised_sequences_breaks_them(kind, seed, noise, replaced):
    p, q = masses(kind, noise, 3, 3, replaced)
    score = np.random.default_rng(seed).choice([0.0, 0.5, 1.0], p.size)
    found = kernel(kind, noise, 3)
    before, after = min(1.0, float(p @ score)), float(q @ score)
    assert found.lower(before, replaced) - 1e-12 <= after <= found.upper(before, replaced) + 1e-12


@pytest.mark.parametrize("kind", ["absorbing", "uniform"])
def test_a_deterministic_score_costs_at_least_as_much(kind):
    """The 0-1 knapsack over all sequences lies above the fractional bound, by at most one sequence."""
    p, q = masses(kind, 0.6, 2, 3, 2)
    for score in (0.3, 0.8):
        exact = zero_one(p, q, score)
        assert exact.exact
        low = kernel(kind, 0.6, 2).lower(score, 2)
        assert low - 1e-12 <= exact.cost <= low + q.max() + 1e-12


@pytest.mark.parametrize("vocabulary", [2, 50, 49_152])
@pytest.mark.parametrize("replaced", [0, 1, 7, 40])
def test_the_masses_of_the_uniform_kernel_add_up(vocabulary, replaced):
    p, q = UniformKernel(0.9, vocabulary).outcomes(replaced)
    assert p.sum() == pytest.approx(1.0, abs=1e-9)
    assert q.sum() == pytest.approx(1.0, abs=1e-9)
    assert p == pytest.approx(q[::-1])


def test_with_a_large_vocabulary_the_uniform_kernel_is_nearly_the_absorbing_one():
    """A random token is almost surely neither of the two: it tells as little as a mask."""
    for replaced in (1, 3, 10):
        uniform = UniformKernel(0.95, 10**7).lower(0.9, replaced)
        assert uniform == pytest.approx(AbsorbingKernel(0.95).lower(0.9, replaced), abs=1e-4)


@settings(max_examples=40, deadline=None)
@given(
    st.sampled_from([AbsorbingKernel(0.8), UniformKernel(0.8, 5), UniformKernel(0.8, 49_152)]),
    st.floats(0.001, 0.999),
    st.floats(0.001, 0.999),
    st.integers(0, 12),
)
def test_laws(noise, score, other, replaced):
    low, high = noise.lower(score, replaced), noise.upper(score, replaced)
    assert 0 <= low <= score + 1e-12
    assert score - 1e-12 <= high <= 1
    assert noise.lower(score, replaced + 1) <= low + 1e-12
    assert noise.upper(score, replaced + 1) >= high - 1e-12
    assert low == pytest.approx(1 - noise.upper(1 - score, replaced), abs=1e-9)
    if other >= score:
        assert noise.lower(other, replaced) >= low - 1e-12


def test_at_the_ends_rounding_only_loosens_the_bound():
    """A score of exactly 1 stays 1, but no sum of masses tells 1 from 1 − 1e-16, where much may be lost."""
    for replaced in (1, 11, 12):
        assert UniformKernel(0.8, 49_152).lower(1.0, replaced) <= 1.0
        assert UniformKernel(0.8, 49_152).lower(1 - 1e-9, replaced) <= UniformKernel(0.8, 49_152).lower(1.0, replaced)
        assert UniformKernel(0.8, 49_152).upper(0.0, replaced) >= 0.0
    assert UniformKernel(0.8, 5).lower(1.0, 1) == pytest.approx(1.0)


def test_how_many_tokens_may_be_replaced():
    found = tokens_within(AbsorbingKernel(0.95), 0.99, 0.5)
    assert found == max(d for d in range(60) if 0.99 - (1 - 0.95**d) >= 0.5)
    assert tokens_within(AbsorbingKernel(0.95), 0.4, 0.5) is None
    assert tokens_within(AbsorbingKernel(0.95), 0.5, 0.5) == 0
    assert tokens_within(AbsorbingKernel(1.0), 0.99, 0.5, most=17) == 17
    assert tokens_within(UniformKernel(0.9, 49_152), 0.99, 0.0, most=5) == 5


def test_what_cannot_be_meant_is_refused():
    for noise in (0.0, 1.1, math.nan):
        with pytest.raises(InputError):
            AbsorbingKernel(noise)
        with pytest.raises(InputError):
            UniformKernel(noise, 10)
    with pytest.raises(InputError):
        UniformKernel(0.5, 1)
    for made in (AbsorbingKernel(0.5), UniformKernel(0.5, 4)):
        with pytest.raises(InputError):
            made.lower(1.2, 1)
        with pytest.raises(InputError):
            made.lower(0.5, -1)
