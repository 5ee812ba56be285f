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
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np

from corrie.analysis.basin import Basin
from corrie.analysis.block import Axis, Block
from corrie.analysis.curve import Curve
from corrie.analysis.steps import Steps
from corrie.errors import InputError, RunError, UnknownName
from corrie.records.cell import CellKey
from corrie.records.direction import Direction, Unit
from corrie.records.model import ModelIdentity
from corrie.records.point import Point
from corrie.records.scan_spec import ScanSpec
from corrie.records.sqlite_store import SqliteStore
from corrie.records.store import Realised, Store
from corrie.records.task import TaskIdentity

if TYPE_CHECKING:
    import xarray as xr

STEP = "step size along the direction"


@dataclass(frozen=True, eq=False, repr=False)
class Landscape:
    """What a scan found, one labelled block of numbers for each task.

    model        what was moved
    tasks        what was measured, in the order in which it was asked for
    directions   along which lines, in the order in which they were asked for
    taken        over (direction, α): norms of the step asked for and of the step the weights took, and their cosine
    specs        every spec of lines with its versions and date, oldest first
    blocks       by task name the outcomes over (direction, α, example)

    Reading is by task name (or by capability, where one task alone measures it): ``landscape["math"]`` is an
    :class:`xarray.Dataset` (see :meth:`corrie.analysis.block.Block.labelled`) with the coordinates direction, alpha,
    sigma (only where α is σ: raw Gaussian directions), distance, cosine and example; :attr:`steps` holds the steps.

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
    taken: Steps
    specs: tuple[tuple[ScanSpec, dict[str, str]], ...]
    blocks: Mapping[str, Block]

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
        rows = Axis.of_directions([direction.id for direction in directions])

        def steps_of(ids: set[str]) -> tuple[tuple[Axis, Axis], dict[str, tuple[int, int]]]:
            """The axes of these points, and each one's place on them."""
            alphas = sorted({where[id][1] for id in ids if id in where})
            column = {alpha: number for number, alpha in enumerate(alphas)}
            there = {id: (row, column[alpha]) for id, (row, alpha) in where.items() if id in ids}
            return (rows, Axis.of_steps("alpha", alphas, STEP)), there

        axes, there = steps_of(set(points))
        blocks = {}
        for task in tasks:
            limit = min(limits[task.id], task.size)
            scored = {k.point for k in keys[task.id] if k.block * store.identity.block < limit}
            blocks[task.name] = Block.read(store, task, limit, *steps_of(scored), keys[task.id])
        taken = Steps.of(points, there, axes)
        return cls(store.identity.model, tasks, directions, taken, asked, MappingProxyType(blocks))

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
        return self.specs[-1][0].retention

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

    def block(self, name: str | TaskIdentity) -> Block:
        """A task's outcomes as plain arrays (names as of :meth:`task`)."""
        return self.blocks[self.task(name).name]

    def __getitem__(self, name: str | TaskIdentity) -> xr.Dataset:
        return self.grids[self.task(name).name]

    @cached_property
    def grids(self) -> Mapping[str, xr.Dataset]:
        """By task name the outcomes as labelled datasets."""
        return MappingProxyType({name: self._labelled(block) for name, block in self.blocks.items()})

    @cached_property
    def _found(self) -> dict[tuple[str, float, float], Basin]:
        """The basins that were asked for, by task, retention and confidence: each takes a fit of curves, once."""
        return {}

    @cached_property
    def steps(self) -> xr.Dataset:
        """What each step was to be and what the weights made of it, as a labelled dataset."""
        return self.taken.labelled()

    def curve(self, name: str | TaskIdentity, band: float = 0.8) -> Curve:
        """The mean curve of a task over directions, with the band that holds the middle share ``band`` of them.

        Raises:
            UnknownName: no such task.
            InputError: a band outside (0, 1].
        """
        return Curve.of(self.block(name), band)

    def basin(self, name: str | TaskIdentity, retention: float | None = None, confidence: float = 0.95) -> Basin:
        """How far a capability's basin reaches. Along paths, which are not random, there are edges only, on the side
        of their ends (α > 0).

        Args:
            name: a task, or a capability that one task measures.
            retention: the share of the score above chance that must be kept (default: what the scan asked for).
            confidence: of the interval.

        Raises:
            UnknownName: no such task.
            InputError: a retention or confidence that is not valid.
        """
        wanted = self.retention if retention is None else retention
        block = self.block(name)
        asked = (block.task.name, wanted, confidence)
        if asked not in self._found:
            if self.is_path:
                block = block.columns(block.axes[1].values > 0)
            self._found[asked] = Basin.of(block, self.model, self.is_raw, wanted, confidence)
        return self._found[asked]

    def basins(self, retention: float | None = None, confidence: float = 0.95) -> tuple[Basin, ...]:
        """The basin of every task, in order."""
        return tuple(self.basin(task.name, retention, confidence) for task in self.tasks)

    def missing(self, name: str) -> float:
        """The share of a task's asked-for examples, over all points on its grid, that have not been computed yet."""
        return self.block(name).missing

    def _labelled(self, block: Block) -> xr.Dataset:
        """A block with the distance of every point, and σ where α is σ."""
        alphas = block.axes[1].values
        steps = self.taken.at(alphas).labelled()
        grid = block.labelled(scoring=block.task.scoring, source=block.task.source)
        grid = grid.assign_coords({name: steps[name] for name in ("distance", "cosine")})
        if not self.is_raw:
            return grid
        sigma = np.abs(alphas)
        return grid.assign_coords(
            sigma=("alpha", sigma, {"long_name": "noise σ per coordinate"}),
            relative=("alpha", sigma / self.model.rms, {"long_name": "σ over the size of a typical weight, ‖θ0‖/√d"}),
        )

    def __repr__(self) -> str:
        names = ", ".join(task.name for task in self.tasks)
        alphas = self.taken.axes[1].values.size
        return f"Landscape({self.model.name}: {names}; {len(self.directions)} directions × {alphas} α)"


def places(
    points: Mapping[str, tuple[Point, Realised]], directions: Sequence[Direction]
) -> dict[str, tuple[int, float]]:
    """The points that lie on a line along one of these directions, by id: which direction (by its number), which α.

    >>> from corrie.records.direction import gaussian
    >>> one, two = gaussian(2)
    >>> moved = Point.along(two, 0.5)
    >>> places({moved.id: (moved, Realised(asked=1.0, norm=1.0, cosine=1.0))}, [two])[moved.id]
    (0, 0.5)
    """
    number = {direction.id: i for i, direction in enumerate(directions)}
    lines = {id: point.steps[0] for id, (point, _) in points.items() if len(point.steps) == 1}
    return {id: (number[step.direction.id], step.alpha) for id, step in lines.items() if step.direction.id in number}
