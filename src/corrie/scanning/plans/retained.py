"""What share of each capability is left at a point: all that an adaptive plan looks at."""

from __future__ import annotations

import math
from collections.abc import Mapping

from corrie.records.point import Point
from corrie.records.scan_spec import ScanSpec
from corrie.scanning.work import Known


def retained_shares(spec: ScanSpec, known: Known, point: Point, chances: Mapping[str, float]) -> dict[str, float]:
    """(J(point) − c) / (J(θ0) − c) for each task that is scored at both and that the unmoved model can do.

    A capability within two standard errors of chance is left out: its share would be noise, and a plan that follows
    noise goes nowhere.
    """
    shares = {}
    for request in spec.tasks:
        chance = chances[request.task]
        before, after = (known.score(spec, p, request) for p in (Point.origin(), point))
        if before is None or after is None:
            continue
        error = math.sqrt(max(chance * (1 - chance), before * (1 - before)) / request.limit)
        if before - chance > 2 * error:
            shares[request.task] = (after - chance) / (before - chance)
    return shares
