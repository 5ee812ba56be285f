"""The grouped bound against known smoothed scores: coverage, convexity, and what it is better than."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm

from corrie.errors import InputError
from corrie.stats import AbsorbingKernel, GaussianKernel, PerExample, UniformKernel, gaussian_shift
from corrie.stats.grouped_score import GroupedScore, choose_groups

SUCCESS = np.array([0.999, 0.99, 0.97, 0.9, 0.6, 0.55, 0.3, 0.02])
RATIOS = (0.0, 0.5, 1.0, 2.0)


def truth(ratio: float) -> float:
    """Half-spaces, each attacked along its own normal, lose exactly this much."""
    return float(norm.cdf(norm.ppf(SUCCESS) - ratio).mean())


def test_it_holds_as_often_as_it_says_with_groups_of_unlike_examples(holds_as_often_as):
    rng, draws = np.random.default_rng(10), 20
    known, held = np.array([truth(r) for r in RATIOS]), []
    for _ in range(2000):
        groups = choose_groups(rng.random((4, SUCCESS.size)) < SUCCESS)
        score = GroupedScore.of(rng.random((draws, SUCCESS.size)) < SUCCESS, groups, 0.8)
        left = gaussian_shift.lower(np.array(score.low)[:, None], np.array(RATIOS))
        held.append(bool((np.array(score.sizes) / SUCCESS.size @ left <= known).all()))
    holds_as_often_as(0.8, held)


def test_with_many_draws_and_an_example_in_each_group_it_is_tight():
    rng = np.random.default_rng(0)
    outcomes = rng.random((40_000, SUCCESS.size)) < SUCCESS
    score = GroupedScore.of(outcomes, [[j] for j in range(SUCCESS.size)], 0.99)
    for ratio in RATIOS:
        found = score.lower(lambda p, r=ratio: float(gaussian_shift.lower(p, r)))
        assert truth(ratio) - 0.03 <= found <= truth(ratio)


def test_it_beats_a_limit_for_each_example_and_one_group_for_all():
    """Seven examples always right, three never: the case of the docstring."""
    outcomes = np.tile([1.0] * 7 + [0.0] * 3, (20, 1))
    kernel = GaussianKernel(1.0)
    grouped = GroupedScore.of(outcomes, choose_groups(outcomes[:5]), 0.95)
    whole = GroupedScore.of(outcomes, [range(10)], 0.95)
    each = PerExample.of(outcomes, 0.95)
    assert grouped.lower(lambda p: kernel.lower(p, 1.0)) > max(
        each.lower(1.0), whole.lower(lambda p: kernel.lower(p, 1.0))
    )
    assert grouped.low[0] == pytest.approx((0.05 / 2) ** (1 / 140), rel=1e-9), "all right: Hoeffding's limit is exact"


@pytest.mark.parametrize(
    "kernel", [AbsorbingKernel(0.7), UniformKernel(0.7, 20), UniformKernel(0.5, 3), GaussianKernel(0.3)]
)
@pytest.mark.parametrize("change", [1, 3])
def test_what_a_kernel_leaves_is_convex_and_never_falls(kernel, change):
    """What Jensen's step rests on."""
    scores = np.linspace(0, 1, 101)
    left = np.array([kernel.lower(p, change) for p in scores])
    assert (np.diff(left) >= -1e-9).all()
    assert (np.diff(left, 2) >= -1e-9).all()
    assert (left <= scores + 1e-12).all()


def test_groups_are_those_of_the_selection_draws():
    assert choose_groups([[1, 1], [1, 1]]) == ((0, 1),)
    assert choose_groups([[1, 0, 1], [0, 0, 1], [1, 0, 1]]) == ((2,), (0,), (1,))


@pytest.mark.parametrize("groups", [[[0]], [[0, 1], [1]], [[0, 1], []], [[0, 2]]])
def test_groups_must_hold_every_example_once(groups):
    with pytest.raises(InputError, match="not each once"):
        GroupedScore.of([[1, 0]], groups)


def test_a_list_is_no_table():
    with pytest.raises(InputError, match="no table"):
        GroupedScore.of([1, 0], [[0]])


def test_it_prints_what_was_seen():
    assert str(GroupedScore.of([[1, 0]] * 100, [[0], [1]], 0.9)) == (
        "2 examples × 100 draws: 1 at 1 (≥ 0.97); 1 at 0 (≥ 0) (confidence 0.9)"
    )
