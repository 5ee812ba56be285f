from __future__ import annotations

import numpy as np
import pytest

from corrie.analysis.block import Axis, Block, Outcomes
from corrie.analysis.landscape import Landscape
from corrie.analysis.scored_blocks import scored_blocks
from corrie.errors import InputError
from corrie.records.task import TaskIdentity
from corrie.stats.dose_response import ScoredBlocks
from corrie.testing.cliff_run import KINDS, cliff_run

TASK = TaskIdentity(
    name="t", capability="t", source="s", scoring="choice", chance=0.25, size=3, digest="ab" * 32, sensitive=False
)
GAP = np.nan


def block(alphas: list[float], unmoved: list[float], moved: list[list[list[float]]]) -> Block:
    scores = np.array(moved, float)
    there, before = Outcomes.empty(scores.shape), Outcomes.empty((len(unmoved),))
    there.score[:], before.score[:] = scores, unmoved
    axes = (Axis.of_directions([f"d{i}" for i in range(len(moved))]), Axis.of_steps("alpha", alphas, ""))
    return Block(TASK, axes, np.array(["a", "b", "c"][: len(unmoved)]), there, before)


def test_only_pairs_that_were_scored_before_and_after_count() -> None:
    found = scored_blocks(block([0.5, 1.0], [1, 0, GAP], [[[1, GAP, 1], [0, 1, 1]], [[GAP] * 3, [1, GAP, 0]]]))
    rows = sorted(zip(found.direction, np.exp(found.log_sigma), found.example, found.before, found.after, strict=True))
    assert rows == [(0, 0.5, 0, True, True), (0, 1, 0, True, False), (0, 1, 1, False, True), (1, 1, 0, True, True)]


def test_both_sides_of_a_line_are_one_direction_and_no_step_is_not_a_move() -> None:
    found = scored_blocks(block([-1.0, 0.0, 1.0], [1], [[[0], [1], [1]]]))
    assert found.direction.tolist() == [0, 0]
    assert found.log_sigma.tolist() == [0.0, 0.0]
    assert sorted(found.after.tolist()) == [False, True]


def test_a_full_grid_is_the_crossed_one() -> None:
    there = Landscape.from_store(cliff_run(directions=3, examples=20, kinds=KINDS[2:3])).block("math")
    found = scored_blocks(there)
    slow = ScoredBlocks.crossed(there.axes[1].values, there.unmoved.score, there.moved.score)
    for name in ("log_sigma", "direction", "example", "before", "after"):
        np.testing.assert_array_equal(getattr(found, name), getattr(slow, name))


def test_scores_in_between_are_kept_as_they_are() -> None:
    found = scored_blocks(block([1.0], [0.75], [[[0.5]]]))
    assert found.graded
    assert (found.before.tolist(), found.after.tolist()) == ([0.75], [0.5])


def test_nothing_scored_is_refused() -> None:
    with pytest.raises(InputError, match="before and after a move"):
        scored_blocks(block([1.0], [GAP], [[[1]]]))
