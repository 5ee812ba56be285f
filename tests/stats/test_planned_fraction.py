from __future__ import annotations

import numpy as np
import pytest

from corrie.errors import InputError
from corrie.stats.clopper_pearson import lower_limit
from corrie.stats.planned_fraction import PlannedFraction


def test_the_zero_failure_plan_of_the_paper():
    plan = PlannedFraction(0.999, 0.999)
    assert plan.draws == 6905
    held = plan.judge([True] * 6905)
    assert (held.status, held.good, held.draws, held.remaining) == ("holds", 6905, 6905, None)
    assert held.lower >= 0.999
    assert str(held).startswith("with confidence 0.999, at least 0.999 of all draws is good")


def test_it_is_open_until_it_is_finished():
    plan = PlannedFraction(0.99, 0.95)
    for n in (0, 1, 298):
        verdict = plan.judge([True] * n)
        assert (verdict.status, verdict.remaining) == ("open", 299 - n)
    assert "1 more good draws would" in str(plan.judge([True] * 298))


def test_it_stops_at_the_first_failure_and_looks_no_further():
    plan = PlannedFraction(0.99, 0.95)
    verdict = plan.judge([True] * 100 + [False] + [True] * 500)
    assert (verdict.status, verdict.good, verdict.draws) == ("fails", 100, 101)
    assert verdict.lower == pytest.approx(0.05 ** (1 / 100))
    assert "not shown" in str(verdict)
    assert plan.judge([False]).lower == 0.0


def test_a_plan_with_failures_counts_them():
    plan = PlannedFraction(0.9, 0.9, failures=2)
    good = [True] * plan.draws
    good[3] = good[7] = False
    assert plan.judge(good).status == "holds"
    assert plan.judge(good).lower == pytest.approx(lower_limit(plan.draws - 2, plan.draws, 0.9))
    good[9] = False
    stopped = plan.judge(good)
    assert (stopped.status, stopped.draws, stopped.good) == ("fails", 10, 7)
    assert stopped.lower == pytest.approx(lower_limit(7, 9, 0.9))


@pytest.mark.parametrize("failures", [0, 2])
@pytest.mark.parametrize("true", [0.6, 0.9, 0.97])
def test_whatever_the_plan_says_holds_as_often_as_it_says(true, failures, holds_as_often_as):
    """The limit after a plan that may stop early, and after half of it: neither exceeds the truth too often."""
    plan = PlannedFraction(0.9, 0.9, failures)
    runs = np.random.default_rng(failures).random((2000, plan.draws)) < true
    holds_as_often_as(0.9, [plan.judge(run).lower <= true for run in runs])
    halfway = plan.draws // 2
    looks = [(plan.judge(run[:halfway]).lower, plan.judge(run).lower) for run in runs[:300]]
    assert all(early <= late + 1e-12 for early, late in looks)


def test_a_false_claim_is_seldom_made(holds_as_often_as):
    plan = PlannedFraction(0.9, 0.9)
    runs = np.random.default_rng(1).random((4000, plan.draws)) < 0.9 - 1e-9
    holds_as_often_as(0.9, [plan.judge(run).status != "holds" for run in runs])


def test_what_cannot_be_meant_is_refused():
    with pytest.raises(InputError):
        PlannedFraction(1.0, 0.9)
    with pytest.raises(InputError):
        PlannedFraction(0.9, 0.9, failures=-1)
    plan = PlannedFraction(0.9, 0.9)
    with pytest.raises(InputError):
        plan.judge(np.ones((3, 40)))
    with pytest.raises(InputError):
        plan.judge([0.5, 0.7])
