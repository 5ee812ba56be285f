"""Lines that are shifted copies: against tolerance limits, simulation, and cases without information."""

from __future__ import annotations

import numpy as np
import pytest

from corrie.stats.normal_tolerance import tolerance_factor
from corrie.stats.shifted_lines import ShiftedLines

FINE = np.exp(np.linspace(-3, 3, 1201))


def steep(edges: np.ndarray, grid: np.ndarray = FINE) -> np.ndarray:
    return (np.log(grid) <= edges[:, None]).astype(float)


@pytest.mark.parametrize("n", [4, 8, 20])
def test_for_steep_lines_it_is_the_tolerance_limit_of_their_edges(n):
    """At G a step, "the mean over all directions is below ρ" is "the (1−ρ)-quantile of the edges lies below log σ"."""
    edges = 0.2 * np.random.default_rng(n).normal(size=n)
    lines = ShiftedLines.of(FINE, steep(edges), 0.95)
    assert lines is not None
    limit = edges.mean() - tolerance_factor(n, 0.95, 0.975) * edges.std(ddof=1)
    doubts = [lines.doubt(np.exp(x), 0.95, 1e-6, 1000.0) for x in (limit - 0.1, limit, limit + 0.1)]
    assert doubts[0] < 0.025 < doubts[2]
    assert doubts[1] == pytest.approx(0.025, abs=0.004)


def test_the_mean_over_directions_is_the_gaussian_average_of_the_curve():
    rng = np.random.default_rng(0)
    lines = ShiftedLines.of(np.array([0.4, 0.7, 1.0, 1.6]), rng.random((5, 4)).cumsum(1)[:, ::-1] / 4, 0.95)
    assert lines is not None
    heights = lines.start + np.array([lines.bends[: k + 1].sum() for k in range(lines.knots.size)])
    curve = lines.start + np.concatenate([[0.0], np.cumsum(np.cumsum(lines.bends)[:-1] * np.diff(lines.knots))])
    assert heights[-1] == pytest.approx(lines.start, abs=1e-9)  # flat again beyond the last knot
    for q in (0, lines.centre.size // 2):
        shifts = lines.centre[q] + lines.spread[q] * rng.normal(size=400_000)
        average = np.interp(-0.1 - shifts, lines.knots, curve).mean()
        assert lines.mean(-0.1)[q] == pytest.approx(average, abs=2e-3)


def test_the_probabilities_add_up_to_one():
    lines = ShiftedLines.of(FINE, steep(np.array([-0.1, 0.0, 0.2])), 0.95)
    assert lines is not None
    assert lines.weight.sum() == pytest.approx(1.0)
    assert (lines.spread > 0).all()


def test_doubt_grows_with_sigma_and_with_the_distance_between_lines():
    close, far = (ShiftedLines.of(FINE, steep(s * np.array([-1.0, 0.0, 0.5, 0.5])), 0.95) for s in (0.1, 0.3))
    assert close is not None
    assert far is not None
    doubts = [close.doubt(sigma, 0.95, 0.01, 99.0) for sigma in (0.3, 0.5, 0.7, 0.9)]
    assert doubts == sorted(doubts)
    assert far.doubt(0.6, 0.95, 0.01, 99.0) > close.doubt(0.6, 0.95, 0.01, 99.0)


def test_a_coarse_grid_hides_where_a_line_fell_and_says_so():
    edges = np.array([-0.01, 0.0, 0.01, 0.0, 0.0, 0.01, 0.0, -0.01])
    coarse = np.exp(np.array([-1.0, -0.5, 0.5, 1.0]))
    fine = ShiftedLines.of(FINE, steep(edges), 0.95)
    rough = ShiftedLines.of(coarse, steep(edges, coarse), 0.95)
    assert fine is not None
    assert rough is not None
    assert fine.weight @ fine.spread < 0.02
    assert rough.weight @ rough.spread > 1.0 / np.sqrt(12)  # anywhere in a gap of width 1


def test_lines_that_never_leave_are_counted_as_beyond_the_range():
    """Of a normal sample cut at the range's end, the law of the shifts is still about that of the whole sample."""
    edges = 0.3 * np.random.default_rng(3).normal(size=200)
    cut = FINE[FINE < 1.0]
    whole, censored = ShiftedLines.of(FINE, steep(edges), 0.95), ShiftedLines.of(cut, steep(edges, cut), 0.95)
    assert whole is not None
    assert censored is not None
    for lines in (whole, censored):
        assert lines.weight @ lines.spread == pytest.approx(0.3, abs=0.04)
        assert lines.weight @ lines.centre == pytest.approx(0.0, abs=0.06)


def test_where_no_line_leaves_there_is_nothing_to_learn():
    assert ShiftedLines.of(np.array([1.0, 2.0]), np.ones((8, 2)), 0.95) is None
    assert ShiftedLines.of(np.array([1.0, 2.0]), np.array([[1.0, 0.0]]), 0.95) is None


def test_holes_in_a_line_are_bridged():
    grid = np.exp([-1.0, 0.0, 1.0])
    lines = np.array([[1.0, 0.5, 0.0], [1.0, 0.6, 0.1], [1.0, np.nan, 0.0], [np.nan, np.nan, np.nan]])
    bridged = np.array([[1.0, 0.5, 0.0], [1.0, 0.6, 0.1], [1.0, 0.5, 0.0]])
    holes, full = ShiftedLines.of(grid, lines, 0.95), ShiftedLines.of(grid, bridged, 0.95)
    assert holes is not None
    assert full is not None
    assert holes.doubt(0.5, 0.95, 0.01, 99.0) == pytest.approx(full.doubt(0.5, 0.95, 0.01, 99.0))
