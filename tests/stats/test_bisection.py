from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from corrie.stats.bisection import first_count, last_holding


@given(st.floats(1e-12, 1.0))
def test_the_answer_holds_and_the_next_number_does_not(edge):
    found = last_holding(lambda x: x <= edge, 0.0, 2.0)
    assert found <= edge < math.nextafter(found, 3.0)


def test_where_it_always_holds_the_answer_comes_up_to_the_end():
    assert last_holding(lambda x: True, 0.0, 1.0) == math.nextafter(1.0, 0.0)


def test_where_it_never_holds_the_answer_is_the_start():
    assert last_holding(lambda x: False, 0.25, 1.0) == 0.25


@given(st.integers(0, 10**6), st.integers(0, 100))
def test_the_first_count(edge, least):
    assert first_count(lambda n: n >= edge, least) == max(edge, least)
