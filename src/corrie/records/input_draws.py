"""What the draws of a spec on inputs came to: read from the store, and from the log of an earlier version.

A cell holds an outcome for every example of its block. Examples beyond the spec's have no prompt in it: they stand
there unscored (:func:`unasked`), and no reader looks at them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from corrie.errors import RunError
from corrie.records.cell import Cell, Outcome
from corrie.records.draw_log import DrawLog, specs_logged
from corrie.records.input_draw import InputDraw, InputPart
from corrie.records.input_spec import InputSpec
from corrie.records.point import Point
from corrie.records.run_folder import RunFolder
from corrie.records.store import Realised, Store
from corrie.records.successes import stored_successes

UNMOVED = Realised(asked=0.0, norm=0.0, cosine=None)
"""What noise on inputs makes of the weights: nothing."""


@dataclass(frozen=True, slots=True)
class InputDraws:
    """The outcomes of a spec's draws.

    ids    of the examples
    made   outcomes by draw, in the spec's order: success by example; what cannot be judged counts as wrong. None where
           the draw was not made
    """

    ids: tuple[str, ...]
    made: dict[InputDraw, tuple[float, ...] | None]

    @classmethod
    def from_store(cls, store: Store, spec: InputSpec) -> InputDraws:
        """As a run holds them.

        Raises:
            RunError: a cell is damaged.
        """
        ids = tuple(card.id for card in store.cards(spec.task.task)[: spec.task.limit])
        scan = spec.scan
        found = {d: stored_successes(store, scan, Point.along(d, 1.0), spec.task) for d in spec.every_draw}
        return cls(ids, {d: None if one is None else tuple(s or 0.0 for s in one) for d, one in found.items()})

    @classmethod
    def found_in(cls, run: RunFolder, spec: InputSpec) -> InputDraws:
        """As a run folder holds them: in its store, or in the log of an earlier version.

        Raises:
            RunError: what holds them is damaged.
        """
        log = DrawLog.read(run.path, spec.id)
        logged = cls(log.ids, {draw: log.outcomes.get(draw.draw) for draw in spec.every_draw})
        if not run.has_store:
            return logged
        with run.store() as store:
            kept = cls.from_store(store, spec)
        made = {draw: logged.made[draw] if one is None else one for draw, one in kept.made.items()}
        return cls(kept.ids or log.ids, made)

    @property
    def missing(self) -> int:
        """How many draws were not made."""
        return sum(one is None for one in self.made.values())

    @property
    def clean(self) -> tuple[float, ...]:
        """Of the prompts as they are; empty where that was not made."""
        return next(iter(self._of("clean")), ())

    @property
    def selection(self) -> list[tuple[float, ...]]:
        """Of the draws that sort the examples into groups, as far as they were made."""
        return self._of("selection")

    @property
    def certifying(self) -> list[tuple[float, ...]]:
        """Of the draws that certify, as far as they were made."""
        return self._of("draw")

    def _of(self, part: InputPart) -> list[tuple[float, ...]]:
        return [one for draw, one in self.made.items() if draw.part == part and one is not None]


def unasked(ids: Iterable[str]) -> tuple[Outcome, ...]:
    """Outcomes of examples that have no prompt in the spec."""
    return tuple(Outcome(id=id, success=None, label="unscored") for id in ids)


def specs_drawn(store: Store | None, folder: Path | None) -> set[str]:
    """Ids of all specs that have drawn in a run: those in its store, and those in logs of an earlier version."""
    points = () if store is None else (point for point, _ in store.points().values())
    stored = {s.direction.spec for point in points for s in point.steps if isinstance(s.direction, InputDraw)}
    return stored | (set() if folder is None else specs_logged(folder))


def take_over(store: Store, spec: InputSpec, log: DrawLog) -> None:
    """Put the draws of an earlier version's log into the store, so that none is made again. The log stays as it is.

    Args:
        store: with the spec's task and its cards registered.
        log: of the same spec.

    Raises:
        RunError: the log's draws are of other examples.
    """
    ids = [card.id for card in store.cards(spec.task.task)]
    if log.outcomes and log.ids != tuple(ids[: spec.task.limit]):
        raise RunError(f"the log of the draws of {spec.id}", found="they are of other examples", advice="a new folder")
    there = store.keys()
    for draw in spec.every_draw:
        point = Point.along(draw, 1.0)
        for cell in _cells(spec, point, ids, log.outcomes.get(draw.draw)):
            if cell.key not in there:
                store.record_point(point, UNMOVED)
                store.put(cell)


def _cells(spec: InputSpec, point: Point, ids: Sequence[str], outcomes: tuple[float, ...] | None) -> list[Cell]:
    """A logged draw as the cells that it would be now."""
    if outcomes is None:
        return []
    known = [
        Outcome(id=id, success=o, label="right" if o == 1.0 else "wrong") for id, o in zip(ids, outcomes, strict=False)
    ]
    whole = (*known, *unasked(ids[len(known) :]))
    return [
        Cell(point=point.id, task=spec.task.task, block=b, outcomes=whole[b * spec.block : (b + 1) * spec.block])
        for b in spec.scan.blocks(spec.task)
    ]
