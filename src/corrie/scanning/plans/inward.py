"""From the end of a path inwards by halves, until every capability is kept: where a sharp direction is left.

A worst-case direction leaves a basin long before the distance of a fine-tune, and nobody knows at which power of two.
Starting at α and halving brackets the way out of every capability within a factor of two, in as many steps as it is
sharp.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from corrie.analysis.kept_score import KeptScore
from corrie.records.direction import Direction
from corrie.records.point import Point
from corrie.records.scan_spec import ScanSpec
from corrie.records.task import TaskIdentity
from corrie.scanning.plans.line import cells_at
from corrie.scanning.work import Agenda, Known

MOST_HALVES = 12
_TYPICAL_HALVES = 4


@dataclass(frozen=True)
class InwardPlan:
    """The plan above.

    direction  along which
    start      α of the first look
    tasks      task id → identity; those that the unmoved model cannot do do not count
    tolerance  share of the score above chance that may be lost
    """

    direction: Direction
    start: float
    tasks: Mapping[str, TaskIdentity]
    tolerance: float

    def __call__(self, spec: ScanSpec, known: Known) -> Agenda:
        expected = cells_at(spec, 1 + _TYPICAL_HALVES)
        origin = known.missing(spec, [Point.origin()])
        if origin:
            return Agenda(origin, expected)
        for halves in range(MOST_HALVES + 1):
            point = Point.along(self.direction, self.start / 2**halves)
            work = known.missing(spec, [point])
            if work:
                return Agenda(work, max(expected, cells_at(spec, 2 + halves)))
            if self._all_kept(spec, known, point):
                break
        return Agenda((), expected)

    def _all_kept(self, spec: ScanSpec, known: Known, point: Point) -> bool:
        for request in spec.tasks:
            unmoved = known.successes(spec, Point.origin(), request) or ()
            kept = KeptScore(self.tasks[request.task], unmoved, self.tolerance)
            if kept.present and not kept.keeps(known.successes(spec, point, request) or ()):
                return False
        return True
