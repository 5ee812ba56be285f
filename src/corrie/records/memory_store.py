"""A run kept in memory: for notebooks, and for tests of everything that talks to a store."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from corrie.records.cell import Cell, CellKey
from corrie.records.point import Point
from corrie.records.scan_spec import ScanSpec
from corrie.records.store import ClaimSpec, Realised, RunIdentity
from corrie.records.store_law import (
    refuse_other_cards,
    refuse_other_design,
    refuse_other_outcomes,
    refuse_other_task,
    refuse_seen_directions,
    unknown_task,
    unwritable_outcome,
)
from corrie.records.task import ExampleCard, TaskIdentity


class MemoryStore:
    """The store's law without the disk: nothing outlives the process.

    >>> from corrie.records.model import ModelIdentity, SelectionSpec
    >>> model = ModelIdentity(name="toy", architecture="Toy", fingerprint="f0", dtype="float32",
    ...                       parameters=4, selection=SelectionSpec(), dimension=4, norm=2.0)
    >>> store = MemoryStore(RunIdentity(model=model, block=10, laws=("philox-1",)))
    >>> store.keys()
    set()
    """

    def __init__(self, identity: RunIdentity) -> None:
        self._identity = identity
        self._tasks: dict[str, TaskIdentity] = {}
        self._cards: dict[str, list[ExampleCard]] = {}
        self._points: dict[str, tuple[Point, Realised]] = {}
        self._specs: dict[ScanSpec, dict[str, str]] = {}
        self._claims: dict[ClaimSpec, dict[str, str]] = {}
        self._cells: dict[CellKey, Cell] = {}

    @property
    def identity(self) -> RunIdentity:
        """What this run is of."""
        return self._identity

    def register_task(self, task: TaskIdentity, cards: Sequence[ExampleCard]) -> None:
        """Make a task and its first examples known.

        Raises:
            RunError: a task of this name has other content.
        """
        for kept in self._tasks.values():
            if kept.name == task.name:
                refuse_other_task("in memory", kept, task)
        known = self._cards.get(task.id, [])
        refuse_other_cards("in memory", task.name, known, cards)
        self._tasks.setdefault(task.id, task)
        self._cards[task.id] = [*known, *cards[len(known) :]]

    def tasks(self) -> tuple[TaskIdentity, ...]:
        """Every registered task, in the order of registration."""
        return tuple(self._tasks.values())

    def cards(self, task: str) -> tuple[ExampleCard, ...]:
        """Cards of the task with this id, in the task's fixed order. None for a task that is not there."""
        return tuple(self._cards.get(task, ()))

    def record_point(self, point: Point, realised: Realised) -> None:
        """Keep what a point is and what was realised of it (the first time it is said)."""
        self._points.setdefault(point.id, (point, realised))

    def points(self) -> dict[str, tuple[Point, Realised]]:
        """Every recorded point by id."""
        return dict(self._points)

    def record_spec(self, spec: ScanSpec, provenance: dict[str, str]) -> None:
        """Keep what was asked, once for each distinct spec."""
        self._specs.setdefault(spec, dict(provenance))

    def specs(self) -> tuple[tuple[ScanSpec, dict[str, str]], ...]:
        """Everything that was asked so far, oldest first."""
        return tuple((spec, dict(provenance)) for spec, provenance in self._specs.items())

    def record_claim(self, claim: ClaimSpec, provenance: dict[str, str]) -> None:
        """Fix a claim's design before its first draw.

        Raises:
            RunError: another design is fixed for the same question, or its directions are not fresh.
        """
        if claim in self._claims:
            return
        refuse_other_design("in memory", self._claims, claim)
        refuse_seen_directions("in memory", (point for point, _ in self._points.values()), claim)
        self._claims[claim] = dict(provenance)

    def claims(self) -> tuple[tuple[ClaimSpec, dict[str, str]], ...]:
        """Every claim that was asked so far, oldest first."""
        return tuple((claim, dict(provenance)) for claim, provenance in self._claims.items())

    def put(self, cell: Cell) -> None:
        """Acknowledge a cell.

        Raises:
            RunError: its task is not registered, a number in it is not finite, or other outcomes stand there.
        """
        if cell.task not in self._tasks:
            raise unknown_task("in memory", cell.task)
        if (kept := self._cells.get(cell.key)) is not None:
            refuse_other_outcomes("in memory", kept, cell)
            return
        if not cell.writable:
            raise unwritable_outcome(cell)
        self._cells[cell.key] = cell

    def keys(self) -> set[CellKey]:
        """Keys of every acknowledged cell."""
        return set(self._cells)

    def get(self, key: CellKey) -> Cell:
        """One cell. KeyError where there is none."""
        return self._cells[key]

    def cells(self, keys: Iterable[CellKey] | None = None) -> Iterator[Cell]:
        """All cells in the order in which they came, or those asked for in the order of asking."""
        yield from list(self._cells.values()) if keys is None else (self.get(key) for key in keys)

    def close(self) -> None:
        """Nothing to do: what was put stays readable."""
