"""Scores of the smoothed model around a place, kept in a run folder: what is there is not done again."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from corrie.capabilities.task import Task
from corrie.models.model import Model
from corrie.records.certificate_spec import noise_point, own_seeds
from corrie.records.point import Point, Step
from corrie.records.scan_spec import AlphaGrid
from corrie.records.sqlite_store import SqliteStore
from corrie.records.subspace import Coordinates
from corrie.scanning.loop import fill
from corrie.scanning.plans.places import PlacesPlan
from corrie.scanning.scan import Scan
from corrie.scanning.subspace_executor import SubspaceExecutor
from corrie.scanning.work import Known
from corrie.subspaces.space import Coords, Space
from corrie.weights.fingerprint import fingerprint

ROWS = 8


def measure(
    model: Model,
    space: Space,
    tasks: Sequence[tuple[Task, int]],
    folder: Path,
    *,
    sigma: float,
    lattice: int | None,
    draws: int,
    at: Coords | None = None,
) -> dict[str, dict[str, object]]:
    """Point score at x' (``at``, None for the model itself) and the smoothed scores of ``draws`` draws around it.

    The draws have seeds of their own, the same for every place of a subspace (common random numbers), and none of them
    certifies or selects.
    """
    place = None if at is None else Coordinates(subspace=space.spec.id, content=fingerprint(at))
    first = own_seeds([space.spec.id, sigma, "measured"], "selecting")
    centre = Point.origin() if place is None else Point(steps=(Step(direction=place, alpha=1.0),))
    noisy = tuple(noise_point(space.spec, first + i, lattice, sigma, place) for i in range(draws))
    grid = AlphaGrid(low=sigma, high=sigma, count=1)
    scan = Scan.of(model, tasks, directions=(), alpha=grid)
    places = {} if place is None or at is None else {place.id: at}
    executor = SubspaceExecutor(model, scan.tasks, scan.spec.block, space, ROWS, places)
    with SqliteStore.create_or_open(folder, scan.identity) as store:
        scan.register(store)
        fill(scan.spec, PlacesPlan((centre, *noisy)), executor, store)
        known = Known(store.cells())
    found: dict[str, dict[str, object]] = {}
    for request in scan.spec.tasks:
        rows = [known.successes(scan.spec, p, request) or () for p in (centre, *noisy)]
        scores = [sum(s or 0.0 for s in row) / len(row) for row in rows]
        smoothed = sum(scores[1:]) / draws
        spread = (sum((s - smoothed) ** 2 for s in scores[1:]) / max(draws - 1, 1)) ** 0.5
        found[scan.tasks[request.task].identity.name] = {
            "point": scores[0],
            "smoothed": round(smoothed, 5),
            "standard_error": round(spread / draws**0.5, 5),
            "draws": draws,
            "examples": request.limit,
        }
    return found
