"""A finished (or running) scan as labelled arrays: the landscape.

Idea
----
A capability's landscape along a direction δ is the curve α ↦ J(θ0 + α δ), J the mean score of a fixed set of
examples. A scan draws it along many directions at once, so for each task the landscape is a block of numbers,
direction × α × example, beside the unmoved model's own scores, one for each example. Everything that is said about a
model (curves, bands, basins, exports) is computed from these blocks and from nothing else.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import numpy as np
import xarray as xr

from corrie.analysis.basin import Basin
from corrie.analysis.curve import Curve
from corrie.analysis.task_grid import Place, places, task_grid
from corrie.errors import InputError, RunError, UnknownName
from corrie.records.cell import CellKey
from corrie.records.direction import Direction, Unit
from corrie.records.model import ModelIdentity
from corrie.records.point import Point
from corrie.records.scan_spec import ScanSpec
from corrie.records.sqlite_store import SqliteStore
from corrie.records.store import Realised, Store
from corrie.records.task import TaskIdentity


@dataclass(frozen=True, eq=False, repr=False)
class Landscape:
    """What a scan found, one labelled block of numbers for each task.

    model        what was moved
    tasks        what was measured, in the order in which it was asked for
    directions   along which lines, in the order in which they were asked for
    steps        dataset over (direction, alpha): ``asked`` and ``distance``, the L2 norms of the step asked for and of
                 the step the weights took, and the ``cosine`` between the two
    asked        every spec of lines with its versions and date, oldest first

    Reading is by task name (or by capability, where one task alone measures it): ``landscape["math"]`` is an
    :class:`xarray.Dataset` (see :func:`corrie.analysis.task_grid.task_grid`) with the coordinates direction, alpha,
    sigma (only where α is σ: raw Gaussian directions) and example.

    Only lines along directions that some spec of the run asked for belong to it, and only as many examples of a task
    as the widest spec asked for. What has not been computed yet is NaN.

    >>> from corrie.testing.cliff_run import cliff_run
    >>> landscape = Landscape.from_store(cliff_run(directions=3, examples=20))
    >>> landscape
    Landscape(toy: language, knowledge, math, code, reasoning; 3 directions × 12 α)
    >>> landscape["math"].score.dims
    ('direction', 'alpha', 'example')
    """

    model: ModelIdentity
    tasks: tuple[TaskIdentity, ...]
    directions: tuple[Direction, ...]
    steps: xr.Dataset
    asked: tuple[tuple[ScanSpec, dict[str, str]], ...]
    grids: Mapping[str, xr.Dataset]

    @classmethod
    def from_store(cls, store: Store, normalisation: Unit | None = None) -> Landscape:
        """Read a run.

        Args:
            store: where the run is kept.
            normalisation: of the directions to read (default: that of the latest spec); ``path`` for those that are
                not random. α means another thing under each, so directions of several kinds never share a landscape.

        Raises:
            RunError: nothing was asked of this run yet, or a cell of it is damaged.
        """
        every_spec = store.specs()
        asked = tuple((spec, why) for spec, why in every_spec if not spec.is_plane)
        if not asked:
            found = "only planes were asked of it" if every_spec else "nothing was asked of it yet"
            raise RunError("the landscape of a run", found=found, advice="corrie scan")
        if normalisation is None:
            normalisation = asked[-1][0].directions[0].normalisation if asked[-1][0].directions else "none"
        every = {d.id: d for spec, _ in asked for d in spec.directions}
        directions = tuple(d for d in every.values() if d.normalisation == normalisation)
        limits: dict[str, int] = {}
        for spec, _ in asked:
            for request in spec.tasks:
                limits[request.task] = max(request.limit, limits.get(request.task, 0))
        known = {task.id: task for task in store.tasks()}
        tasks = tuple(known[id] for id in limits if id in known)
        points = store.points()
        where = places(points, directions)
        keys: dict[str, list[CellKey]] = defaultdict(list)
        for key in sorted(store.keys()):
            keys[key.task].append(key)
        steps = _steps(points, where, directions)
        raw = normalisation == "none"
        grids = {
            task.name: _with_units(
                task_grid(store, task, limits[task.id], directions, where, keys[task.id]),
                steps,
                store.identity.model,
                raw,
            )
            for task in tasks
        }
        return cls(store.identity.model, tasks, directions, steps, asked, MappingProxyType(grids))

    @classmethod
    def open(cls, folder: Path | str, normalisation: Unit | None = None) -> Landscape:
        """Read the run in a folder, without a lock, also while it is being scanned (see :meth:`from_store`).

        Raises:
            RunError: there is no run, it cannot be read, or nothing was asked of it yet.
        """
        with SqliteStore.open(folder) as store:
            return cls.from_store(store, normalisation)

    @property
    def retention(self) -> float:
        """The share of the score above chance that the latest spec wants kept."""
        return self.asked[-1][0].retention

    @property
    def is_raw(self) -> bool:
        """Whether α is σ: every direction is Gaussian and not normalised."""
        return all(direction.normalisation == "none" for direction in self.directions)

    @property
    def is_path(self) -> bool:
        """Whether α = 1 is where each direction leads: another checkpoint, an adapter, rounded weights."""
        return bool(self.directions) and all(direction.normalisation == "path" for direction in self.directions)

    def task(self, name: str | TaskIdentity) -> TaskIdentity:
        """The task of this name (or a task's own identity), or the only one that measures the capability of this name.

        Raises:
            UnknownName: there is none.
            InputError: several tasks measure this capability.
        """
        if isinstance(name, TaskIdentity):
            name = name.name
        for task in self.tasks:
            if task.name == name:
                return task
        measuring = [task for task in self.tasks if task.capability == name]
        if len(measuring) > 1:
            several = ", ".join(task.name for task in measuring)
            raise InputError(f"capability {name!r}", found=f"measured by {several}", advice="one of these")
        if not measuring:
            raise UnknownName("task in this landscape", name, [task.name for task in self.tasks])
        return measuring[0]

    def __getitem__(self, name: str | TaskIdentity) -> xr.Dataset:
        return self.grids[self.task(name).name]

    def curve(self, name: str | TaskIdentity, band: float = 0.8) -> Curve:
        """The mean curve of a task over directions, with the band that holds the middle share ``band`` of them.

        Raises:
            UnknownName: no such task.
            InputError: a band outside (0, 1].
        """
        return Curve.of(self[name], self.task(name), band)

    def basin(self, name: str | TaskIdentity, retention: float | None = None, confidence: float = 0.95) -> Basin:
        """How far a capability's basin reaches. Along paths, which are not random, there are edges only, on the side
        of their ends (α > 0).

        Args:
            name: a task, or a capability that one task measures.
            retention: the share of the score above chance that must be kept (default: what the scan asked for).
            confidence: of the interval.

        Raises:
            UnknownName: no such task.
            InputError: a retention or confidence that cannot be meant.
        """
        wanted = self.retention if retention is None else retention
        grid = self[name].sel(alpha=self[name].alpha > 0) if self.is_path else self[name]
        return Basin.of(grid, self.task(name), self.model, self.is_raw, wanted, confidence)

    def basins(self, retention: float | None = None, confidence: float = 0.95) -> tuple[Basin, ...]:
        """The basin of every task, in order."""
        return tuple(self.basin(task.name, retention, confidence) for task in self.tasks)

    def missing(self, name: str) -> float:
        """The share of a task's asked-for examples, over all points on its grid, that have not been computed yet."""
        label = self[name].label
        return float((label == -1).mean()) if label.size else 1.0

    def __repr__(self) -> str:
        names = ", ".join(task.name for task in self.tasks)
        alphas = self.steps.sizes["alpha"]
        return f"Landscape({self.model.name}: {names}; {len(self.directions)} directions × {alphas} α)"


def _steps(
    points: dict[str, tuple[Point, Realised]], where: dict[str, Place], directions: tuple[Direction, ...]
) -> xr.Dataset:
    """What each step was to be and what the weights made of it."""
    moved = [(place, points[id][1]) for id, place in where.items() if place.direction is not None]
    alphas = sorted({place.alpha for place, _ in moved})
    asked, norm, cosine = (np.full((len(directions), len(alphas)), np.nan) for _ in range(3))
    for place, realised in moved:
        at = (place.direction, alphas.index(place.alpha))
        asked[at], norm[at] = realised.asked, realised.norm
        cosine[at] = np.nan if realised.cosine is None else realised.cosine
    lines = ("direction", "alpha")
    return xr.Dataset(
        {
            "asked": (lines, asked, {"long_name": "L2 norm of the step asked for"}),
            "distance": (lines, norm, {"long_name": "L2 norm of the step the weights took"}),
            "cosine": (lines, cosine, {"long_name": "cosine between the two"}),
        },
        coords={"direction": [direction.id for direction in directions], "alpha": np.array(alphas, dtype=float)},
    )


def _with_units(grid: xr.Dataset, steps: xr.Dataset, model: ModelIdentity, raw: bool) -> xr.Dataset:
    """The same block with the distance of every point, and σ where α is σ."""
    placed = steps.reindex(alpha=grid.alpha, direction=grid.direction)
    grid = grid.assign_coords({name: placed[name] for name in ("distance", "cosine")})
    if raw:
        sigma = np.abs(grid.alpha.values)
        grid = grid.assign_coords(
            sigma=("alpha", sigma, {"long_name": "noise σ per coordinate"}),
            relative=("alpha", sigma / model.rms, {"long_name": "σ over the size of a typical weight, ‖θ0‖/√d"}),
        )
    return grid
