"""The search along a fine-tune's path, on lines whose edge is known."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy.special import ndtr

from corrie.records.cell import Cell, Outcome
from corrie.records.paths import Adapter
from corrie.records.point import Point
from corrie.records.scan_spec import AlphaGrid, ScanSpec, TaskRequest
from corrie.records.task import TaskIdentity
from corrie.scanning.plans.inward import MOST_HALVES, InwardPlan
from corrie.scanning.plans.retract import RESOLUTION, Found, RetractPlan
from corrie.scanning.work import Known

TUNED = Adapter(content="c" * 64)
LIMIT = 100
RUNS = 100
SPEC = ScanSpec(
    tasks=(TaskRequest(task="one", limit=LIMIT), TaskRequest(task="two", limit=LIMIT)),
    directions=(TUNED,),
    alpha=AlphaGrid(low=1.0, high=1.0, count=1),
)
Law = Callable[[str, float, int], float]
"""(task, α, example) → success."""


def tasks(size: int) -> dict[str, TaskIdentity]:
    return {
        name: TaskIdentity(
            name=name, capability=name, source="toy", scoring="choice", chance=0.0, size=size, digest=name
        )
        for name in ("one", "two")
    }


def cell(point: Point, task: str, block: int, law: Law) -> Cell:
    alpha = point.steps[0].alpha if point.steps else 0.0
    outcomes = tuple(
        Outcome(id=f"{task}-{j}", success=law(task, alpha, j), label="right")
        for j in range(10 * block, 10 * block + 10)
    )
    return Cell(point=point.id, task=task, block=block, outcomes=outcomes)


def search(law: Law, size: int = 4 * LIMIT) -> tuple[Found, list[Point]]:
    """Drive the plan until it is done, through a store that forgets nothing and a plan that remembers nothing."""
    known, asked = Known(), []
    while True:
        plan = RetractPlan(TUNED, tasks(size), tolerance=0.1, confidence=0.95)
        work = plan(SPEC, known).work
        if not work:
            assert plan.follow(SPEC, known)[0] is None
            return plan.follow(SPEC, known)[1], asked
        for piece in work:
            asked.append(piece.point)
            for task, block in piece.blocks:
                known.add(cell(piece.point, task, block, law))


def cliff(**edges: float) -> Law:
    return lambda task, alpha, example: float(alpha <= edges[task])


@pytest.mark.parametrize("edge", [0.02, 0.11, 0.3, 0.5, 0.77, 0.99])
def test_the_known_edge_is_found_to_one_part_in_64(edge: float) -> None:
    found, asked = search(cliff(one=edge, two=2.0))
    assert found.alpha == int(edge * RESOLUTION) / RESOLUTION
    assert found.kept[1.0] is False
    assert len(found.kept) <= 10
    assert len(asked) == len(set(asked)) + 2, "only the model and the last α are looked at again, on fresh examples"
    ((alpha, fresh),) = found.fresh
    assert (alpha, {t: v.verdict for t, v in fresh.items()}) == (found.alpha, {"one": "kept", "two": "kept"})
    assert {v.examples for v in fresh.values()} == {LIMIT}


def test_the_narrowest_of_several_tasks_decides() -> None:
    assert search(cliff(one=0.6, two=0.4))[0].alpha == 25 / 64


def test_an_innocuous_fine_tune_is_kept_as_it_is_after_three_looks() -> None:
    found, asked = search(cliff(one=3.0, two=3.0))
    assert (found.alpha, list(found.kept)) == (1.0, [1.0, 0.5, 0.75])
    assert len(asked) == 6  # the model, three looks, and both ends on fresh examples


def test_nothing_is_kept() -> None:
    found, _ = search(cliff(one=0.001, two=1.0))
    assert (found.alpha, found.fresh) == (0.0, [])
    assert min(found.kept) == 1 / 64


def test_a_line_that_leaves_and_comes_back_is_noticed() -> None:
    found, _ = search(lambda task, alpha, example: float(alpha <= 0.3 or alpha > 0.55))
    assert found.alpha == 19 / 64
    assert found.kept[1.0]


def test_fresh_examples_that_are_lost_send_it_back() -> None:
    """The examples that were searched on hold to 0.8, the others only to 0.5."""

    def law(task: str, alpha: float, example: int) -> float:
        return float(alpha <= (0.8 if example < LIMIT else 0.5))

    found, _ = search(law)
    assert [alpha for alpha, _ in found.fresh] == [51 / 64, 38 / 64, 28 / 64]
    assert found.alpha == 28 / 64
    assert {v.verdict for v in found.fresh[-1][1].values()} == {"kept"}


def test_without_fresh_examples_nothing_is_confirmed() -> None:
    found, _ = search(cliff(one=0.5, two=0.5), size=LIMIT)
    assert (found.alpha, found.fresh) == (0.5, [])
    half, _ = search(cliff(one=0.5, two=0.5), size=LIMIT + 5)
    assert {v.examples for v in half.fresh[0][1].values()} == {5}


@pytest.mark.parametrize(("edge", "halves"), [(2.0, 1), (0.3, 3), (1e-9, MOST_HALVES + 1)])
def test_inward_by_halves_until_everything_is_kept(edge: float, halves: int) -> None:
    known, alphas = Known(), []
    plan = InwardPlan(TUNED, 1.0, tasks(40), tolerance=0.1)
    while work := plan(SPEC, known).work:
        for piece in work:
            alphas += [s.alpha for s in piece.point.steps]
            for task, block in piece.blocks:
                known.add(cell(piece.point, task, block, cliff(one=edge, two=2.0)))
    assert alphas == [2.0**-k for k in range(halves)]


@pytest.mark.coverage
def test_a_confirmed_end_has_lost_more_than_tolerated_as_rarely_as_it_says() -> None:
    """Answers break at an α of their own; the true score at the end says whether it was rightly confirmed.

    Twenty searched examples hardly know the edge, so many ends are wrong before they are confirmed.
    """
    spec = ScanSpec(
        tasks=(TaskRequest(task="one", limit=20),), directions=(TUNED,), alpha=AlphaGrid(low=1.0, high=1.0, count=1)
    )
    known_tasks = {"one": tasks(200)["one"]}
    right, confirmed = [], 0
    for run in range(RUNS):
        dice = np.random.default_rng([7, run])
        breaks, unmoved = np.exp(dice.normal(-0.7, 0.8, 200)), dice.random(200) < 0.8
        known = Known()
        plan = RetractPlan(TUNED, known_tasks, tolerance=0.1, confidence=0.9)

        def law(task: str, alpha: float, example: int, broken: Any = breaks, before: Any = unmoved) -> float:
            return float(before[example] and alpha <= broken[example])

        while work := plan(spec, known).work:
            for piece in work:
                for task, block in piece.blocks:
                    known.add(cell(piece.point, task, block, law))
        found = plan.follow(spec, known)[1]
        all_kept = bool(found.fresh) and all(v.verdict == "kept" for v in found.fresh[-1][1].values())
        confirmed += all_kept
        lost = 1 - ndtr((-0.7 - math.log(found.alpha)) / 0.8) if found.alpha else 0.0
        right.append(not (all_kept and lost > 0.1))
    assert confirmed > RUNS / 20, "it is confirmed often enough to be wrong"
    assert np.mean(right) >= 0.9 - 3 * math.sqrt(0.9 * 0.1 / RUNS)
