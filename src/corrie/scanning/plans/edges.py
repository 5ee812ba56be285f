"""Find the edges: scout, lay a grid, look closer where the basins end.

1.  The unmoved model is scored.
2.  A *scout*, one more random direction on the first examples of each task (as many as it takes to see a weak
    capability there), is followed outwards, α doubling from a hundredth of a typical weight, until no capability is
    left; if the first step is too far already, inwards by halves. The scout is no part of the landscape.
3.  A grid of step sizes, evenly spaced in log α, is laid from well inside the first edge the scout saw to where it
    saw the last capability gone. Every direction is scored at all of it: the basin radius belongs to the mean over
    directions, so all must be looked at in the same places.
    If the mean curve of a capability is below its threshold at the smallest of them, half of it is added; if one
    is still above at the largest, twice of it; once.
4.  Where the mean curve of a capability leaves its basin, the midpoint between the two neighbours is added, once.

The first grid does not depend on the directions that are averaged; what is added to it does. As lines hardly ever rise
again beyond their edge, a point that is added cannot make a limit of the radius pass that would have failed
(``tests/scanning/test_edges_coverage.py`` checks the interval over the whole procedure).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise

from corrie.errors import InputError
from corrie.records.direction import Gaussian, Unit
from corrie.records.model import ModelIdentity
from corrie.records.point import Point
from corrie.records.scan_spec import AlphaEdges, ScanSpec, TaskRequest
from corrie.scanning.plans.line import cells_at, line_points
from corrie.scanning.plans.retained import retained_shares
from corrie.scanning.work import Agenda, Known, Work

SCOUT_SEED = 2**63 - 1
"""The seed that is kept for the scout."""

SCOUT_EXAMPLES = 20
GONE = 0.3
"""A capability that keeps less than this share of its score above chance is gone."""

_DOUBLINGS = 16
_FURTHER = 1
"""How often the grid may be made longer: a weak capability's share is noisy, and must not be chased for ever."""

_TYPICAL_POINTS = 6
"""Scouting steps and midpoints that a scan usually needs: only for the estimate of the time left."""


def natural_step(model: ModelIdentity, normalisation: Unit) -> float:
    """The α that changes every weight by about its own size, in the units of a normalisation."""
    return {"none": model.rms, "unit": model.norm, "layer": 1.0, "filter": 1.0, "path": 1.0}[normalisation]


def scout_direction(spec: ScanSpec) -> Gaussian:
    """The direction that looks ahead, normalised as the scan's own.

    Raises:
        InputError: directions that are not random.
    """
    normalisation = spec.directions[0].normalisation
    if normalisation == "path":
        raise InputError("a scout", found="directions that are not random", advice="an alpha grid, such as 0:1:11")
    return Gaussian(seed=SCOUT_SEED, normalisation=normalisation)


@dataclass(frozen=True)
class EdgesPlan:
    """The plan above.

    step     the α that changes every weight by about its own size (:func:`natural_step`)
    chances  task id → chance level
    """

    step: float
    chances: dict[str, float]

    def __call__(self, spec: ScanSpec, known: Known) -> Agenda:
        if not isinstance(spec.alpha, AlphaEdges):
            raise InputError("an auto plan", found="a fixed alpha grid", advice="the line plan")
        expected = cells_at(spec, 1 + spec.alpha.points * len(spec.directions)) + cells_at(
            self._scouting(spec, known), _TYPICAL_POINTS
        )
        origin = known.missing(spec, [Point.origin()])
        if origin:
            return Agenda(origin, expected)
        ahead = self._scout(spec, known)
        if isinstance(ahead, Work):
            return Agenda((ahead,), expected)
        grid = self._grid(spec, ahead)
        work = known.missing(spec, line_points(spec, grid))
        for _ in range(_FURTHER):
            further = set() if work else self._further(spec, known, grid)
            if not further:
                break
            grid = tuple(sorted({*grid, *further}))
            work = known.missing(spec, line_points(spec, grid))
        if not work:
            grid = tuple(sorted({*grid, *self._midpoints(spec, known, grid)}))
            work = known.missing(spec, line_points(spec, grid))
        return Agenda(work, max(expected, cells_at(spec, 1 + len(grid) * len(spec.directions))))

    def _scouting(self, spec: ScanSpec, known: Known) -> ScanSpec:
        """The spec as the scout sees it: few examples, twice as many while they do not show a capability that the
        unmoved model shows on all of them."""
        few = tuple(self._seen_by_the_scout(spec, known, request) for request in spec.tasks)
        return spec.model_copy(update={"tasks": few})

    def _seen_by_the_scout(self, spec: ScanSpec, known: Known, whole: TaskRequest) -> TaskRequest:
        def shows(request: TaskRequest) -> bool:
            alone = spec.model_copy(update={"tasks": (request,)})
            return bool(retained_shares(alone, known, Point.origin(), self.chances))

        request = TaskRequest(task=whole.task, limit=min(whole.limit, SCOUT_EXAMPLES))
        if not shows(whole):
            return request
        while not shows(request):
            request = TaskRequest(task=whole.task, limit=min(whole.limit, 2 * request.limit))
        return request

    def _scout(self, spec: ScanSpec, known: Known) -> Work | dict[float, dict[str, float]]:
        """The scout's next step; or, when it has seen enough, what share of each capability it found where.

        {α: {task id: (J − c) / (J0 − c)}}, capabilities that the unmoved model has only.
        """
        spec = self._scouting(spec, known)
        seen: dict[float, dict[str, float]] = {}

        def look(alpha: float) -> Work | dict[str, float]:
            point = Point.along(scout_direction(spec), alpha)
            work = known.missing(spec, [point])
            if work:
                return work[0]
            seen[alpha] = retained_shares(spec, known, point, self.chances)
            return seen[alpha]

        alpha = _round(self.step / 100)
        for _ in range(_DOUBLINGS):
            found = look(alpha)
            if isinstance(found, Work):
                return found
            if all(share < GONE for share in found.values()):
                break
            alpha = _round(2 * alpha)
        alpha = _round(self.step / 200)
        while any(share < spec.retention for share in seen[min(seen)].values()) and len(seen) < 2 * _DOUBLINGS:
            found = look(alpha)
            if isinstance(found, Work):
                return found
            alpha = _round(alpha / 2)
        return seen

    def _grid(self, spec: ScanSpec, seen: dict[float, dict[str, float]]) -> tuple[float, ...]:
        """Evenly spaced in log α, from half of the first α at which anything was lost to where all was gone."""
        alphas = sorted(seen)
        lost = [a for a in alphas if any(share < spec.retention for share in seen[a].values())]
        gone = [a for a in alphas if all(share < GONE for share in seen[a].values())]
        low = (lost[0] if lost else alphas[-1]) / 2
        high = max(gone[0] if gone else alphas[-1], 4 * low)
        points = spec.alpha.points if isinstance(spec.alpha, AlphaEdges) else 0
        ratio = (high / low) ** (1 / (points - 1))
        return tuple(sorted({_round(low * ratio**k) for k in range(points)}))

    def _means(self, spec: ScanSpec, known: Known, alpha: float) -> dict[str, float]:
        """What share of each capability is left at an α, in the mean over directions."""
        found = [retained_shares(spec, known, Point.along(d, alpha), self.chances) for d in spec.directions]
        return {t: sum(f[t] for f in found) / len(found) for t in found[0] if all(t in f for f in found)}

    def _further(self, spec: ScanSpec, known: Known, grid: tuple[float, ...]) -> set[float]:
        """Half of the smallest α where a capability is lost there already; twice the largest where one is not lost."""
        added = set()
        if any(share < spec.retention for share in self._means(spec, known, grid[0]).values()):
            added.add(_round(grid[0] / 2))
        if any(share >= spec.retention for share in self._means(spec, known, grid[-1]).values()):
            added.add(_round(grid[-1] * 2))
        return added

    def _midpoints(self, spec: ScanSpec, known: Known, grid: tuple[float, ...]) -> set[float]:
        """Between the two grid points where the mean over directions leaves each capability's basin."""
        added, left = set(), set()
        for inside, alpha in pairwise(grid):
            for task, share in self._means(spec, known, alpha).items():
                if share < spec.retention and task not in left:
                    left.add(task)
                    added.add(_round(math.sqrt(inside * alpha)))
        return added


def _round(alpha: float) -> float:
    """Two significant digits: step sizes that a person can read and type again."""
    return float(f"{alpha:.2g}")
