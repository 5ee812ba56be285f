"""The interval of a basin radius holds its confidence although the auto plan chooses where to look."""

import math
from collections.abc import Iterable

import numpy as np
import pytest

from corrie.records.direction import gaussian
from corrie.records.point import Point
from corrie.records.scan_spec import AlphaEdges, ScanSpec, TaskRequest
from corrie.scanning.plans.edges import SCOUT_SEED, EdgesPlan
from corrie.scanning.work import Work
from corrie.stats.model_free_radius import RadiusEstimate, basin_radius
from corrie.testing.landscapes import KnownBasin

pytestmark = pytest.mark.coverage

DIRECTIONS, EXAMPLES, RUNS = 8, 100, 250
LATTICE = [float(f"{m}e{e}") for e in (-4, -3, -2, -1) for m in range(10, 100)]
"""Every step size of two significant digits that the plan could ask for."""


class Oracle:
    """Stands in for the known cells: scores of one simulated model, asked for anywhere, at no cost."""

    def __init__(self, basin: KnownBasin, rng: np.random.Generator) -> None:
        self.baseline, self.moved = basin.draw(DIRECTIONS + 1, EXAMPLES, LATTICE, rng)
        self.done: set[str] = set()

    def row(self, point: Point) -> np.ndarray:
        if not point.steps:
            return self.baseline
        (step,) = point.steps
        direction = DIRECTIONS if step.direction.seed == SCOUT_SEED else step.direction.seed
        return self.moved[direction, LATTICE.index(step.alpha)]

    def score(self, spec: ScanSpec, point: Point, request: TaskRequest) -> float | None:
        return float(self.row(point)[: request.limit].mean())

    def missing(self, spec: ScanSpec, points: Iterable[Point]) -> tuple[Work, ...]:
        return tuple(Work(p, (("t", 0),)) for p in points if (p.id, spec.tasks[0].limit) not in self.done)


def scan(basin: KnownBasin, rng: np.random.Generator) -> RadiusEstimate:
    spec = ScanSpec(
        tasks=(TaskRequest(task="t", limit=EXAMPLES),), directions=gaussian(DIRECTIONS), alpha=AlphaEdges(), block=10
    )
    plan, oracle = EdgesPlan(0.2, {"t": basin.chance}), Oracle(basin, rng)
    alphas: set[float] = set()
    while work := plan(spec, oracle).work:  # type: ignore[arg-type]
        for piece in work:
            scouting = bool(piece.point.steps) and piece.point.steps[0].direction.seed == SCOUT_SEED
            oracle.done.add((piece.point.id, 20 if scouting else EXAMPLES))
            alphas.update(s.alpha for s in piece.point.steps if not scouting)
    sigmas = sorted(alphas)
    moved = oracle.moved[:DIRECTIONS, [LATTICE.index(a) for a in sigmas]]
    return basin_radius(sigmas, oracle.baseline, moved, chance=basin.chance)


@pytest.mark.parametrize(
    "basin",
    [
        KnownBasin(score=0.8, chance=0.2, centre=0.015, examples=0.4, directions=0.1, pairs=0.2),
        KnownBasin(score=0.6, chance=0.0, centre=0.01, examples=0.3, directions=0.3),
    ],
    ids=str,
)
def test_coverage_over_the_whole_procedure(basin: KnownBasin) -> None:
    rng = np.random.default_rng(20251123)
    radius = basin.radius(0.95)
    found = [scan(basin, rng) for _ in range(RUNS)]
    covered = [e.status == "absent" or e.low <= radius <= e.high for e in found]
    slack = 3 * math.sqrt(0.95 * 0.05 / RUNS)
    assert np.mean(covered) >= 0.95 - slack
    said = [e for e in found if e.status == "found"]
    assert len(said) > 0.9 * RUNS
    assert np.median([e.sigma for e in said]) == pytest.approx(radius, rel=0.15)
