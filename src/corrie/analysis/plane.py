"""A scanned plane as labelled arrays: the landscape over two directions at once.

Idea
----
A capability's surface is (α, β) ↦ J(θ0 + α δ1 + β δ2). Which surface depends on the two directions: two random ones
show a basin from above; a random one across a tuned one shows the way that a fine-tune took through it; two paths to
checkpoints A and B of one base span the plane that holds all three, with the base at (0, 0), A at (1, 0), B at (0, 1)
and the straight way from A to B between them. Such places are *marks*.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from corrie.analysis.block import Axis, Block
from corrie.analysis.plane_geometry import PlaneGeometry
from corrie.analysis.plane_grid import interpolate, mean_over_examples
from corrie.analysis.steps import Steps
from corrie.errors import RunError, UnknownName
from corrie.records.cell import CellKey
from corrie.records.direction import Direction, Unit
from corrie.records.model import ModelIdentity
from corrie.records.paths import Adapter, Difference, Quantised
from corrie.records.point import Point
from corrie.records.scan_spec import AlphaGrid, ScanSpec
from corrie.records.sqlite_store import SqliteStore
from corrie.records.store import Store
from corrie.records.task import TaskIdentity
from corrie.stats.arguments import Array

if TYPE_CHECKING:
    import xarray as xr


@dataclass(frozen=True, slots=True)
class Mark:
    """A labelled place in a plane: the model itself, or where a path leads."""

    name: str
    alpha: float
    beta: float

    def __str__(self) -> str:
        return f"{self.name} at ({self.alpha:g}, {self.beta:g})"


@dataclass(frozen=True, eq=False, repr=False)
class Plane:
    """What a scan of a plane found.

    model       what was moved
    tasks       what was measured
    directions  δ1 and δ2
    blocks      by task name the outcomes over (α, β, example); ``plane["math"]`` is the same as a labelled dataset with
                the coordinates alpha, beta, asked, distance, cosine and example
    taken       over (α, β): L2 norms of the step asked for and of the step that the weights took, and their cosine;
                :attr:`steps` is the same as a labelled dataset
    geometry    lengths and angle of the two directions; None while too few points are there
    marks       labelled places on it, the model first
    specs       the specs it comes from, with versions and date, oldest first

    >>> from corrie.testing.cliff_plane import cliff_plane
    >>> (plane,) = Plane.all_of(cliff_plane(examples=20))
    >>> plane
    Plane(toy: math, code; gaussian:0 × gaussian:1, 9 × 7 points)
    >>> plane["math"].score.dims
    ('alpha', 'beta', 'example')
    """

    model: ModelIdentity
    tasks: tuple[TaskIdentity, ...]
    directions: tuple[Direction, Direction]
    blocks: Mapping[str, Block]
    taken: Steps
    geometry: PlaneGeometry | None
    marks: tuple[Mark, ...]
    specs: tuple[tuple[ScanSpec, dict[str, str]], ...]

    @classmethod
    def all_of(cls, store: Store) -> tuple[Plane, ...]:
        """Every plane of a run, in the order in which they were asked for. Specs that differ in their tasks or examples
        only are one plane.

        Raises:
            RunError: a cell is damaged.
        """
        kin: dict[tuple[Any, ...], list[tuple[ScanSpec, dict[str, str]]]] = defaultdict(list)
        for spec, why in store.specs():
            if spec.is_plane:
                kin[_place(spec)].append((spec, why))
        return tuple(cls._read(store, tuple(asked)) for asked in kin.values())

    @classmethod
    def of(cls, store: Store, spec: ScanSpec) -> Plane:
        """The plane of one spec (and of those that differ from it in their tasks or examples only).

        Raises:
            RunError: it was not asked of this run, or a cell is damaged.
        """
        asked = tuple((one, why) for one, why in store.specs() if one.is_plane and _place(one) == _place(spec))
        if not asked:
            raise RunError("a plane of a run", found="it was not asked of this run", advice="corrie plane")
        return cls._read(store, asked)

    @classmethod
    def open(cls, folder: Path | str) -> Plane:
        """The plane of a run folder that was asked for last.

        Raises:
            RunError: there is no run, or no plane in it.
        """
        with SqliteStore.open(folder) as store:
            planes = cls.all_of(store)
        if not planes:
            raise RunError(f"the plane of {folder}", found="no plane was asked of it", advice="corrie plane")
        return planes[-1]

    @classmethod
    def last_of(cls, folder: Path | str) -> Plane | None:
        """The plane of a run folder, if a plane is what was asked of it last.

        Raises:
            RunError: there is no run, or it cannot be read.
        """
        with SqliteStore.open(folder) as store:
            asked = store.specs()
            return cls.of(store, asked[-1][0]) if asked and asked[-1][0].is_plane else None

    @classmethod
    def _read(cls, store: Store, asked: tuple[tuple[ScanSpec, dict[str, str]], ...]) -> Plane:
        spec = asked[-1][0]
        first, second = spec.directions
        alphas = spec.alpha.values if isinstance(spec.alpha, AlphaGrid) else ()
        betas = spec.beta.values if spec.beta is not None else ()
        where = {
            Point.at((first, a), (second, b)).id: (i, j) for i, a in enumerate(alphas) for j, b in enumerate(betas)
        }
        limits: dict[str, int] = {}
        for one, _ in asked:
            for request in one.tasks:
                limits[request.task] = max(request.limit, limits.get(request.task, 0))
        known = {task.id: task for task in store.tasks()}
        tasks = tuple(known[id] for id in limits if id in known)
        axes = (
            Axis.of_steps("alpha", alphas, "step size along the first direction"),
            Axis.of_steps("beta", betas, "step size along the second direction"),
        )
        taken = Steps.of(store.points(), where, axes)
        a, b = np.meshgrid(alphas, betas, indexing="ij")
        keys: dict[str, list[CellKey]] = defaultdict(list)
        for key in sorted(store.keys()):
            keys[key.task].append(key)
        blocks = {t.name: Block.read(store, t, limits[t.id], axes, where, keys[t.id]) for t in tasks}
        return cls(
            model=store.identity.model,
            tasks=tasks,
            directions=(first, second),
            blocks=MappingProxyType(blocks),
            taken=taken,
            geometry=PlaneGeometry.of(a, b, taken.asked),
            marks=_marks(store.identity.model, first, second, alphas, betas),
            specs=asked,
        )

    @property
    def alpha(self) -> Array:
        """Step sizes along the first direction."""
        return self.taken.axes[0].values

    @property
    def beta(self) -> Array:
        """Step sizes along the second direction."""
        return self.taken.axes[1].values

    @property
    def retention(self) -> float:
        """The share of the score above chance that counts as kept."""
        return self.specs[-1][0].retention

    @property
    def paths(self) -> tuple[tuple[Mark, Mark], ...]:
        """The straight ways between marks."""
        return tuple(combinations(self.marks, 2))

    def task(self, name: str) -> TaskIdentity:
        """The task of this name, or the only one that measures the capability of this name.

        Raises:
            UnknownName: there is none.
        """
        found = [t for t in self.tasks if t.name == name] or [t for t in self.tasks if t.capability == name]
        if len(found) != 1:
            raise UnknownName("task in this plane", name, [t.name for t in self.tasks])
        return found[0]

    def block(self, name: str) -> Block:
        """A task's outcomes as plain arrays (names as of :meth:`task`)."""
        return self.blocks[self.task(name).name]

    def __getitem__(self, name: str) -> xr.Dataset:
        return self.grids[self.task(name).name]

    @cached_property
    def grids(self) -> Mapping[str, xr.Dataset]:
        """By task name the outcomes as labelled datasets."""
        places = {name: self.steps[name] for name in ("asked", "distance", "cosine")}
        return MappingProxyType({name: b.labelled().assign_coords(places) for name, b in self.blocks.items()})

    @cached_property
    def steps(self) -> xr.Dataset:
        """What each step was to be and what the weights made of it, as a labelled dataset."""
        return self.taken.labelled()

    def score(self, name: str) -> Array:
        """J over (α, β), the mean over examples; NaN where nothing was scored."""
        return mean_over_examples(self.block(name).moved.score)

    def loss(self, name: str) -> Array:
        """Mean loss over (α, β), nats per token; NaN where there is none."""
        return mean_over_examples(self.block(name).moved.loss)

    def unmoved(self, name: str) -> float:
        """The score at θ0, NaN if it was not computed yet."""
        return float(mean_over_examples(self.block(name).unmoved.score))

    def missing(self, name: str) -> float:
        """The share of a task's outcomes on this plane that have not been computed yet."""
        return self.block(name).missing

    def at(self, name: str, mark: Mark) -> float | None:
        """The score at a mark, None where no point of the grid lies there or it was not scored."""
        if not (mark.alpha in self.alpha and mark.beta in self.beta):
            return None
        value = self.score(name)[self.alpha.tolist().index(mark.alpha), self.beta.tolist().index(mark.beta)]
        return float(value) if np.isfinite(value) else None

    def along(self, name: str, start: Mark, end: Mark, count: int = 41) -> tuple[Array, Array, Array]:
        """The straight way between two marks: α, β and the score there, linear between the points of the grid."""
        share = np.linspace(0.0, 1.0, count)
        a = start.alpha + share * (end.alpha - start.alpha)
        b = start.beta + share * (end.beta - start.beta)
        return a, b, interpolate(self.alpha, self.beta, self.score(name), a, b)

    def kept(self, name: str) -> float | None:
        """The share of the scored points at which the capability is retained; None where it cannot be said."""
        score, task = self.score(name), self.task(name)
        level = task.chance + self.retention * (self.unmoved(name) - task.chance)
        there = np.isfinite(score)
        return float((score[there] >= level).mean()) if there.any() and math.isfinite(level) else None

    def to_json(self) -> dict[str, Any]:
        """As plain data: what the plane is, and every task's scores at the marks and over the grid."""
        return {
            "directions": [d.id for d in self.directions],
            "alpha": self.alpha.tolist(),
            "beta": self.beta.tolist(),
            "geometry": None
            if self.geometry is None
            else {"first": self.geometry.first, "second": self.geometry.second, "cosine": self.geometry.cosine},
            "marks": [{"name": m.name, "alpha": m.alpha, "beta": m.beta} for m in self.marks],
            "capabilities": [
                {
                    "capability": task.capability,
                    "task": task.name,
                    "chance": task.chance,
                    "examples": self.block(task.name).examples.size,
                    "missing": self.missing(task.name),
                    "marks": [self.at(task.name, mark) for mark in self.marks],
                    "kept": self.kept(task.name),
                    "score": [[None if x != x else x for x in row] for row in self.score(task.name).tolist()],
                }
                for task in self.tasks
            ],
            "says": str(self),
        }

    def __str__(self) -> str:
        first, second = (d.axis for d in self.directions)
        said = []
        for task in self.tasks:
            values = ((mark, self.at(task.name, mark)) for mark in self.marks)
            places = ", ".join(f"{value:.2f} at {mark.name}" for mark, value in values if value is not None)
            kept = self.kept(task.name)
            share = "" if kept is None else f"kept at {100 * kept:.0f} % of the points"
            said.append(f"{task.name} {', '.join(filter(None, (places, share))) or 'not scored yet'}")
        return (
            f"Plane of {first} (α {self.alpha[0]:g} to {self.alpha[-1]:g}) and {second} "
            f"(β {self.beta[0]:g} to {self.beta[-1]:g}): {'; '.join(said)}"
        )

    def __repr__(self) -> str:
        names = ", ".join(task.name for task in self.tasks)
        first, second = (d.axis for d in self.directions)
        return f"Plane({self.model.name}: {names}; {first} × {second}, {self.alpha.size} × {self.beta.size} points)"


def unit_of(unit: Unit) -> str:
    """What one step size is along a direction.

    >>> unit_of("none")
    'σ, noise per weight'
    """
    return {
        "none": "σ, noise per weight",
        "unit": "L2 distance",
        "layer": "share of each tensor's norm",
        "filter": "share of each row's norm",
        "path": "share of the way",
    }[unit]


def _place(spec: ScanSpec) -> tuple[Any, ...]:
    """What two specs of one plane share."""
    return tuple(d.id for d in spec.directions), spec.alpha, spec.beta


def _marks(
    model: ModelIdentity, first: Direction, second: Direction, alphas: tuple[float, ...], betas: tuple[float, ...]
) -> tuple[Mark, ...]:
    """The model, and the ends of the paths, where they lie within the plane."""
    found = [Mark(model.name.rstrip("/").rpartition("/")[2] or model.name, 0.0, 0.0)]
    for direction, alpha, beta in ((first, 1.0, 0.0), (second, 0.0, 1.0)):
        if isinstance(direction, Difference | Adapter | Quantised):
            found.append(Mark(direction.given_name or direction.axis, alpha, beta))
    return tuple(m for m in found if min(alphas) <= m.alpha <= max(alphas) and min(betas) <= m.beta <= max(betas))
