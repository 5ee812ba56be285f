"""The two-way variance: against a slow reference, another library, and simulation."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from statsmodels.stats.sandwich_covariance import cov_cluster

from corrie.stats.two_way import TwoWay
from corrie.testing.landscapes import KnownBasin

GRID = np.array([0.6, 1.0])


def drawn(seed: int = 0, holes: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    baseline, moved = KnownBasin(0.8, 0.2, directions=0.2, pairs=0.2).draw(6, 40, GRID, rng)
    moved[rng.random(moved.shape) < holes] = np.nan
    return baseline, moved


def unfloored(moments: TwoWay, r: float) -> tuple[np.ndarray, np.ndarray]:
    return tuple(part[0] + r * part[1] + r * r * part[2] for part in (moments.rows, moments.columns))


def test_without_holes_it_is_the_variance_of_row_and_column_means():
    baseline, moved = drawn()
    rows, columns = unfloored(TwoWay.of(baseline, moved, 0.2), 0.95)
    for k in range(2):
        table = (moved[:, k] - 0.2) - 0.95 * (baseline - 0.2)
        assert rows[k] == pytest.approx(np.var(table.mean(1), ddof=1) / 6)
        assert columns[k] == pytest.approx(np.var(table.mean(0), ddof=1) / 40)


@pytest.mark.parametrize("holes", [0.0, 0.2])
def test_each_part_is_the_cluster_variance_of_statsmodels(holes):
    baseline, moved = drawn(1, holes)
    rows, columns = unfloored(TwoWay.of(baseline, moved, 0.2), 0.9)
    for k in range(2):
        table = (moved[:, k] - 0.2) - 0.9 * (baseline - 0.2)
        i, j = np.nonzero(np.isfinite(table))
        fit = sm.OLS(table[i, j], np.ones(i.size)).fit()
        assert rows[k] == pytest.approx(float(cov_cluster(fit, i)[0, 0]))
        assert columns[k] == pytest.approx(float(cov_cluster(fit, pd.factorize(j)[0])[0, 0]))


def test_it_is_not_below_the_true_variance_of_the_mean():
    """D_ij = A_i + B_j + e_ij: the estimate counts the interaction twice, the true variance once."""
    rng = np.random.default_rng(5)
    n, m, runs = 8, 50, 3000
    a, b, e = 0.05, 0.1, 0.2
    tables = (
        0.5 + a * rng.normal(size=(runs, n, 1)) + b * rng.normal(size=(runs, 1, m)) + e * rng.normal(size=(runs, n, m))
    )
    estimates = []
    for table in tables[:500]:
        rows, columns = unfloored(TwoWay.of(np.zeros(m), table[:, None], 0.0), 0.0)
        estimates.append(float(rows[0] + columns[0]))
    truth = a**2 / n + b**2 / m + e**2 / (n * m)
    assert tables.mean((1, 2)).var() == pytest.approx(truth, rel=0.1)
    assert np.mean(estimates) == pytest.approx(truth + e**2 / (n * m), rel=0.1)


def test_on_a_plateau_the_examples_part_does_not_vanish():
    """Nothing changes for 100 examples, all right before: losing 5 % of them whole has variance 0.05 · 0.95."""
    moments = TwoWay.of(np.ones(100), np.ones((8, 1, 100)), 0.0)
    rows, columns = moments.parts(0.95)
    assert rows[0] == 0
    assert columns[0] == pytest.approx(0.05 * 0.95 / 100)
    assert moments.overlap == 1.0


@pytest.mark.parametrize("score", [0.5, 0.95])
def test_just_at_the_retention_it_seldom_rejects_either_way(score, holds_as_often_as):
    """All directions break the same few examples: often none of them is among the hundred, which proves nothing."""
    basin = KnownBasin(score, 0.0, examples=0.3, directions=0.0)
    grid = np.array([basin.radius(0.95), basin.radius(0.5)])
    rng = np.random.default_rng(6)
    held = np.empty((2000, 2), bool)
    for run in range(2000):
        moments = TwoWay.of(*basin.draw(8, 100, grid, rng), 0.0)
        statistic, critical = moments.statistic(0.95)[0], moments.critical(0.95, 0.025)[0]
        held[run] = statistic <= critical, statistic >= -critical
    holds_as_often_as(0.975, held[:, 0])
    holds_as_often_as(0.975, held[:, 1])


def test_directions_that_break_different_examples_lower_the_floor():
    rng = np.random.default_rng(2)
    grid = np.array([0.5, 1.0])
    same = TwoWay.of(*KnownBasin(1.0, 0.0, examples=0.3, directions=0.0).draw(8, 400, grid, rng), 0.0)
    different = TwoWay.of(*KnownBasin(1.0, 0.0, 1.0, 0.0, 0.0, pairs=0.3).draw(8, 400, grid, rng), 0.0)
    assert same.overlap > 0.9
    assert different.overlap == pytest.approx(
        1 / 8, abs=0.05
    )  # independent over 8 directions: an eighth of the variance


@pytest.mark.parametrize("seed", range(3))
def test_the_test_is_just_undecided_at_the_limits(seed):
    moments = TwoWay.of(*drawn(seed), 0.2)
    low, high = moments.limits(0.95, 0.025)
    critical = moments.critical(0.95, 0.025)
    inside = (low > -0.33) & (high < 1.33)
    assert inside.any()
    assert moments.statistic(low)[inside] == pytest.approx(critical[inside], rel=1e-3)
    assert moments.statistic(high)[inside] == pytest.approx(-critical[inside], rel=1e-3)


def test_one_direction_gives_no_statistic_and_no_limits():
    moments = TwoWay.of(np.ones(20), np.ones((1, 1, 20)), 0.0)
    assert np.isnan(moments.statistic(0.95)).all()
    assert np.isnan(moments.limits(0.95, 0.025)).all()
