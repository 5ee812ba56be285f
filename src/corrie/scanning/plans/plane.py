"""The plane of two directions on a fixed grid: the unmoved model, both axes, and then everything between."""

from __future__ import annotations

from corrie.errors import InputError
from corrie.records.point import Point
from corrie.records.scan_spec import AlphaGrid, ScanSpec
from corrie.scanning.plans.line import cells_at
from corrie.scanning.work import Agenda, Known


def plane_points(spec: ScanSpec) -> tuple[Point, ...]:
    """θ0 + α δ1 + β δ2 for every α and β, each point once, and the unmoved model in any case.

    The axes come first: at a point of one step one direction is in memory, so each is made there, and then both stay.
    """
    if spec.beta is None or not isinstance(spec.alpha, AlphaGrid):
        raise InputError("a plane's points", found="a spec of lines", advice="two directions and two ranges")
    first, second = spec.directions
    alphas, betas = _outward(spec.alpha), _outward(spec.beta)
    axes = [Point.along(first, a) for a in alphas if 0.0 in betas] + [
        Point.along(second, b) for b in betas if 0.0 in alphas
    ]
    between = [Point.at((first, a), (second, b)) for a in alphas for b in betas if a and b]
    return tuple(dict.fromkeys((Point.origin(), *axes, *between)))


def plane_plan(spec: ScanSpec, known: Known) -> Agenda:
    """Everything at once."""
    points = plane_points(spec)
    return Agenda(known.missing(spec, points), cells_at(spec, len(points)))


def _outward(grid: AlphaGrid) -> list[float]:
    return sorted(grid.values, key=lambda a: (abs(a), a))
