"""What a certificate rests on: every outcome of every draw, as one canonical file."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Literal

from pydantic import Field, model_validator

from corrie.analysis.whole_file import write_whole
from corrie.errors import InputError, RunError
from corrie.records.canonical import Record
from corrie.records.certificate_spec import CertificateSpec, noise_point
from corrie.records.model import ModelIdentity
from corrie.records.point import Point
from corrie.records.scan_spec import TaskRequest
from corrie.records.store import Store
from corrie.records.store_law import task_of
from corrie.records.successes import finished_successes
from corrie.records.task import TaskIdentity

Row = str | tuple[float | None, ...]
"""One draw's successes in the order of the examples: digits where all are 0 or 1 (``-``: unscored), else numbers."""


class TaskEvidence(Record):
    """One task's outcomes.

    task       what was scored
    examples   ids, in their order
    unmoved    successes of the model itself
    selection  a row for each selection draw
    draws      a row for each certifying draw
    """

    task: TaskIdentity
    examples: tuple[str, ...]
    unmoved: Row
    selection: tuple[Row, ...]
    draws: tuple[Row, ...]

    @model_validator(mode="after")
    def _whole_rows(self) -> TaskEvidence:
        """Every row has an outcome for every example, each a score in [0, 1] or unscored."""
        for row in (self.unmoved, *self.selection, *self.draws):
            if isinstance(row, str):
                fits = set(row) <= set("01-")
            else:
                fits = all(value is None or 0 <= value <= 1 for value in row)
            if len(row) != len(self.examples) or not fits:
                raise InputError(f"outcomes of {self.task.name}", found="a row that is no list of its examples' scores")
        return self

    def outcomes(self, row: Row) -> list[float]:
        """Successes as numbers; what is unscored counts as 0.

        >>> TaskEvidence.outcomes(None, "10-1")
        [1.0, 0.0, 0.0, 1.0]
        """
        if isinstance(row, str):
            return [1.0 if c == "1" else 0.0 for c in row]
        return [value or 0.0 for value in row]

    def score(self, row: Row) -> float:
        """J: the mean over all examples.

        Its float is k/m for k successes of m, the same in every place where it is made.
        """
        found = self.outcomes(row)
        return sum(found) / len(found)


class Evidence(Record):
    """Everything a certificate's numbers follow from; :meth:`text` is the canonical file.

    spec       the design, fixed before the certifying draws
    model      what was moved
    dimension  k, coordinates of the subspace
    tasks      outcomes, in the design's order
    """

    format: Literal["corrie-evidence-1"] = "corrie-evidence-1"
    spec: CertificateSpec
    model: ModelIdentity
    dimension: int = Field(gt=0)
    tasks: tuple[TaskEvidence, ...]

    @model_validator(mode="after")
    def _whole_design(self) -> Evidence:
        """No draw is left out, none is there twice, and each belongs to a task of the design."""
        spec = self.spec
        planned = [(t.task, t.limit, spec.selection.count, spec.draws) for t in spec.tasks]
        found = [(t.task.id, len(t.examples), len(t.selection), len(t.draws)) for t in self.tasks]
        if planned != found:
            raise InputError("outcomes of a certificate", found="other tasks, examples or draws than the design has")
        return self

    @classmethod
    def from_store(cls, store: Store, spec: CertificateSpec, dimension: int) -> Evidence:
        """Collect a finished certificate's cells.

        Raises:
            RunError: the run was never asked this certificate, a draw is missing, or a cell is damaged.
        """
        if spec not in [claim for claim, _ in store.claims()]:
            raise RunError(f"{spec}", found="this run was never asked it", advice="corrie certify")
        known, tasks = store.tasks(), []
        for request in spec.tasks:
            chosen = [noise_point(spec.subspace, s, spec.lattice, spec.sigma) for s in spec.selection.seeds]
            tasks.append(
                TaskEvidence(
                    task=task_of(known, request),
                    examples=tuple(card.id for card in store.cards(request.task)[: request.limit]),
                    unmoved=row_of(store, spec, Point.origin(), request),
                    selection=tuple(row_of(store, spec, p, request) for p in chosen),
                    draws=tuple(row_of(store, spec, spec.point(i), request) for i in range(spec.draws)),
                )
            )
        return cls(spec=spec, model=store.identity.model, dimension=dimension, tasks=tuple(tasks))

    def text(self) -> str:
        """The file's content: canonical JSON and a newline."""
        return self.canonical() + "\n"

    @property
    def digest(self) -> str:
        """SHA-256 of the file's bytes."""
        return hashlib.sha256(self.text().encode()).hexdigest()

    @property
    def file_name(self) -> str:
        """What the file is called: ``outcomes-`` and the beginning of its hash."""
        return f"outcomes-{self.digest[:12]}.json"

    def write(self, folder: Path) -> Path:
        """Put the file into a folder, whole or not at all."""
        return write_whole(folder / self.file_name, lambda file: file.write_text(self.text(), encoding="utf-8"))


def row_of(store: Store, spec: CertificateSpec, point: Point, request: TaskRequest) -> Row:
    """One point's successes, as they are written down.

    Raises:
        RunError: the point is not wholly scored.
    """
    found = finished_successes(store, spec.scan, point, request, str(spec))
    if all(value in (0.0, 1.0, None) for value in found):
        return "".join("-" if value is None else str(int(value)) for value in found)
    return found
