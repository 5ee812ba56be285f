"""Lines on a fixed grid: the unmoved model once, then every direction at every α."""

from __future__ import annotations

from corrie.errors import InputError
from corrie.records.point import Point
from corrie.records.scan_spec import AlphaGrid, ScanSpec
from corrie.scanning.work import Agenda, Known


def line_points(spec: ScanSpec, alphas: tuple[float, ...]) -> tuple[Point, ...]:
    """The unmoved model, then direction by direction (each is drawn once), α ascending in its distance from 0."""
    outward = sorted((a for a in set(alphas) if a != 0.0), key=lambda a: (abs(a), a))
    return (Point.origin(), *(Point.along(d, a) for d in spec.directions for a in outward))


def cells_at(spec: ScanSpec, points: int) -> int:
    """How many cells so many points have."""
    return points * sum(len(spec.blocks(r)) for r in spec.tasks)


def line(spec: ScanSpec, known: Known) -> Agenda:
    """Everything at once."""
    if not isinstance(spec.alpha, AlphaGrid):
        raise InputError("a line plan", found="alpha auto", advice="the auto plan")
    points = line_points(spec, spec.alpha.values)
    return Agenda(known.missing(spec, points), cells_at(spec, len(points)))
