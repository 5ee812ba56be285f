"""What a fine-tune did to a model, capability by capability, as one value.

Idea
----
The fine-tune is the end α = 1 of a path θ0 + αΔ (a checkpoint, a merged adapter, rounded weights). A run holds the
same examples' outcomes at α = 0, at α = 1 and on the way; a landscape along random directions says how far the base can
be moved at all. From the two: what is kept and what is lost (:mod:`corrie.analysis.paired_verdict`), where on the way,
whether the move stayed in the basin, and how sharp its direction is (:mod:`corrie.analysis.capability_diff`).

All of that speaks of these examples and these two sets of weights at the precision they run in, and is measured. The
only guarantees are those of certificates that are available, each told in its own words beside
(:mod:`corrie.analysis.certified_move`): about the smoothed model around the fine-tune, never about the fine-tune.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, ClassVar, NamedTuple, Self

import numpy as np
from pydantic import model_validator

from corrie.analysis.basin import Basin, percent
from corrie.analysis.capability_diff import CapabilityDiff
from corrie.analysis.certificate import Certificate, FineTuned
from corrie.analysis.certified_move import CertifiedMove, Elsewhere
from corrie.analysis.kept_score import KeptScore
from corrie.analysis.landscape import Landscape
from corrie.analysis.move import Move, Part
from corrie.analysis.paired_verdict import PairedVerdict, judged_together
from corrie.analysis.statement import Card, Section, Statement, Table, kept_in
from corrie.analysis.way_out import WayOut
from corrie.analysis.whole_file import write_whole
from corrie.analysis.worst_compared import Worst, WorstCompared
from corrie.errors import InputError, RunError
from corrie.records.canonical import Record, content_hash
from corrie.records.direction import Direction
from corrie.records.model import ModelIdentity
from corrie.records.rules import check_tolerance
from corrie.records.run_folder import RunFolder
from corrie.records.scan_spec import ScanSpec, TaskRequest
from corrie.records.store import Store
from corrie.records.task import TaskIdentity


class CertificateAsked(NamedTuple):
    """A certificate of the base, its file's name, and where the fine-tune stands in its subspace."""

    certificate: Certificate
    name: str
    tuned: FineTuned | Elsewhere

    def speaks_of(self, task: TaskIdentity) -> bool:
        """Whether it is of this very task."""
        return any(t.task.id == task.id for t in self.certificate.tasks)

    def about(self, task: TaskIdentity) -> CertifiedMove:
        """What it says of the fine-tune."""
        return CertifiedMove.of(self.certificate, self.name, task, self.tuned)


class FineTuneDiff(Statement, Record):
    """A fine-tune against its base.

    model          the base: name, precision, what of it moves
    direction      id of the path
    tuned          what the fine-tune is called
    move           how far, and where in the model
    capabilities   one card each, in the order in which they were asked for
    landscape      how the most-case landscape was made, in words; empty where there is none

    ``print`` gives the sentences, ``to_json`` everything.
    """

    kind: ClassVar[str] = "diff"

    model: ModelIdentity
    direction: str
    tuned: str
    move: Move
    capabilities: tuple[CapabilityDiff, ...]
    tolerance: float
    confidence: float
    landscape: str = ""

    @model_validator(mode="before")
    @classmethod
    def _one_worst_for_all(cls, read: Any) -> Any:
        """As it was kept when one worst-case direction stood for all capabilities: now each card has its own."""
        if not (isinstance(read, dict) and "worst" in read):
            return read
        known = {name: value for name, value in read.items() if name != "worst"}
        if read["worst"] is None:
            return known
        return known | {"capabilities": [{**card, "worst": read["worst"]} for card in known["capabilities"]]}

    @classmethod
    def from_store(
        cls,
        store: Store,
        spec: ScanSpec,
        norms: Mapping[str, float],
        *,
        tolerance: float,
        confidence: float = 0.95,
        landscape: Landscape | None = None,
        worst: Mapping[str, Worst | str] = MappingProxyType({}),
        certificates: Sequence[CertificateAsked] = (),
        verdicts: Mapping[str, PairedVerdict] | None = None,
        followed: bool = True,
    ) -> FineTuneDiff:
        """Read the run of a path.

        Args:
            store: the run.
            spec: what was asked of it: one path, with α = 1 on its grid.
            norms: tensor name → L2 norm of the path's part there.
            tolerance: share of the score above chance that may be lost, in [0, 1).
            confidence: of intervals, and 1 − the error of each test; above 0.5.
            landscape: of the same base along raw random directions.
            worst: task id → a worst-case direction that was scanned in the same run, or why there is none.
            certificates: of the base, each with where the fine-tune stands in its subspace.
            verdicts: task id → the verdict, made from as many examples as it took; None: all tasks are judged
                together on the spec's examples.
            followed: whether the path was scored between its ends; if not, the cards do not say where on the way.

        Raises:
            InputError: terms that are not valid; a landscape that is not along raw random directions.
            RunError: a landscape of another model; α = 1 is not scored yet.
        """
        check_tolerance(tolerance)
        (direction,) = spec.directions
        identity = store.identity.model
        if landscape is not None:
            _check_landscape(landscape, identity)
        paths = Landscape.from_store(store, "path")
        step = paths.steps.sel(direction=direction.id)
        realised = {float(a): float(d) for a, d in zip(step.alpha.values, step.distance.values, strict=True) if d == d}
        move = Move.of(norms, identity, realised.get(1.0))
        lines = {}
        if followed or verdicts is None:
            lines = {r.task: _way(paths, r, direction, tolerance) for r in spec.tasks}
        if verdicts is None:
            verdicts = judged_together({id: (kept, line[1.0]) for id, (kept, line) in lines.items()}, confidence)
        cards = []
        for request in spec.tasks:
            task = next(t for t in paths.tasks if t.id == request.task)
            way_out = None
            kept, line = lines.get(task.id, (None, {}))
            if kept is not None and followed:
                way_out = WayOut.along(kept, _outward(line), move.distance)
            cards.append(
                CapabilityDiff.of(
                    task,
                    verdicts[task.id],
                    move,
                    way_out,
                    basin_of(landscape, task, tolerance, confidence),
                    _worst_way(paths, task, request.limit, kept, worst.get(task.id)),
                    _compared(worst.get(task.id)),
                    [one.about(task) for one in certificates if one.speaks_of(task)],
                )
            )
        return cls(
            model=identity,
            direction=direction.id,
            tuned=direction.label,
            move=move,
            capabilities=tuple(cards),
            tolerance=tolerance,
            confidence=confidence,
            landscape="" if landscape is None else repr(landscape),
        )

    def capability(self, name: str) -> CapabilityDiff:
        """The card of a task, or of the capability that one task measures.

        Raises:
            InputError: there is none, or there are several.
        """
        found = [c for c in self.capabilities if c.task == name] or [
            c for c in self.capabilities if c.capability == name
        ]
        if len(found) != 1:
            raise InputError(
                f"capability {name!r} of this diff",
                found="several tasks measure it" if found else "not measured",
                advice=", ".join(c.task for c in self.capabilities),
            )
        return found[0]

    def keep(self, folder: Path) -> Path:
        """Write it beside the run it was read from, where reports find it; the latest of each fine-tune stays.

        Raises:
            StorageError: the disk refuses.
        """
        file = RunFolder(folder).place(self.kind, content_hash(self.direction)[:16])
        return write_whole(file, lambda path: path.write_text(self.canonical(), "utf-8"))

    @classmethod
    def found_in(cls, run: RunFolder) -> tuple[Self, ...]:
        """Every diff in a run folder, by what the fine-tunes are called.

        Raises:
            RunError: one of them cannot be read.
        """
        found = kept_in(run, cls.kind, lambda f: cls.parse(run.read(f).decode("utf-8")), "corrie diff makes it again")
        return tuple(sorted(found, key=lambda d: d.tuned))

    @property
    def lost(self) -> tuple[str, ...]:
        """Tasks that are lost."""
        return tuple(c.task for c in self.capabilities if c.verdict == "lost")

    @property
    def undecided(self) -> tuple[str, ...]:
        """Tasks of which these examples cannot say whether they are lost, and tasks that the base cannot do."""
        return tuple(c.task for c in self.capabilities if c.verdict in ("undecided", "absent"))

    @property
    def headline(self) -> str:
        """The verdict in a few words."""
        words = {"lost": [], "undecided": [], "absent": [], "kept": []}
        for card in self.capabilities:
            words[card.verdict].append(card.task)
        return ", ".join(f"{verdict}: {' and '.join(names)}" for verdict, names in words.items() if names)

    @property
    def title(self) -> str:
        """What a report calls it."""
        return f"What {self.tuned} did"

    @property
    def holds(self) -> bool:
        """Whether nothing is lost."""
        return not self.lost

    @property
    def finding(self) -> str:
        """The verdicts, and how far it went."""
        return f"{self.model.name} → {self.tuned}: {self.headline} (L2 {self.move.distance:.4g})"

    @property
    def says(self) -> tuple[str, ...]:
        """How far and where it moved, and each capability's card."""
        told = (f"moved by {self.move}; {self.move.where}", *map(str, self.capabilities))
        if any(card.worst or card.no_worst for card in self.capabilities):
            return told
        return (*told, "How close it is to the worst-case direction was not measured")

    @property
    def terms(self) -> None:
        """None: a measurement on these examples; each card names its own tests."""
        return None

    @property
    def section(self) -> Section:
        """Its cards, and where it moved."""
        about = (
            f"The fine-tune moved {self.model.name} by {self.move}. To be kept is to lose no more than "
            f"{percent(self.tolerance)} of the score above chance, to be lost is to lose more. Each is said only if "
            f"the other is rejected on the same examples, with error {1 - self.confidence:.2g} over all tasks and looks"
        )
        tables = (_shares("Where it moved, by layer", self.move.layers), _shares("By kind of tensor", self.move.kinds))
        return Section(self.title, self.headline, (about,), None, tuple(map(self._card, self.capabilities)), tables)

    def _card(self, card: CapabilityDiff) -> Card:
        name = card.task if card.task == card.capability else f"{card.task} ({card.capability})"
        says = (card.measured, card.guarantees) if card.certified else (card.measured,)
        return Card(name, card.verdict, says, tuple(card.facts(self.move)))

    def to_json(self) -> dict[str, Any]:
        """Plain data: every field, and the sentences."""
        plain = self.model_dump(mode="json")
        for card, told in zip(plain["capabilities"], self.capabilities, strict=True):
            card["verdict"], card["says"] = told.verdict, str(told)
            for one, said in zip(card["certified"], told.certified, strict=True):
                one["says"] = str(said)
        return {"headline": self.headline, "lost": list(self.lost), "undecided": list(self.undecided), **plain}


def _shares(title: str, parts: Sequence[Part]) -> Table:
    """Distances and shares, parts that did not move left out."""
    rows = tuple((part.name, f"{part.distance:.3g}", percent(part.share)) for part in parts if part.distance)
    return Table(title, ("Part", "L2", "Share of L2²"), rows)


def _check_landscape(landscape: Landscape, identity: ModelIdentity) -> None:
    asked = "a diff against a landscape"
    there = landscape.model
    same = {what: getattr(there, what) == getattr(identity, what) for what in ("fingerprint", "dtype", "selection")}
    same["function (the settings of its configuration)"] = identity.is_the_function_of(there)
    for what, is_same in same.items():
        if not is_same:
            raise RunError(
                asked,
                found=f"it is of another model: {there.name} in {there.dtype}, and the base is {identity.name} in "
                f"{identity.dtype} (the {what} differs)",
                advice="the landscape of this base at this precision, or none: it is made",
            )
    if not landscape.directions or not landscape.is_raw:
        raise InputError(
            asked, found="it is not along raw random directions", advice="corrie scan … --direction gaussian:0-7"
        )


def _line(
    paths: Landscape, task: TaskIdentity, direction: Direction, limit: int
) -> dict[float, tuple[float | None, ...]]:
    """α → successes of the first examples, at 0 and wherever all of them have outcomes."""
    grid = paths[task.name].isel(example=slice(0, limit))
    found = {0.0: _successes(grid.unmoved_score.values)}
    along = grid.sel(direction=direction.id)
    for alpha, scores, labels in zip(along.alpha.values, along.score.values, along.label.values, strict=True):
        if (labels >= 0).all() and alpha != 0:
            found[float(alpha)] = _successes(scores)
    return found


def _way(
    paths: Landscape, request: TaskRequest, direction: Direction, tolerance: float
) -> tuple[KeptScore, dict[float, tuple[float | None, ...]]]:
    """What must be kept of a task's first examples, and their successes at each step but 0."""
    task = next(t for t in paths.tasks if t.id == request.task)
    line = _line(paths, task, direction, request.limit)
    kept = KeptScore(task, line.pop(0.0), tolerance)
    if 1.0 not in line:
        raise RunError(f"the diff along {direction}", found="α = 1 is not scored yet", advice="it again")
    return kept, line


def _outward(
    line: Mapping[float, tuple[float | None, ...]],
) -> Sequence[tuple[float, tuple[float | None, ...]]]:
    return sorted((alpha, successes) for alpha, successes in line.items() if alpha > 0)


def basin_of(landscape: Landscape | None, task: TaskIdentity, tolerance: float, confidence: float) -> Basin | None:
    """The base's basin of this task at the retention that the tolerance leaves; None if it was not measured."""
    if landscape is None or all(t.id != task.id for t in landscape.tasks):
        return None
    return landscape.basin(task.name, 1 - tolerance, confidence)


def _worst_way(
    paths: Landscape,
    task: TaskIdentity,
    limit: int,
    kept: KeptScore | None,
    worst: Worst | str | None,
) -> WayOut | None:
    if kept is None or not isinstance(worst, Worst):
        return None
    line = _line(paths, task, worst.direction, limit)
    return WayOut.along(kept, _outward(line), worst.norm)


def _compared(worst: Worst | str | None) -> WorstCompared | str | None:
    return WorstCompared.of(worst) if isinstance(worst, Worst) else worst


def _successes(values: np.ndarray) -> tuple[float | None, ...]:
    return tuple(None if value != value else value for value in values.tolist())
