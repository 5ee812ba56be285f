from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm

from corrie.errors import InputError
from corrie.stats.gaussian_shift import (
    certified_radius,
    lipschitz,
    lower,
    noise_distance,
    ratio_between,
    upper,
)

shares = st.floats(0, 1)
ratios = st.floats(0, 10)
normal = NormalDist()


@pytest.mark.parametrize("p", [0.5001, 0.6, 0.9, 0.99, 0.999, 0.9999])
@pytest.mark.parametrize("sigma", [0.005, 0.25, 3.2])
def test_the_radius_is_that_of_cohen_rosenfeld_and_kolter(p, sigma):
    """Theirs, for the top class against the rest: (σ/2)(Φ⁻¹(p_A) − Φ⁻¹(p_B)) with p_B = 1 − p_A, at a floor of 1/2."""
    found = certified_radius(p, 0.5, sigma)
    for inverse in (norm.ppf, normal.inv_cdf):
        theirs = sigma / 2 * (inverse(p) - inverse(1 - p))
        assert found == pytest.approx(theirs, rel=1e-12)
    assert found is not None
    assert found <= sigma * norm.ppf(p)


@pytest.mark.parametrize("p", [0.01, 0.5, 0.95, 0.9999])
@pytest.mark.parametrize("ratio", [0.0, 0.3, 1.65, 4.0])
def test_the_bounds_are_the_formula(p, ratio):
    assert float(lower(p, ratio)) == pytest.approx(norm.cdf(norm.ppf(p) - ratio), rel=1e-12)
    assert float(upper(p, ratio)) == pytest.approx(norm.cdf(norm.ppf(p) + ratio), rel=1e-12)


@pytest.mark.parametrize("offset", [-1.0, 0.2, 2.5])
@pytest.mark.parametrize("sigma", [0.5, 2.0])
def test_a_half_space_attains_them(offset, sigma):
    """J = 1 for ⟨w, x⟩ ≤ b: its smoothed score is exact, and the worst change of length r goes along w."""
    w = np.array([0.6, -0.8])
    for r in (0.1, 1.0, 3.0):
        here = normal.cdf(offset / sigma)
        along, against = (normal.cdf((offset - sign * float(w @ (r * w))) / sigma) for sign in (1, -1))
        assert float(lower(here, r / sigma)) == pytest.approx(along, rel=1e-10)
        assert float(upper(here, r / sigma)) == pytest.approx(against, rel=1e-10)


def test_no_score_falls_below_them():
    """Some score that is no half-space, by exact integration on a line."""
    x = np.linspace(-12, 12, 48_001)
    score = (np.sin(3 * x) > -0.3) * np.exp(-((x / 4) ** 2))

    def smoothed(at: float) -> float:
        return float(np.trapezoid(score * norm.pdf(x - at), x))

    here = smoothed(0.0)
    for r in (0.1, 0.5, 1.0, 2.0):
        for moved in (smoothed(r), smoothed(-r)):
            assert float(lower(here, r)) <= moved <= float(upper(here, r))
            assert abs(moved - here) <= float(lipschitz(r))


@pytest.mark.parametrize("sigmas", [(0.5, 2.0, 1.0), (1.0, 1.0, 1.0)])
def test_anisotropic_noise_is_exact_for_the_worst_half_space(sigmas):
    """Under ε ~ N(0, diag σ²) a half-space along w moves by ⟨w, Δ⟩/‖σw‖ ≤ ‖Δ/σ‖, with equality at Δ ∝ σ² w."""
    s, w = np.array(sigmas), np.array([1.0, -2.0, 0.5])
    worst = s**2 * w
    for change in (worst, np.array([1.0, 1.0, 1.0])):
        ratio = noise_distance(np.abs(change), s)
        moved = abs(float(w @ change)) / float(np.linalg.norm(s * w))
        assert moved <= ratio
        here, there = normal.cdf(1.0), normal.cdf(1.0 - moved)
        assert float(lower(here, ratio)) <= there
    assert noise_distance(np.abs(worst), s) == pytest.approx(float(w @ worst) / float(np.linalg.norm(s * w)))


@given(shares, ratios)
def test_laws(p, ratio):
    low, high = float(lower(p, ratio)), float(upper(p, ratio))
    assert 0 <= low <= p * (1 + 1e-12)
    assert p * (1 - 1e-12) <= high <= 1
    assert low == pytest.approx(1 - float(upper(1 - p, ratio)), abs=1e-9)
    assert p - low <= float(lipschitz(ratio)) + 1e-12  # the tight form is never worse than the Lipschitz form
    assert float(lipschitz(ratio)) <= min(1.0, ratio / math.sqrt(2 * math.pi)) * (1 + 1e-12) + 1e-290


@given(shares, shares, ratios, ratios)
def test_more_score_keeps_more_and_more_distance_less(p, q, a, b):
    (p, q), (a, b) = sorted((p, q)), sorted((a, b))
    assert float(lower(p, a)) <= float(lower(q, a))
    assert float(lower(p, b)) <= float(lower(p, a))
    assert float(upper(p, a)) <= float(upper(q, a))
    assert float(upper(p, a)) <= float(upper(p, b))


@given(shares, shares, shares, ratios)
def test_the_lower_bound_is_convex_in_the_score(p, q, weight, ratio):
    mixed = float(lower(weight * p + (1 - weight) * q, ratio))
    assert mixed <= weight * float(lower(p, ratio)) + (1 - weight) * float(lower(q, ratio)) + 1e-9


@given(st.floats(0.001, 0.999), st.floats(0.001, 0.999), st.floats(0.01, 10))
def test_the_radius_is_where_the_bound_meets_the_floor(score, floor, sigma):
    found = certified_radius(score, floor, sigma)
    if score < floor:
        assert found is None
    else:
        assert found is not None
        assert float(lower(score, found / sigma)) == pytest.approx(floor, rel=1e-9)
        assert float(upper(floor, found / sigma)) == pytest.approx(score, rel=1e-9)


def test_the_exchange_law():
    assert ratio_between(0.05, 0.95) == pytest.approx(3.29, abs=0.005)
    assert float(lower(0.999, ratio_between(0.05, 0.95))) == pytest.approx(0.42, abs=0.005)
    assert float(upper(0.05, 1.65)) == pytest.approx(0.50, abs=0.005)
    assert float(lower(0.999, 1.65)) == pytest.approx(0.925, abs=0.001)
    assert float(upper(0.30, 1.3)) == pytest.approx(0.78, abs=0.005)


def test_per_example_against_aggregate_as_in_the_theory():
    """70 % of examples at 0.999 and 30 % at 0.01: 0.69 against 0.32 at r/σ = 1."""
    each = np.array([0.999] * 7 + [0.01] * 3)
    assert float(lower(each, 1.0).mean()) == pytest.approx(0.69, abs=0.005)
    assert float(lower(each.mean(), 1.0)) == pytest.approx(0.32, abs=0.005)


def test_the_ends():
    assert float(lower(1.0, 5.0)) == pytest.approx(1.0)
    assert float(lower(0.0, 5.0)) == 0.0
    assert float(upper(0.0, 5.0)) == 0.0
    assert float(upper(1.0, 5.0)) == 1.0
    assert float(lower(0.5, math.inf)) == 0.0
    assert float(upper(0.5, math.inf)) == 1.0
    assert certified_radius(0.9, 0.0, 1.0) == math.inf
    assert certified_radius(1.0, 0.9, 1.0) == math.inf
    assert certified_radius(0.9, 0.9, 1.0) == 0.0
    assert certified_radius(0.0, 0.0, 1.0) == math.inf  # any score is 0 or more
    assert certified_radius(1.0, 1.0, 1.0) == math.inf  # 1 almost surely


def test_results_are_rounded_to_the_safe_side():
    assert float(lower(0.9, 1.0)) < norm.cdf(norm.ppf(0.9) - 1.0) < float(upper(0.1, 0.0)) + 1
    assert float(upper(0.1, 1.0)) > norm.cdf(norm.ppf(0.1) + 1.0)
    assert noise_distance([3.0, 4.0], 1.0) >= 5.0
    assert ratio_between(0.1, 0.9) < norm.ppf(0.9) - norm.ppf(0.1)


@pytest.mark.parametrize(
    ("p", "ratio", "exact"),  # Φ(Φ⁻¹(p) + ratio) by 50-digit arithmetic
    [
        (1.931e-228, 2.369, 1.8941716736955534e-196),
        (5.891e-272, 0.891, 1.7202229914944297e-258),
        (3.326e-267, 4.197, 2.3532500397758813e-207),
        (4.879852279762273e-244, -1.3139013017572908e-13, 4.879852279740876e-244),
    ],
)
def test_far_out_they_are_on_the_safe_side_too(p, ratio, exact):
    """Φ(z) changes by z² units in the last place where z changes by one."""
    bound = float(lower(p, -ratio) if ratio < 0 else upper(p, ratio))
    assert bound == pytest.approx(exact, rel=1e-11)
    assert bound < exact if ratio < 0 else bound > exact


def test_a_distance_too_small_or_large_to_be_squared_is_not_lost():
    assert noise_distance([1e-170, 1e-170], 1.0) >= 1.414e-170
    assert noise_distance([1e200], 1.0) == pytest.approx(1e200)


@pytest.mark.parametrize("sigma", [0.0, -1.0, math.nan, math.inf])
def test_a_sigma_that_is_not_positive_is_refused(sigma):
    with pytest.raises(InputError):
        certified_radius(0.9, 0.5, sigma)
    with pytest.raises(InputError):
        noise_distance([1.0], [sigma])


def test_what_cannot_be_meant_is_refused():
    for score, ratio in ((1.1, 1.0), (-0.1, 1.0), (math.nan, 1.0), (0.5, -1.0), (0.5, math.nan)):
        for bound in (lower, upper):
            with pytest.raises(InputError):
                bound(score, ratio)
    with pytest.raises(InputError):
        lipschitz(-1.0)
    with pytest.raises(InputError):
        ratio_between(0.9, 0.1)
    with pytest.raises(InputError):
        noise_distance([1.0, 2.0], [1.0, 1.0, 1.0])
