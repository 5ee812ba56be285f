"""Basins of several models or checkpoints side by side, and which of them can be told apart.

Idea
----
All runs are read at the same retention and on the same examples: of a task that several of them measured, the first m,
m the fewest that any has. Each basin has its radius with an interval; between two runs there are two questions, and two
answers of different reach.

* **Are the radii different?** Yes, if their intervals are apart. Of K pairs the two intervals of each are made at
  confidence 1 − a/(2K), so that, with 1 − a the confidence asked for, all 2K hold together and no pair is called
  different wrongly with probability above a. It carries directions *and* examples, as the intervals do, with what they
  assume (:mod:`corrie.stats.basin_radius`), and it is careful: intervals that overlap may belong to different radii.
* **Do single lines leave at different distances?** The rank-sum test on the edges of single directions
  (:mod:`corrie.stats.rank_test`), adjusted over the K pairs by Holm. It is sharper and says less: it is over random
  directions, *on these examples*. Edges beyond what both runs looked at are ties; each edge is interpolated on its own
  run's grid, so differences finer than the grids mean nothing. Checkpoints of one architecture that
  were scanned along the same seeds share their directions; their edges rise and fall together, which makes this test
  more careful, not less.

Distances are compared in one unit: σ, L2 (σ√d), or relative to a typical weight (σ√d/‖θ0‖). For models of different
size the answer depends on it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any, Literal, get_args

from corrie.analysis.basin import Basin
from corrie.analysis.landscape import Landscape
from corrie.errors import InputError, RunError, UnknownName
from corrie.records.task import TaskIdentity
from corrie.stats.multiplicity import holm, shared_confidence
from corrie.stats.rank_test import rank_sum

RadiusUnit = Literal["sigma", "l2", "relative"]
UNITS: tuple[RadiusUnit, ...] = get_args(RadiusUnit)
WORDS: dict[RadiusUnit, str] = {"sigma": "σ", "l2": "L2 distance", "relative": "shares of a typical weight"}


@dataclass(frozen=True, slots=True)
class RadiusDifference:
    """One capability, two runs.

    one, two   names of the runs
    apart      the radii's intervals, at the confidence all pairs share, do not meet: the radii differ
    p          of the rank-sum test on single edges, adjusted over all pairs; None where a side has no edges
    larger     the run whose basin (or, if only the edges differ, whose lines) reaches further; empty if not told apart
    """

    task: str
    one: str
    two: str
    apart: bool
    p: float | None
    larger: str

    def __str__(self) -> str:
        if not self.larger:
            p = "" if self.p is None else f" (edges of single directions: p = {self.p:.3g})"
            return f"{self.task}: {self.one} and {self.two} are not told apart{p}"
        smaller = self.two if self.larger == self.one else self.one
        if self.apart:
            return f"{self.task}: the basin of {self.larger} is wider than that of {smaller} (intervals apart)"
        return (
            f"{self.task}: lines of {self.larger} leave later than those of {smaller} (p = {self.p:.3g}, over "
            "directions, on these examples); the intervals of the radii overlap"
        )


@dataclass(frozen=True, slots=True)
class Comparison:
    """Basins side by side.

    names        of the runs, in order
    basins       for each run, task name → basin, at the confidence asked for
    differences  every pair of runs that measured a task, in the order of tasks
    scales       for each run, what one σ is in the unit
    unit         in which distances are compared and printed

    >>> from corrie.testing.cliff_run import cliff_run
    >>> runs = {"one": cliff_run(directions=8), "two": cliff_run(directions=8, seed=1)}
    >>> found = Comparison.of({name: Landscape.from_store(run) for name, run in runs.items()})
    >>> found.differences[2].task, found.differences[2].larger
    ('math', '')
    """

    names: tuple[str, ...]
    basins: tuple[dict[str, Basin], ...]
    differences: tuple[RadiusDifference, ...]
    scales: tuple[float, ...]
    unit: RadiusUnit
    retention: float
    confidence: float

    @classmethod
    def of(
        cls,
        runs: dict[str, Landscape],
        *,
        unit: str = "sigma",
        retention: float | None = None,
        confidence: float = 0.95,
    ) -> Comparison:
        """Compare landscapes along raw random directions.

        Args:
            runs: at least two, by name.
            unit: ``sigma``, ``l2`` or ``relative``.
            retention: share of the score above chance that must be kept (default: what the first run asked for).
            confidence: of the intervals, and of all the differences together.

        Raises:
            UnknownName: no such unit.
            InputError: fewer than two runs, or one that is not along raw random directions.
            RunError: a task of one name is another one in another run, or no task is common to two runs.
        """
        chosen: RadiusUnit | None = next((u for u in UNITS if u == unit), None)
        if chosen is None:
            raise UnknownName("unit", unit, UNITS)
        if len(runs) < 2:
            raise InputError("a comparison", found=f"{len(runs)} run", advice="corrie compare RUN RUN …")
        for name, landscape in runs.items():
            if not landscape.directions or not landscape.is_raw:
                raise InputError(
                    f"comparing {name}",
                    found="it is not along raw random directions: its basins have no radius",
                    advice="corrie scan … --direction gaussian:0-7",
                )
        tasks = _tasks(runs)
        kept = next(iter(runs.values())).retention if retention is None else retention
        pairs = [(t, a, b) for t, there in tasks.items() for a, b in combinations(there, 2)]
        if not pairs:
            raise RunError("a comparison", found="no task was measured by two of these runs", advice="other runs")
        together = shared_confidence(confidence, 2 * len(pairs))
        shown, strict = ({n: {} for n in runs}, {n: {} for n in runs})
        for task, there in tasks.items():
            fewest = min(runs[name].block(task).examples.size for name in there)
            for name in there:
                shown[name][task] = _basin(runs[name], task, fewest, kept, confidence)
                strict[name][task] = _basin(runs[name], task, fewest, kept, together)
        scales = {n: _scale(landscape, chosen) for n, landscape in runs.items()}
        found = [_edges(shown[a][t], shown[b][t], scales[a], scales[b]) for t, a, b in pairs]
        known = [p for p in found if p is not None]
        adjusted = iter(holm(known).tolist() if known else [])
        values = [None if p is None else next(adjusted) for p in found]
        return cls(
            names=tuple(runs),
            basins=tuple(shown.values()),
            differences=tuple(
                _difference(t, a, b, strict[a][t], strict[b][t], scales[a], scales[b], p, 1 - confidence)
                for (t, a, b), p in zip(pairs, values, strict=True)
            ),
            scales=tuple(scales.values()),
            unit=chosen,
            retention=kept,
            confidence=confidence,
        )

    @property
    def tasks(self) -> tuple[str, ...]:
        """Every task that a run measured, in the order of the runs."""
        return tuple(dict.fromkeys(task for basins in self.basins for task in basins))

    def nested(self, run: int) -> tuple[str, ...]:
        """A run's tasks from the narrowest basin to the widest; those without a radius are left out."""
        basins = self.basins[run]
        return tuple(sorted((t for t in basins if not math.isnan(basins[t].limit)), key=lambda t: basins[t].limit))

    def radius(self, run: int, task: str) -> str:
        """A run's radius of a task with its interval, in the unit, for people."""
        basin, scale = self.basins[run].get(task), self.scales[run]
        if basin is None:
            return "not measured"
        if math.isnan(basin.limit) or basin.sigma_low is None or basin.sigma_high is None:
            return {"absent": "no such capability", "unmeasured": "not measured"}.get(basin.status, "no radius")
        sign = {"beyond_range": "> ", "before_first_step": "< "}.get(basin.status, "")
        high = "∞)" if math.isinf(basin.sigma_high) else f"{basin.sigma_high * scale:.3g}]"
        rough = "*" * basin.indicative
        return f"{sign}{basin.limit * scale:.3g} [{basin.sigma_low * scale:.3g}, {high}{rough}"

    def __str__(self) -> str:
        lines = [f"Basin radii in {WORDS[self.unit]} (share kept {self.retention:g}, confidence {self.confidence:g}):"]
        for i, name in enumerate(self.names):
            inside = " < ".join(f"{t} {self.radius(i, t)}" for t in self.nested(i))
            others = [f"{t}: {self.radius(i, t)}" for t in self.basins[i] if t not in self.nested(i)]
            lines.append(f"{name}: {'; '.join([inside, *others] if inside else others)}")
        lines += [f"{difference}." for difference in self.differences]
        if any(b.indicative for basins in self.basins for b in basins.values()):
            lines.append("* indicative: fewer than 8 directions × 100 examples.")
        return "\n".join(lines)

    def to_json(self) -> dict[str, Any]:
        """Plain data: every basin in every unit, the nesting, the differences."""
        return {
            "unit": self.unit,
            "retention": self.retention,
            "confidence": self.confidence,
            "runs": [
                {
                    "name": name,
                    "nested": list(self.nested(i)),
                    "scale": self.scales[i],
                    "basins": {task: {**b.to_json(), "says": b.finding} for task, b in self.basins[i].items()},
                }
                for i, name in enumerate(self.names)
            ],
            "differences": [
                {
                    "task": d.task,
                    "one": d.one,
                    "two": d.two,
                    "apart": d.apart,
                    "p": d.p,
                    "larger": d.larger or None,
                    "says": str(d),
                }
                for d in self.differences
            ],
        }


def open_runs(folders: Sequence[Path | str]) -> dict[str, Landscape]:
    """Landscapes of run folders by name: the model's, and the folder's beside it where two models are called alike.

    Raises:
        RunError: a folder without a run.
        InputError: a folder twice.
    """
    found = [(Path(folder).resolve(), Landscape.open(folder, "none")) for folder in folders]
    if len({place for place, _ in found}) < len(found):
        raise InputError("a comparison", found="a run is there twice", advice="each once")
    models = [landscape.model.name for _, landscape in found]
    named = {}
    for place, landscape in found:
        name = landscape.model.name
        short = name if models.count(name) == 1 else f"{name} ({place.name})"
        named[short if short not in named else f"{name} ({place})"] = landscape
    return named


def _tasks(runs: dict[str, Landscape]) -> dict[str, list[str]]:
    """Task name → the runs that measured it; the same content in all of them."""
    identities: dict[str, TaskIdentity] = {}
    there: dict[str, list[str]] = {}
    for name, landscape in runs.items():
        for task in landscape.tasks:
            known = identities.setdefault(task.name, task)
            if known.id != task.id:
                raise RunError(
                    f"comparing {task.name} of {name}",
                    found=f"another task of that name was measured in {there[task.name][0]}: scores cannot be compared",
                    advice="runs of the same benchmark and settings",
                )
            there.setdefault(task.name, []).append(name)
    return there


def _basin(landscape: Landscape, task: str, examples: int, retention: float, confidence: float) -> Basin:
    """On the first examples only."""
    return Basin.of(landscape.block(task).first(examples), landscape.model, landscape.is_raw, retention, confidence)


def _scale(landscape: Landscape, unit: RadiusUnit) -> float:
    model = landscape.model
    return {"sigma": 1.0, "l2": math.sqrt(model.dimension), "relative": 1 / model.rms}[unit]


def _edges(one: Basin, two: Basin, scale_one: float, scale_two: float) -> float | None:
    """The rank-sum test on single edges, both cut to what both runs looked at."""
    if not one.edges or not two.edges or one.tried is None or two.tried is None:
        return None
    low = max(one.tried[0] * scale_one, two.tried[0] * scale_two)
    high = min(one.tried[1] * scale_one, two.tried[1] * scale_two)
    if low >= high:
        return None

    def cut(basin: Basin, scale: float) -> list[float]:
        return [min(max(math.inf if e is None else e * scale, low), high) for _, e in basin.edges]

    return rank_sum(cut(one, scale_one), cut(two, scale_two))


def _difference(
    task: str,
    one: str,
    two: str,
    basin_one: Basin,
    basin_two: Basin,
    scale_one: float,
    scale_two: float,
    p: float | None,
    error: float,
) -> RadiusDifference:
    ends = [
        (b.sigma_low * s, b.sigma_high * s) if b.sigma_low is not None and b.sigma_high is not None else (0.0, math.inf)
        for b, s in ((basin_one, scale_one), (basin_two, scale_two))
    ]
    (low_one, high_one), (low_two, high_two) = ends
    if high_two < low_one:
        return RadiusDifference(task, one, two, True, p, one)
    if high_one < low_two:
        return RadiusDifference(task, one, two, True, p, two)
    larger = ""
    if p is not None and p <= error:
        further = _middle(basin_one) * scale_one > _middle(basin_two) * scale_two
        larger = one if further else two
    return RadiusDifference(task, one, two, False, p, larger)


def _middle(basin: Basin) -> float:
    """The median edge; infinite where most lines stay."""
    edges = sorted(math.inf if e is None else e for _, e in basin.edges)
    return (edges[(len(edges) - 1) // 2] + edges[len(edges) // 2]) / 2
