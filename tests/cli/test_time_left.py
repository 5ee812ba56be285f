"""The time left: known costs, known counts."""

import itertools

import pytest

from corrie.cli.time_left import TimeLeft
from corrie.scanning.work import Ahead


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_every_task_counts_with_what_its_own_blocks_take() -> None:
    clock = Clock()
    left = TimeLeft(clock=clock)
    left.foresees([Ahead("short", 1, 10), Ahead("long", 1, 10)])
    for task, moved, cost in (("short", False, 1), ("long", False, 4), ("short", True, 2), ("long", True, 8)):
        if moved:
            clock.now += 0.5
            left.set("a direction")
        clock.now += cost
        left.scored(task, moved=moved)
    assert left.seconds(99) == pytest.approx(9 * (2 + 0.5) + 9 * (8 + 0.5))


def test_a_task_that_was_not_moved_yet_counts_with_its_unmoved_blocks_and_an_unknown_one_with_the_mean() -> None:
    clock = Clock()
    left = TimeLeft(clock=clock)
    left.foresees([Ahead("a", 3, 10), Ahead("b", 0, 5)])
    for _ in range(3):
        clock.now += 2
        left.scored("a", moved=False)
    assert left.seconds(0) == pytest.approx(10 * 2 + 5 * 2)


def test_nothing_is_said_of_too_little() -> None:
    left = TimeLeft(clock=Clock())
    left.scored("a", moved=False)
    assert left.seconds(5) is None


@pytest.mark.parametrize(("age", "calm"), [(0, 10), (60, 20), (200, 45)])
def test_what_is_said_never_jumps_and_comes_to_what_is_expected(age: int, calm: int) -> None:
    """The plan doubles its mind: every second takes what is said by one part in 45 to it, by more while it is young."""
    clock = Clock()
    left = TimeLeft(clock=clock)
    left.foresees([Ahead("a", 0, 503 + age)])
    for second in range(3 + age):
        clock.now += 1
        left.scored("a", moved=True)
        if second >= 2:
            left.seconds(0)
    assert left.seconds(0) == pytest.approx(500)
    left.foresees([Ahead("a", 0, 1000)])
    said = [500.0]
    for _ in range(300):
        clock.now += 1
        left.scored("a", moved=True)
        said.append(left.seconds(0) or 0.0)
    steps = [b - (a - 1) for a, b in itertools.pairwise(said)]
    assert steps[0] == pytest.approx(500 / calm, rel=0.06)
    assert max(map(abs, steps)) <= 500 / calm + 1
    assert said[-1] == pytest.approx(700, rel=0.01)


def test_the_end_is_the_end() -> None:
    clock = Clock()
    left = TimeLeft(clock=clock)
    left.foresees([Ahead("a", 0, 4)])
    for _ in range(4):
        clock.now += 1
        left.scored("a", moved=True)
    assert left.seconds(0) == 0.0


def test_a_machine_that_becomes_faster_is_followed() -> None:
    """A hundred blocks of four seconds, then of one. A mean of all blocks would say twice what is left."""
    clock = Clock()
    left = TimeLeft(clock=clock)
    left.foresees([Ahead("a", 0, 500)])
    for cost in [4.0] * 100 + [1.0] * 250:
        clock.now += cost
        left.scored("a", moved=True)
        left.seconds(0)
    assert left.seconds(0) == pytest.approx(150, rel=0.1)


def test_a_task_that_was_not_asked_yet_counts_by_its_tokens() -> None:
    clock = Clock()
    left = TimeLeft(clock=clock, tokens={"short": 100, "long": 500})
    left.foresees([Ahead("short", 3, 0), Ahead("long", 4, 0)])
    for _ in range(3):
        clock.now += 2
        left.scored("short", moved=False)
    assert left.seconds(0) == pytest.approx(4 * 10)


def test_a_direction_is_drawn_once_for_all_tasks_of_a_turn() -> None:
    """Drawing takes 6 s, setting 1 s, a block 2 s; two tasks have four and six blocks ahead, at steps of their own."""
    clock = Clock()
    left = TimeLeft(clock=clock)
    left.foresees([Ahead("a", 0, 6), Ahead("b", 0, 8)])
    for direction in ("1", "2"):
        for cost, task in ((6, "a"), (1, "b")):
            clock.now += cost
            left.set(direction)
            clock.now += 2
            left.scored(task, moved=True)
    assert left.seconds(0) == pytest.approx(6 * 6 + 4 * 1 + 10 * 2)


def test_planning_counts_with_the_blocks_of_a_round() -> None:
    clock = Clock()
    left = TimeLeft(clock=clock)
    left.foresees([Ahead("a", 0, 8)])
    for _ in range(4):
        clock.now += 2
        left.scored("a", moved=True)
    clock.now += 12
    left.foresees([Ahead("a", 0, 4)])
    assert left.seconds(0) == pytest.approx(4 * (2 + 3))
