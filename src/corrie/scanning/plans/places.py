"""A list of points, all of them: the draws of a certificate."""

from __future__ import annotations

from dataclasses import dataclass

from corrie.records.point import Point
from corrie.records.scan_spec import ScanSpec
from corrie.scanning.plans.line import cells_at
from corrie.scanning.work import Agenda, Known


@dataclass(frozen=True)
class PlacesPlan:
    """Every task at every one of these points, in their order.

    >>> PlacesPlan((Point.origin(),)).points
    (Point(steps=()),)
    """

    points: tuple[Point, ...]

    def __call__(self, spec: ScanSpec, known: Known) -> Agenda:
        return Agenda(known.missing(spec, self.points), cells_at(spec, len(self.points)))
