from __future__ import annotations

import math
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from corrie.stats.rounding import TINY, nudged_down, nudged_up, rounded_down, rounded_up

numbers = st.floats(allow_nan=False, allow_infinity=False, min_value=-1e12, max_value=1e12)


@given(numbers, st.integers(1, 10))
def test_a_printed_number_never_flatters(value, digits):
    down, up = rounded_down(value, digits), rounded_up(value, digits)
    assert down <= value <= up
    assert float(f"{down:.{digits}g}") == down
    if value and abs(value) > 1e-300:
        unit = Decimal(1).scaleb(Decimal(value).adjusted() - digits + 1)
        assert Decimal(value) - Decimal(down) <= unit * Decimal("1.0001")


@given(numbers)
def test_a_nudge_is_small_and_goes_the_right_way(value):
    down, up = float(nudged_down(value)), float(nudged_up(value))
    assert down <= value <= up
    assert value == 0 or down < value < up
    assert abs(value - down) <= max(TINY, 1e-12 * abs(value))


def test_numbers_too_small_for_a_nudge_go_to_the_safe_side():
    for value in (5e-324, 1e-310, 1e-300):
        assert float(nudged_down(value)) == 0.0 < value < float(nudged_up(value)) == TINY
        assert float(nudged_down(-value)) == -TINY
    assert float(nudged_down(0.0)) == float(nudged_up(0.0)) == 0.0


def test_infinity_stays():
    assert nudged_down(math.inf) == math.inf
    assert rounded_down(math.inf) == math.inf


def test_a_difference_is_nudged_by_the_size_of_its_terms():
    assert float(nudged_down(0.0, scale=8.0)) < 0
