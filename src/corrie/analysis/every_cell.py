"""Everything that was scored in a run, wherever its points lie: for runs that are neither lines nor planes.

The draws of a certificate, the directions of a claim, the places around a fine-tune: each is a point with one or two
steps, and each of its outcomes is a row. Draws on inputs move no weight; they stand under their label, also those that
an earlier version kept in a log instead of a store.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from corrie.errors import RunError
from corrie.records.cell import CellKey
from corrie.records.direction import Direction
from corrie.records.input_draw import InputDraw
from corrie.records.input_draws import InputDraws
from corrie.records.input_spec import InputSpec
from corrie.records.model import ModelIdentity
from corrie.records.point import Point
from corrie.records.run_folder import RunFolder
from corrie.records.scan_spec import ScanSpec
from corrie.records.store import Realised, Store
from corrie.records.store_law import realised_at
from corrie.records.task import TaskIdentity

_Row = tuple[str, float, str, float, float, float, float, str, float, float, str]
"""Direction, alpha, second direction, beta, sigma, distance, cosine, example, score, loss, label."""


@dataclass(frozen=True)
class EveryCell:
    """All outcomes of a run, as rows.

    model   what was moved
    tasks   what was measured
    specs   every spec with its versions and date, oldest first
    rows    by task, the unmoved model's first
    """

    model: ModelIdentity
    tasks: tuple[TaskIdentity, ...]
    specs: tuple[tuple[ScanSpec, dict[str, str]], ...]
    rows: dict[str, tuple[_Row, ...]]

    @classmethod
    def open(cls, run: RunFolder) -> EveryCell:
        """Read a run folder.

        Raises:
            RunError: nothing was scored in it, or a cell is damaged.
        """
        if run.has_store:
            with run.store() as store:
                found = cls.from_store(store)
        else:
            found = cls._logged(run)
        if not any(found.rows.values()):
            raise RunError(f"what was scored in {run.path}", found="nothing yet", advice="the command that began it")
        return found

    @classmethod
    def from_store(cls, store: Store) -> EveryCell:
        """Read a store."""
        points = store.points()
        tasks = tuple(store.tasks())
        order = {id: _order(point) for id, (point, _) in points.items()}

        def place(key: CellKey) -> tuple[str, bool, tuple[str | int, ...], int]:
            return key.task, key.point != Point.origin().id, order.get(key.point, (key.point,)), key.block

        keys = sorted(store.keys(), key=place)
        rows = {t.name: tuple(_rows(store, points, [k for k in keys if k.task == t.id])) for t in tasks}
        return cls(store.identity.model, tasks, tuple(store.specs()), rows)

    @classmethod
    def _logged(cls, run: RunFolder) -> EveryCell:
        """Draws on inputs, which an earlier version kept in a file of their own."""
        from corrie.analysis.input_certificate import InputCertificate

        stated = InputCertificate.found_in(run)
        if not stated:
            raise RunError(f"what was scored in {run.path}", found="nothing yet", advice="the command that began it")
        rows: dict[str, tuple[_Row, ...]] = {}
        tasks = {one.task.name: one.task for one in sorted(stated, key=lambda s: s.task.name)}
        for name in tasks:
            specs = {one.spec.id: one.spec for one in stated if one.task.name == name}
            rows[name] = tuple(row for spec in specs.values() for row in _draws(run, spec))
        return cls(stated[0].model, tuple(tasks.values()), (), rows)


def _order(point: Point) -> tuple[str | int, ...]:
    """Where a point stands among the others: draws on inputs as they were made, all others by their id."""
    draws = [s.direction for s in point.steps if isinstance(s.direction, InputDraw)]
    return draws[0].place if draws else (point.id,)


def _rows(store: Store, points: dict[str, tuple[Point, Realised]], keys: list[CellKey]) -> Iterator[_Row]:
    nan = float("nan")
    for cell in store.cells(keys):
        point, realised = realised_at(points, cell.point)
        steps = [(step.direction, step.alpha) for step in point.steps]
        (first, alpha), (second, beta) = (*steps, (None, nan), (None, nan))[:2]
        raw = [abs(a) for d, a in steps if d.normalisation == "none"]
        sigma = float(np.hypot.reduce(raw)) if raw or not steps else nan
        where = (
            *_first(first, alpha),
            "" if second is None else second.id,
            beta,
            sigma,
            realised.norm,
            nan if realised.cosine is None else realised.cosine,
        )
        asked = first.examples - cell.block * store.identity.block if isinstance(first, InputDraw) else None
        for o in cell.outcomes[:asked]:
            yield (*where, o.id, nan if o.success is None else o.success, nan if o.loss is None else o.loss, o.label)


def _first(direction: Direction | None, alpha: float) -> tuple[str, float]:
    """What the first direction is called in a row, and how far along it; of a draw on inputs its label and noise."""
    if direction is None:
        return "origin", 0.0
    if isinstance(direction, InputDraw):
        return direction.label, 0.0 if direction.part == "clean" else direction.level
    return direction.id, alpha


def _draws(run: RunFolder, spec: InputSpec) -> Iterator[_Row]:
    nan = float("nan")
    drawn = InputDraws.found_in(run, spec)
    for draw, outcomes in drawn.made.items():
        for id, outcome in zip(drawn.ids, outcomes or (), strict=bool(outcomes)):
            right = "right" if outcome == 1.0 else "wrong"
            yield (*_first(draw, 1.0), "", nan, nan, 0.0, nan, id, outcome, nan, right)
