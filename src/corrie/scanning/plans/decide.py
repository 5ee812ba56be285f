"""Base and fine-tune on common blocks, round by round, until each task is decided or its examples are used up.

A round scores the next blocks of every task that is still open, first at α = 0 and then at α = 1, and judges all tasks
together (:func:`corrie.analysis.paired_verdict.judged_together`). A verdict holds at every look, so a task that is kept
or lost takes no further example. Rounds grow by a quarter: the weights are set a few times only, and at most a fifth of
the examples are scored in vain.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from corrie.analysis.kept_score import KeptScore
from corrie.analysis.paired_verdict import PairedVerdict, judged_together
from corrie.records.direction import Direction
from corrie.records.point import Point
from corrie.records.scan_spec import ScanSpec, TaskRequest
from corrie.records.task import TaskIdentity
from corrie.scanning.work import Agenda, Known, Work

FIRST_BLOCKS, LEAST_BLOCKS = 5, 2
"""Of each task in the first round, and in every other one at least."""


@dataclass(frozen=True)
class DecidePlan:
    """The plan above; a task's limit in the spec is the most examples it may take.

    direction   the path to the fine-tune
    tasks       task id → identity
    tolerance   share of the score above chance that may be lost
    confidence  1 − the error of each family of tests
    """

    direction: Direction
    tasks: Mapping[str, TaskIdentity]
    tolerance: float
    confidence: float

    def __call__(self, spec: ScanSpec, known: Known) -> Agenda:
        work, _ = self.follow(spec, known)
        return Agenda(work, len(known) + sum(len(piece.blocks) for piece in work))

    def follow(self, spec: ScanSpec, known: Known) -> tuple[tuple[Work, ...], dict[str, PairedVerdict]]:
        """What is needed next (nothing: it is done), and the verdicts of the last finished round by task id."""
        points = Point.origin(), Point.along(self.direction, 1.0)
        still_open, blocks = tuple(spec.tasks), FIRST_BLOCKS
        taken: dict[str, TaskRequest] = {}
        verdicts: dict[str, PairedVerdict] = {}
        while still_open:
            wanted = {r.task: TaskRequest(task=r.task, limit=min(blocks * spec.block, r.limit)) for r in still_open}
            missing = known.missing(spec, points, wanted.values())
            if missing:
                return missing, verdicts
            taken |= wanted
            verdicts = self._judged(spec, known, taken)
            still_open = tuple(r for r in spec.tasks if not verdicts[r.task].decided and taken[r.task].limit < r.limit)
            blocks += max(LEAST_BLOCKS, blocks // 4)
        return (), verdicts

    def _judged(self, spec: ScanSpec, known: Known, taken: Mapping[str, TaskRequest]) -> dict[str, PairedVerdict]:
        tuned = Point.along(self.direction, 1.0)
        pairs = {}
        for id, request in taken.items():
            before = known.successes(spec, Point.origin(), request) or ()
            after = known.successes(spec, tuned, request) or ()
            pairs[id] = KeptScore(self.tasks[id], before, self.tolerance), after
        return judged_together(pairs, self.confidence)
