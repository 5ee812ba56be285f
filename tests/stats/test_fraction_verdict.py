from __future__ import annotations

import pytest

from corrie.stats.fraction_verdict import FractionVerdict


def test_it_says_what_the_draws_support_and_never_more():
    lower = 0.98765
    fails = FractionVerdict("fails", 0.999, 0.99, 370, 371, lower, None)
    assert str(fails) == (
        "not shown that at least 0.999 of all draws is good: 370 of 371 draws were good; "
        "with confidence 0.99 they support 0.9876"
    )
    open_ = FractionVerdict("open", 0.999, 0.99, 370, 370, lower, 4233)
    assert str(open_).startswith("not yet shown that at least 0.999 of all draws is good (4233 more good draws would)")
    holds = FractionVerdict("holds", 0.999, 0.99, 4603, 4603, 0.9990001, None)
    assert str(holds) == "with confidence 0.99, at least 0.999 of all draws is good: 4603 of 4603 draws were good"


def test_it_is_frozen():
    with pytest.raises(AttributeError):
        FractionVerdict("open", 0.9, 0.9, 0, 0, 0.0, 22).good = 1  # type: ignore[misc]
