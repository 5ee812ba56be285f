"""Where a run is kept: the law every store obeys, and the facts of a run.

The law
-------
1. A store belongs to one :class:`RunIdentity`; opening it for another is refused (``RunError``).
2. ``put`` returns only when the cell is durable: it is then *acknowledged* and survives a kill of the
   process at any later moment. A cell that was being put at that moment is wholly there or not at all.
3. An acknowledged cell never changes. Putting the same outcomes again is harmless; other outcomes under the
   same key are refused (``RunError``).
4. A task is registered before its cells. A task of a known name with other content is refused.
5. Reading needs no lock and sees only acknowledged cells; one writer at a time.
6. A claim is recorded before its first draw and never changes. A second design for the same question is refused
   (``RunError``), and so is a claim on directions that this run has looked at, or that another claim has set aside.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Protocol

from pydantic import Field, SerializerFunctionWrapHandler, model_serializer

from corrie.records.batch_rule import BatchRule
from corrie.records.canonical import Record
from corrie.records.cell import Cell, CellKey
from corrie.records.certificate_spec import CertificateSpec
from corrie.records.fraction_spec import FractionSpec
from corrie.records.model import ModelIdentity
from corrie.records.point import Point
from corrie.records.scan_spec import ScanSpec
from corrie.records.task import ExampleCard, TaskIdentity

FORMAT = 1
"""Version of the run folder's layout."""


ClaimSpec = FractionSpec | CertificateSpec
"""Any kind of claim."""


def parse_claim(text: str) -> ClaimSpec:
    """A claim as its canonical text has it.

    Raises:
        RunError: the text is not what was written.
    """
    certificate = '"kind":"certificate"' in text
    return CertificateSpec.parse(text) if certificate else FractionSpec.parse(text)


class RunIdentity(Record):
    """What must be equal for two scans to share a run folder, and the rule by which answers are written in it.

    batch   examples whose answers are written together, a multiple of the block; None: block by block, as in every run
            of before there was a choice. A run keeps the rule that it was made with, and whoever continues it goes by
            that one (``design/written-batches.md``)
    slots   how many of a batch are written at the same time, where these are fewer; None: all of it
    engine  who scores, with version and mode, where that is arithmetic of its own; empty: corrie's own, whoever runs it
    """

    model: ModelIdentity
    block: int
    laws: tuple[str, ...]
    format: int = FORMAT
    batch: int | None = Field(default=None, gt=0)
    slots: int | None = Field(default=None, gt=0)
    engine: str = ""

    def scored_by(self, engine: str) -> RunIdentity:
        """The same with an engine of its own arithmetic; empty: corrie's own."""
        return self.model_copy(update={"engine": engine})

    def written_by(self, rule: BatchRule | None) -> RunIdentity:
        """The same with another rule; None: block by block."""
        size, slots = (None, None) if rule is None else (rule.size, rule.slots)
        return self.model_copy(update={"batch": size, "slots": slots})

    @property
    def rule(self) -> BatchRule:
        """The rule by which answers are written."""
        return BatchRule(self.block) if self.batch is None else BatchRule.of(self.batch, self.slots or self.batch)

    @property
    def composition(self) -> str:
        """What is scored, and written, at once."""
        said = f"blocks of {self.block} examples"
        if self.batch is not None:
            said += f", answers written {self.rule.words}"
        return f"{said}, by {self.engine}" if self.engine else said

    @model_serializer(mode="wrap")
    def _what_is_usual_is_not_mentioned(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """A run that writes block by block, all of a batch at a time, and by corrie's own arithmetic, has the text that
        it had before there was a choice."""
        said = handler(self)
        if self.batch is None:
            del said["batch"]
        if self.slots is None:
            del said["slots"]
        if not self.engine:
            del said["engine"]
        return said


class Realised(Record):
    """What a point's weights really moved, after rounding to the model's precision.

    asked       L2 norm of the step in real arithmetic
    norm        L2 norm of the step the weights took
    cosine      between the two (None at the unmoved model)
    """

    asked: float
    norm: float
    cosine: float | None


class Store(Protocol):
    """A run on disk or in memory. See the law in this module's docstring."""

    @property
    def identity(self) -> RunIdentity: ...

    def register_task(self, task: TaskIdentity, cards: Sequence[ExampleCard]) -> None:
        """Make a task and its examples known (cards of the first examples; later calls may bring more)."""
        ...

    def tasks(self) -> tuple[TaskIdentity, ...]:
        """Every registered task, in the order of registration."""
        ...

    def cards(self, task: str) -> tuple[ExampleCard, ...]:
        """Cards of the task with this id, in the task's fixed order."""
        ...

    def record_point(self, point: Point, realised: Realised) -> None:
        """Keep what a point is and what was realised of it."""
        ...

    def points(self) -> dict[str, tuple[Point, Realised]]:
        """Every recorded point by id."""
        ...

    def record_spec(self, spec: ScanSpec, provenance: dict[str, str]) -> None:
        """Keep what was asked, with versions and the date, once for each distinct spec."""
        ...

    def specs(self) -> tuple[tuple[ScanSpec, dict[str, str]], ...]:
        """Everything that was asked so far, oldest first."""
        ...

    def record_claim(self, claim: ClaimSpec, provenance: dict[str, str]) -> None:
        """Fix a claim's design before its first draw. Recording the same again is harmless: the claim goes on."""
        ...

    def claims(self) -> tuple[tuple[ClaimSpec, dict[str, str]], ...]:
        """Every claim that was asked so far, oldest first."""
        ...

    def put(self, cell: Cell) -> None:
        """Acknowledge a cell."""
        ...

    def keys(self) -> set[CellKey]:
        """Keys of every acknowledged cell."""
        ...

    def get(self, key: CellKey) -> Cell:
        """One cell, its digest checked. KeyError where there is none."""
        ...

    def cells(self, keys: Iterable[CellKey] | None = None) -> Iterator[Cell]:
        """Cells (all, or those asked for), digests checked."""
        ...

    def close(self) -> None: ...
