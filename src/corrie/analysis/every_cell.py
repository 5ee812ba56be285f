"""Everything that was scored in a run, wherever its points lie: for runs that are neither lines nor planes.

The draws of a certificate, the directions of a claim, the places around a fine-tune: each is a point with one or two
steps, and each of its outcomes is a row. Draws on inputs move no weight; they stand under their label.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby

import numpy as np

from corrie.errors import RunError
from corrie.records.cell import CellKey
from corrie.records.draw_log import DrawLog
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
    asked   every spec with its versions and date, oldest first
    rows    by task, the unmoved model's first
    """

    model: ModelIdentity
    tasks: tuple[TaskIdentity, ...]
    asked: tuple[tuple[ScanSpec, dict[str, str]], ...]
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
            found = cls._of_inputs(run)
        if not any(found.rows.values()):
            raise RunError(f"what was scored in {run.path}", found="nothing yet", advice="the command that began it")
        return found

    @classmethod
    def from_store(cls, store: Store) -> EveryCell:
        """Read a store."""
        points = store.points()
        tasks = tuple(store.tasks())
        keys = sorted(store.keys(), key=lambda k: (k.task, k.point != Point.origin().id, k.point, k.block))
        rows = {t.name: tuple(_rows(store, points, [k for k in keys if k.task == t.id])) for t in tasks}
        return cls(store.identity.model, tasks, tuple(store.specs()), rows)

    @classmethod
    def _of_inputs(cls, run: RunFolder) -> EveryCell:
        """Draws on inputs, which a file of their own holds."""
        from corrie.analysis.input_certificate import InputCertificate

        stated = InputCertificate.found_in(run)
        if not stated:
            raise RunError(f"what was scored in {run.path}", found="nothing yet", advice="the command that began it")
        by_task = groupby(sorted(stated, key=lambda s: s.task.name), lambda s: s.task)
        rows: dict[str, tuple[_Row, ...]] = {}
        tasks = []
        for task, of_task in by_task:
            specs = {one.spec.id: one.spec for one in of_task}
            tasks.append(task)
            rows[task.name] = tuple(row for spec in specs.values() for row in _draws(run, spec))
        return cls(stated[0].model, tuple(tasks), (), rows)


def _rows(store: Store, points: dict[str, tuple[Point, Realised]], keys: list[CellKey]) -> Iterator[_Row]:
    nan = float("nan")
    for cell in store.cells(keys):
        point, realised = realised_at(points, cell.point)
        steps = [(step.direction, step.alpha) for step in point.steps]
        (first, alpha), (second, beta) = (*steps, (None, nan), (None, nan))[:2]
        raw = [abs(a) for d, a in steps if d.normalisation == "none"]
        sigma = float(np.hypot.reduce(raw)) if raw or not steps else nan
        where = (
            "origin" if first is None else first.id,
            0.0 if first is None else alpha,
            "" if second is None else second.id,
            beta,
            sigma,
            realised.norm,
            nan if realised.cosine is None else realised.cosine,
        )
        for o in cell.outcomes:
            yield (*where, o.id, nan if o.success is None else o.success, nan if o.loss is None else o.loss, o.label)


def _draws(run: RunFolder, spec: InputSpec) -> Iterator[_Row]:
    nan = float("nan")
    log = DrawLog.read(run.path, spec.id)
    for label in log.labels:
        for id, outcome in zip(log.ids, log.get(label) or (), strict=True):
            noise = 0.0 if label == "clean" else spec.noise.level
            right = "right" if outcome == 1.0 else "wrong"
            yield (f"{spec.noise} {label}", noise, "", nan, nan, 0.0, nan, id, outcome, nan, right)
