"""Most-case, worst-case and fine-tuning curves of the same capabilities on one axis: how far the weights moved.

Idea
----
α means another thing along each kind of direction: σ along a Gaussian one, the share of the way along a path, a
multiple of whatever a saved direction holds. What they have in common is the L2 distance of the step. Its σ-equivalent,

    σ = ‖α δ‖ / √d,

is the σ of random noise that moves d numbers as far: along a raw Gaussian direction it is α itself, up to the 1/√(2d)
by which ‖δ‖ scatters about √d. So curves of every kind can be laid over each other, in σ and in L2 at once.

All curves are means over the same examples: the first ones, as many as every direction has scored. Steps of α < 0 are
another side of a path and are left out. What was normalised by tensor or by row takes part like the others: by its
distance.

An *edge* is where a curve first falls below what must be kept, interpolated between two steps; of the mean over raw
random directions it is the basin's radius on these examples, read off the fitted curve, with its interval
(:class:`corrie.analysis.basin.Basin`). The **sharpness ratio** of a path is the edge of the mean over random directions
over its own: how many times nearer it breaks. A curve that was not followed to its edge, or was past it at the first
step, bounds the ratio: *at least*, *at most*. A ratio is of edges on fixed examples; it has no interval.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Literal

import numpy as np
import xarray as xr

from corrie.analysis.basin import Basin
from corrie.analysis.basin_words import bracket
from corrie.analysis.curve import Lines
from corrie.analysis.landscape import Landscape
from corrie.analysis.way_out import Ratio, WayOut
from corrie.errors import InputError
from corrie.records.direction import Direction, Gaussian, Unit
from corrie.records.model import ModelIdentity
from corrie.records.paths import Adapter, Difference, Saved
from corrie.records.search_spec import METHODS
from corrie.records.sqlite_store import SqliteStore
from corrie.records.task import TaskIdentity
from corrie.stats.arguments import Array
from corrie.stats.chance import above_chance
from corrie.stats.edge import first_crossing

REACHES = 20.0
"""The sharpness ratio that a worst-case direction is asked to reach."""

Case = Literal["most-case", "worst-case", "SFT-case", "other"]


@dataclass(frozen=True, slots=True)
class Way:
    """A task's curve along one path, or the mean over random directions.

    case     most-case (random), worst-case (searched for), SFT-case (towards a checkpoint, along an adapter), other
    name     which directions
    sigma    σ-equivalents in order, from 0 (the unmoved model) on, shape (k,)
    score    in [0, 1]: mean, band over directions, every direction
    edge     the first σ-equivalent at which the mean no longer keeps its share ρ above chance, None if it always does
    raw      along raw random directions: their edge is what others are compared with
    ratio    sharpness ratio: how many times nearer its edge is than that of random directions; None for random ones,
             and where nothing can be said
    interval of the edge, along raw random directions, over directions and examples; None for others
    """

    case: Case
    name: str
    sigma: Array
    score: Lines
    edge: float | None
    raw: bool = False
    ratio: Ratio | None = None
    interval: tuple[float, float] | None = None

    @property
    def says(self) -> str:
        """Case and name."""
        return self.name if self.case == "other" else f"{self.case}: {self.name}"

    @property
    def out(self) -> WayOut | None:
        """How far out it keeps its share, as a σ-equivalent; None where it was not followed at all.

        As in :attr:`ends`, an edge before the first step is only known to be nearer than that.
        """
        if len(self.sigma) < 2:
            return None
        if self.edge is None:
            return WayOut(distance=float(self.sigma[-1]), known="at least")
        if self.edge < self.sigma[1]:
            return WayOut(distance=float(self.sigma[1]), known="at most")
        return WayOut(distance=self.edge, known="equal")

    @property
    def sharpness(self) -> str:
        """The sharpness ratio in words; of a worst-case direction, whether it reaches :data:`REACHES`."""
        if self.ratio is None:
            return ""
        said = f"sharpness ratio {self.ratio}"
        if self.case != "worst-case":
            return said
        reached = reaches(self.ratio)
        if reached is None:
            return f"{said}, which does not tell whether it reaches {REACHES:g}"
        return f"{said}, which {'reaches' if reached else 'does not reach'} {REACHES:g}"

    @property
    def ends(self) -> str:
        """How far it keeps its share, in words."""
        limits = "" if self.interval is None else f" {bracket(*self.interval)}"
        if self.edge is None:
            return f"beyond σ {self.sigma[-1]:.3g}{limits}"
        where = f"before σ {self.sigma[1]:.3g}" if self.edge < self.sigma[1] else f"until σ {self.edge:.3g}"
        return where + limits


@dataclass(frozen=True, eq=False)
class Together:
    """Several landscapes of one model on one axis.

    model      what was moved
    tasks      what at least two of the landscapes measured
    ways       by task name: random directions first, then worst-case, fine-tuning, others
    examples   by task name: how many, the first ones
    unmoved    by task name: the score at θ0
    retention  ρ, by which edges are found

    >>> from corrie.testing.cliff_run import cliff_run
    >>> both = Together.of([Landscape.from_store(cliff_run(directions=2, examples=20))])
    >>> print(both.ways["math"][0].says)
    most-case: 2 random directions
    """

    model: ModelIdentity
    tasks: tuple[TaskIdentity, ...]
    ways: MappingProxyType[str, tuple[Way, ...]]
    examples: MappingProxyType[str, int]
    unmoved: MappingProxyType[str, float]
    retention: float

    @classmethod
    def of(cls, landscapes: Sequence[Landscape], retention: float | None = None) -> Together:
        """Lay landscapes over each other.

        Args:
            landscapes: of one model.
            retention: share of the score above chance that must be kept (default: what the first one asked for).

        Raises:
            InputError: other weights, other moving tensors, or no task that two of them measured.
        """
        if not landscapes:
            raise InputError("curves on one axis", found="no run", advice="corrie report RUN1 RUN2 --together")
        first = landscapes[0]
        for other in landscapes[1:]:
            _check_same_model(first.model, other.model)
        wanted = first.retention if retention is None else retention
        tasks = {t.id: t for one in landscapes for t in one.tasks}.values()
        measured = {t.id: [(one, grid) for one in landscapes if (grid := _scored(one, t)) is not None] for t in tasks}
        common = tuple(t for t in tasks if len(measured[t.id]) >= min(len(landscapes), 2))
        if not common:
            names = "; ".join(", ".join(t.name for t in one.tasks) for one in landscapes)
            raise InputError(
                "curves on one axis", found=f"no task that two of them measured ({names})", advice="the same -t in each"
            )
        ways, unmoved, examples = {}, {}, {}
        for task in common:
            examples[task.name] = least = min(int(grid.sizes["example"]) for _, grid in measured[task.id])
            grids = [(one, grid.isel(example=slice(least))) for one, grid in measured[task.id]]
            unmoved[task.name] = float(np.nanmean(grids[0][1].unmoved_score.values))
            level = task.chance + wanted * (unmoved[task.name] - task.chance)
            found = [way for one, grid in grids for way in _ways(one, grid, level, task, wanted)]
            told = sorted(_told_apart(found), key=lambda w: _ORDER.index(w.case))
            scored = [float(s) for s in grids[0][1].unmoved_score.values if s == s]
            present = bool(scored) and above_chance(scored, task.chance)
            ways[task.name] = tuple(_compared(told) if present else told)
        return cls(
            model=first.model,
            tasks=common,
            ways=MappingProxyType(ways),
            examples=MappingProxyType(examples),
            unmoved=MappingProxyType(unmoved),
            retention=wanted,
        )

    @classmethod
    def open(cls, runs: Sequence[Path | str], retention: float | None = None) -> Together:
        """Read run folders: of each, the lines along every kind of direction that it holds.

        Raises:
            RunError: there is no run, or it cannot be read.
            InputError: as of :meth:`of`.
        """
        landscapes: list[Landscape] = []
        for run in runs:
            with SqliteStore.open(run) as store:
                asked = [spec for spec, _ in store.specs() if not spec.is_plane]
                units: dict[Unit, None] = dict.fromkeys(d.normalisation for spec in asked for d in spec.directions)
                landscapes += [Landscape.from_store(store, unit) for unit in units]
        return cls.of(landscapes, retention)

    def __str__(self) -> str:
        parts = []
        for task in self.tasks:
            ends = (
                f"{way.says} {way.ends}" + (f" [{way.sharpness}]" if way.sharpness else "")
                for way in self.ways[task.name]
            )
            parts.append(f"{task.name} ({', '.join(ends)})")
        return f"{self.model.name}, {self.retention:g} of the score above chance is kept: {'; '.join(parts)}"


_ORDER: tuple[Case, ...] = ("most-case", "worst-case", "SFT-case", "other")


def reaches(ratio: Ratio, wanted: float = REACHES) -> bool | None:
    """Whether a ratio is so much or more; None where a bound does not tell.

    >>> [reaches(Ratio(value=v, known=k)) for v, k in ((20, "equal"), (25, "at most"), (9, "at least"), (9, "at most"))]
    [True, None, None, False]
    """
    if ratio.value >= wanted:
        return None if ratio.known == "at most" else True
    return None if ratio.known == "at least" else False


def case_of(direction: Direction) -> tuple[Case, str]:
    """Which landscape a direction belongs to, and what to call it.

    >>> case_of(Difference(base="a" * 64, tuned="b" * 64, tuned_name="chat"))
    ('SFT-case', 'chat')
    """
    if isinstance(direction, Difference | Adapter):
        return "SFT-case", direction.label
    if isinstance(direction, Saved):
        what = direction.origin.partition(" at ")[0]
        return ("worst-case", what) if what.split(" ")[0] in METHODS else ("other", direction.label)
    return "other", direction.axis


def _scored(landscape: Landscape, task: TaskIdentity) -> xr.Dataset | None:
    """A task's block, cut to the first examples that every direction scored at moved weights, of those that scored any;
    None where there are none."""
    if all(t.id != task.id for t in landscape.tasks):
        return None
    grid = landscape[task.name]
    moved = (grid.label.values >= 0).any(1)  # (direction, example)
    there = moved[moved.any(1)].all(0) & (grid.unmoved_label.values >= 0) & moved.any(0)
    count = int(np.argmin(there)) if not there.all() else there.size
    return grid.isel(example=slice(count)) if count else None


def _ways(landscape: Landscape, grid: xr.Dataset, level: float, task: TaskIdentity, retention: float) -> list[Way]:
    """One for all random directions of a landscape together, one for each of the others; of this task's own only."""
    scored = (grid.label.values >= 0).any((1, 2))
    random = [i for i, d in enumerate(landscape.directions) if isinstance(d, Gaussian) and scored[i]]
    found = []
    if random:
        normalisation = landscape.directions[random[0]].normalisation
        kind = "random" if normalisation == "none" else f"random ({normalisation})"
        name = f"{len(random)} {kind} direction{'s' * (len(random) != 1)}"
        way = _way(landscape, grid, random, "most-case", name, level, normalisation == "none")
        few = landscape.block(task).first(int(grid.sizes["example"]))
        found.append(_fitted(way, Basin.of(few, landscape.model, True, retention)) if way.raw else way)
    for i, direction in enumerate(landscape.directions):
        if scored[i] and not isinstance(direction, Gaussian):
            found.append(_way(landscape, grid, [i], *case_of(direction), level))
    return found


def _way(
    landscape: Landscape, grid: xr.Dataset, rows: list[int], case: Case, name: str, level: float, raw: bool = False
) -> Way:
    ahead = grid.alpha.values > 0
    grid = grid.isel(direction=rows, alpha=ahead)
    asked = landscape.steps.asked.isel(direction=rows).reindex(alpha=grid.alpha).values
    known = np.isfinite(asked) & (grid.label.values >= 0).all(2)
    grid = grid.isel(alpha=known.any(0))
    asked, known = asked[:, known.any(0)], known[:, known.any(0)]
    distance = np.where(known, asked, 0.0).sum(0) / np.maximum(known.sum(0), 1)
    score = Lines.of(np.where(known[:, :, None], grid.score.values, np.nan), grid.unmoved_score.values, 0, 0.8)
    sigma = np.insert(distance / math.sqrt(landscape.model.dimension), 0, 0.0)
    return Way(case, name, sigma, score, first_crossing(sigma, score.mean, level), raw)


def _fitted(way: Way, basin: Basin) -> Way:
    """The mean over raw random directions with the edge and interval of its fitted curve, where there is one."""
    if len(way.sigma) < 2 or basin.sigma_low is None or basin.sigma_high is None:
        return way
    interval = (basin.sigma_low, basin.sigma_high)
    if basin.status == "before_first_step":
        return replace(way, interval=interval)
    return replace(way, edge=basin.sigma, interval=interval)


def _told_apart(ways: list[Way]) -> list[Way]:
    """Two ways of one name (the same kind of direction in two runs) get numbers."""
    names = [w.says for w in ways]
    return [
        w if names.count(w.says) == 1 else replace(w, name=f"{w.name} ({names[: i + 1].count(w.says)})")
        for i, w in enumerate(ways)
    ]


def _compared(ways: Sequence[Way]) -> list[Way]:
    """With the ratio to the first of the raw random ones."""
    at_random = next((w.out for w in ways if w.raw), None)
    if at_random is None:
        return list(ways)
    return [w if w.case == "most-case" or w.out is None else replace(w, ratio=at_random.over(w.out)) for w in ways]


def _check_same_model(one: ModelIdentity, other: ModelIdentity) -> None:
    if one.fingerprint != other.fingerprint:
        raise InputError(
            "curves on one axis",
            found=f"other weights: {one.name} in {one.dtype} and {other.name} in {other.dtype}",
            advice="runs of one model at one precision",
        )
    if not one.is_the_function_of(other):
        raise InputError(
            "curves on one axis",
            found=f"the same weights under other settings: the configurations of {one.name} and {other.name} make "
            "another function of them",
            advice="runs of one model at one precision",
        )
    if one.selection != other.selection:
        raise InputError(
            "curves on one axis",
            found=f"other tensors move: {one.dimension:,} numbers and {other.dimension:,}",
            advice="runs with the same --include and --exclude",
        )
