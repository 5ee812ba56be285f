"""Basins of several models or checkpoints side by side, and which of them can be told apart.

Idea
----
All runs are read at the same retention and on the same examples: of a task that several of them measured, the first m,
m the fewest that any has. Each basin has its radius with an interval (:mod:`corrie.stats.dose_response`).

Two radii are compared by their ratio, over directions *and* examples
(:func:`corrie.stats.dose_response.radius_ratio`): the p-value of "equal" is adjusted over the K pairs by Holm, so that
with 1 − a the confidence asked for no pair is called different wrongly with probability above a; each ratio's interval
is by itself. Where one of the two intervals assumes no shape (the curves do not fit, or scores lie between 0 and 1),
the two are only called different if intervals made at confidence 1 − a/(2K) do not meet. Runs that share examples, or
checkpoints that share seeds, have radii that rise and fall together: that makes the test more careful, not less.

Distances are compared in one unit: σ, L2 (σ√d), or relative to a typical weight (σ√d/‖θ0‖). For models of different
size the answer depends on it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

from corrie.analysis.basin import Basin
from corrie.analysis.landscape import Landscape
from corrie.analysis.order import Order
from corrie.errors import InputError, RunError, UnknownName
from corrie.records.task import TaskIdentity
from corrie.stats.multiplicity import holm, shared_confidence

if TYPE_CHECKING:
    from corrie.stats.dose_response import RadiusRatio

RadiusUnit = Literal["sigma", "l2", "relative"]
UNITS: tuple[RadiusUnit, ...] = get_args(RadiusUnit)
WORDS: dict[RadiusUnit, str] = {"sigma": "σ", "l2": "L2 distance", "relative": "shares of a typical weight"}


@dataclass(frozen=True, slots=True)
class RadiusDifference:
    """One capability, two runs.

    one, two   names of the runs
    ratio      the radius of ``one`` over that of ``two``, with its interval; None where a side has no radius
    p          of "the radii are equal", adjusted over all pairs; None where a side has no radius
    larger     the run whose basin reaches further; empty if not told apart
    """

    task: str
    one: str
    two: str
    ratio: RadiusRatio | None
    p: float | None
    larger: str

    @property
    def apart(self) -> bool:
        """Whether the radii differ."""
        return bool(self.larger)

    def __str__(self) -> str:
        if self.ratio is None or self.p is None:
            return f"{self.task}: {self.one} and {self.two} cannot be compared: not both have a radius"
        if not self.larger:
            return f"{self.task}: {self.one} and {self.two} are not told apart (ratio {self.ratio}, p = {self.p:.2g})"
        turned, smaller = self.ratio, self.two
        if self.larger == self.two:
            turned, smaller = self.ratio.turned, self.one
        return f"{self.task}: the basin of {self.larger} is wider than that of {smaller}: {turned}, p = {self.p:.2g}"


@dataclass(frozen=True, slots=True)
class Comparison:
    """Basins side by side.

    names        of the runs, in order
    basins       for each run, task name → basin, at the confidence asked for
    differences  every pair of runs that measured a task, in the order of tasks
    scales       for each run, what one σ is in the unit
    unit         in which distances are compared and printed

    >>> from corrie.testing.cliff_run import KINDS, cliff_run
    >>> runs = {name: cliff_run(kinds=KINDS[2:3], seed=seed) for seed, name in enumerate(["one", "two"])}
    >>> found = Comparison.of({name: Landscape.from_store(run) for name, run in runs.items()})
    >>> found.differences[0].task, found.differences[0].larger
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
        scales = {n: _scale(landscape, chosen) for n, landscape in runs.items()}
        fewest = {task: min(runs[name].block(task).examples.size for name in there) for task, there in tasks.items()}

        def read(task: str, name: str, confidence: float) -> Basin:
            """On the first examples only."""
            run = runs[name]
            return Basin.of(run.block(task).first(fewest[task]), run.model, run.is_raw, kept, confidence)

        shown = {name: {task: read(task, name, confidence) for task, there in tasks.items() if name in there}
                 for name in runs}  # fmt: skip
        strict = shared_confidence(confidence, 2 * len(pairs))
        ratios = []
        for task, a, b in pairs:
            one, two = shown[a][task], shown[b][task]
            if "model_free" in (one.method, two.method):
                one, two = read(task, a, strict), read(task, b, strict)
            ratios.append(_ratio(one, two, scales[a], scales[b]))
        adjusted = iter(holm([r.p for r in ratios if r is not None] or [1.0]).tolist())
        return cls(
            names=tuple(runs),
            basins=tuple(shown.values()),
            differences=tuple(
                _difference(*pair, ratio, None if ratio is None else next(adjusted), 1 - confidence)
                for pair, ratio in zip(pairs, ratios, strict=True)
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
        """A run's tasks by their radii, the smallest first, told apart or not; those without a radius are left out."""
        basins = self.basins[run]
        return tuple(sorted((t for t in basins if not math.isnan(basins[t].limit)), key=lambda t: basins[t].limit))

    def radius(self, run: int, task: str) -> str:
        """A run's radius of a task with its interval, in the unit, for people."""
        basin, scale = self.basins[run].get(task), self.scales[run]
        if basin is None:
            return "not measured"
        words = basin.words
        return words.none or f"{words.limit(scale).removeprefix('≤ ')} {words.interval(scale)}{'*' * basin.indicative}"

    def __str__(self) -> str:
        lines = [
            f"Basin radii in {WORDS[self.unit]} (share kept {self.retention:g}, confidence {self.confidence:g}; "
            "a < b where the intervals tell that a goes before b):"
        ]
        lines += [f"{name}: {self._side_by_side(i)}" for i, name in enumerate(self.names)]
        lines += [f"{difference}." for difference in self.differences]
        if any(b.indicative for basins in self.basins for b in basins.values()):
            lines.append("* indicative: fewer than 8 directions × 100 examples.")
        return "\n".join(lines)

    def _side_by_side(self, run: int) -> str:
        """A run's radii, the smallest first, and what it would take to see the weak ones."""
        nested, basins = self.nested(run), self.basins[run]
        told = self.order(run).before
        text = "".join(
            f"{'' if not k else ' < ' if (nested[k - 1], t) in told else ', '}{t} {self.radius(run, t)}"
            for k, t in enumerate(nested)
        )
        others = [
            f"{t}: {self.radius(run, t)}. {basins[t].words.to_see}".rstrip(". ") for t in basins if t not in nested
        ]
        return "; ".join(filter(None, (text, *others)))

    def order(self, run: int) -> Order:
        """What a run's intervals tell of the order of its basins."""
        return Order.of(tuple(self.basins[run].values()))

    def to_json(self) -> dict[str, Any]:
        """Plain data: every basin in every unit, the radii's order and what of it is told, the differences."""
        return {
            "unit": self.unit,
            "retention": self.retention,
            "confidence": self.confidence,
            "runs": [
                {
                    "name": name,
                    "nested": list(self.nested(i)),
                    "before": sorted(map(list, self.order(i).before)),
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
                    "ratio": d.ratio.ratio if d.ratio else None,
                    "ratio_low": d.ratio.low if d.ratio else None,
                    "ratio_high": d.ratio.high if d.ratio and math.isfinite(d.ratio.high) else None,
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


def _scale(landscape: Landscape, unit: RadiusUnit) -> float:
    model = landscape.model
    return {"sigma": 1.0, "l2": math.sqrt(model.dimension), "relative": 1 / model.rms}[unit]


def _ratio(one: Basin, two: Basin, scale_one: float, scale_two: float) -> RadiusRatio | None:
    """None where one of them has no radius."""
    from corrie.stats.dose_response import radius_ratio

    first, second = one.measured, two.measured
    if first is None or second is None:
        return None
    return radius_ratio(replace(first, scale=scale_one), replace(second, scale=scale_two))


def _difference(
    task: str, one: str, two: str, ratio: RadiusRatio | None, p: float | None, error: float
) -> RadiusDifference:
    larger = ""
    if ratio is not None and p is not None and p <= error * (1 + 1e-9):  # two times half of it may round up
        larger = one if ratio.ratio > 1 else two
    return RadiusDifference(task, one, two, ratio, p, larger)
