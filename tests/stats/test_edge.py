from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from corrie.stats.edge import first_crossing


def test_the_crossing_lies_on_the_straight_line():
    assert first_crossing([0.0, 1.0, 3.0], [1.0, 0.8, 0.0], 0.4) == pytest.approx(2.0)


def test_only_the_first_crossing_counts():
    assert first_crossing([1.0, 2.0, 3.0, 4.0], [1.0, 0.0, 1.0, 0.0], 0.5) == pytest.approx(1.5)


def test_a_curve_that_starts_below_crosses_where_it_starts():
    assert first_crossing([0.5, 1.0], [0.2, 0.9], 0.5) == 0.5


def test_touching_the_level_is_not_falling_below_it():
    assert first_crossing([1.0, 2.0], [1.0, 0.5], 0.5) is None


def test_missing_heights_are_left_out():
    assert first_crossing([1.0, 2.0, 3.0], [1.0, np.nan, 0.0], 0.5) == pytest.approx(2.0)
    assert first_crossing([1.0], [np.nan], 0.5) is None


@given(st.lists(st.floats(0, 1), min_size=2, max_size=8), st.floats(0.05, 0.95))
def test_the_interpolated_curve_is_at_the_level_there(heights, level):
    places = np.arange(1.0, len(heights) + 1)
    found = first_crossing(places, heights, level)
    if found is None:
        assert min(heights) >= level
    elif found > places[0]:
        assert np.interp(found, places, heights) == pytest.approx(level, abs=1e-9)
        assert min(np.asarray(heights)[places < found]) >= level
