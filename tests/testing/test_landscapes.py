from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from corrie.errors import InputError
from corrie.testing.landscapes import KnownBasin

BASINS = [
    KnownBasin(0.8, 0.2, 0.01, examples=0.3, directions=0.1),
    KnownBasin(0.95, 0.0, 1.0, examples=0.05, directions=0.5),
    KnownBasin(0.5, 0.1, 2.0, examples=0.0, directions=0.0, pairs=0.4),
    KnownBasin(0.6, 0.0, 1.0, examples=0.2, directions=0.1, pairs=0.3, tokens=8),
]


@pytest.mark.parametrize("basin", BASINS, ids=str)
def test_the_mean_of_many_draws_is_the_smoothed_score(basin):
    grid = basin.centre * np.array([0.3, 0.7, 1.0, 1.6])
    baseline, moved = basin.draw(1500, 300, grid, np.random.default_rng(0))
    assert baseline.mean() == pytest.approx(basin.score, abs=0.08)
    tolerance = 0.03 + 0.1 * basin.examples
    kept = (moved.mean((0, 2)) - basin.chance) / (baseline.mean() - basin.chance)
    expected = [(basin.smoothed_score(s) - basin.chance) / (basin.score - basin.chance) for s in grid]
    assert kept == pytest.approx(expected, abs=tolerance)


@given(
    st.floats(0.3, 1.0),
    st.floats(0.0, 0.25),
    st.floats(0.001, 10),
    st.floats(0.01, 1),
    st.floats(0, 1),
    st.floats(0.5, 0.99),
)
def test_at_the_radius_the_stated_share_is_left(score, chance, centre, examples, directions, retention):
    basin = KnownBasin(score, chance, centre, examples, directions)
    left = basin.smoothed_score(basin.radius(retention))
    assert left == pytest.approx(chance + retention * (score - chance))
    assert (
        basin.smoothed_score(0.9 * basin.radius(retention)) > left > basin.smoothed_score(1.1 * basin.radius(retention))
    )


def test_without_a_move_nothing_changes_and_far_away_only_chance_is_left():
    basin = BASINS[0]
    assert basin.smoothed_score(0.0) == basin.score
    assert basin.smoothed_score(1e6) == pytest.approx(basin.chance)
    baseline, moved = basin.draw(5, 50, [1e-9, 1e9], np.random.default_rng(1))
    assert (moved[:, 0] == baseline).all()
    assert moved[:, 1].mean() == pytest.approx(0.2, abs=0.08)


def test_examples_and_directions_break_as_they_are_asked_to():
    grid = np.exp(np.linspace(-1, 1, 41))
    rng = np.random.default_rng(2)
    same = KnownBasin(1.0, 0.0, examples=0.3, directions=0.0).draw(4, 60, grid, rng)[1]
    assert (same == same[:1]).all()
    apart = KnownBasin(1.0, 0.0, examples=0.0, directions=0.3).draw(4, 60, grid, rng)[1]
    assert (apart == apart[:, :, :1]).all()
    assert not (apart == apart[:1]).all()
    assert (np.diff(apart, axis=1) <= 0).all()


def test_scores_of_running_text_are_shares_of_tokens():
    baseline, moved = BASINS[3].draw(3, 200, [0.5, 1.0], np.random.default_rng(3))
    assert set(np.unique(baseline * 8)) <= set(range(9))
    assert ((moved >= 0) & (moved <= baseline)).all()
    assert 0 < baseline.std() < 0.25


def test_a_seed_is_a_landscape():
    draws = [BASINS[0].draw(2, 10, [0.005, 0.01], np.random.default_rng(7)) for _ in range(2)]
    assert all((a == b).all() for a, b in zip(*draws, strict=True))


@pytest.mark.parametrize(
    "arguments",
    [
        {"score": 0.2, "chance": 0.3},
        {"score": 1.1},
        {"centre": 0.0},
        {"examples": -0.1},
        {"examples": 0.0, "directions": 0.0},
        {"tokens": 0},
    ],
)
def test_what_is_no_landscape_is_refused(arguments):
    with pytest.raises(InputError):
        KnownBasin(**arguments)


def test_a_retention_of_one_has_no_radius():
    for retention in (0.0, 1.0, math.nan):
        with pytest.raises(InputError):
            BASINS[0].radius(retention)
