"""What is to be done at one point, and what is known so far."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from corrie.records.cell import Cell, CellKey
from corrie.records.point import Point
from corrie.records.scan_spec import ScanSpec, TaskRequest
from corrie.records.successes import Successes, first_successes


@dataclass(frozen=True, slots=True)
class Work:
    """Blocks to be scored while the weights are at one point."""

    point: Point
    blocks: tuple[tuple[str, int], ...]

    def cells(self) -> tuple[CellKey, ...]:
        """The cells this will make."""
        return tuple(CellKey(self.point.id, task, block) for task, block in self.blocks)


class Known:
    """The acknowledged cells, as far as a plan may look: which there are, and the scores in them."""

    def __init__(self, cells: Iterable[Cell] = ()) -> None:
        self._scores: dict[CellKey, Successes] = {}
        for cell in cells:
            self.add(cell)

    def add(self, cell: Cell) -> None:
        """Take note of one more cell."""
        self.note(cell.key, tuple(o.success for o in cell.outcomes))

    def note(self, key: CellKey, scores: Successes) -> None:
        """The same, given the scores alone."""
        self._scores[key] = scores

    def __contains__(self, key: CellKey) -> bool:
        return key in self._scores

    def __iter__(self) -> Iterator[CellKey]:
        return iter(self._scores)

    def __len__(self) -> int:
        return len(self._scores)

    def block(self, key: CellKey) -> Successes | None:
        """The scores of one cell, None where an example is unscored; None if the cell is missing."""
        return self._scores.get(key)

    def score(self, spec: ScanSpec, point: Point, request: TaskRequest) -> float | None:
        """Mean success over the first ``limit`` examples; None while a block is missing or nothing is scored."""
        scored = [s for s in self.successes(spec, point, request) or () if s is not None]
        return sum(scored) / len(scored) if scored else None

    def successes(self, spec: ScanSpec, point: Point, request: TaskRequest) -> Successes | None:
        """Of each of the first ``limit`` examples, None where it is unscored; None while a block is missing."""
        return first_successes(self._scores.get, spec, point, request)

    def missing(
        self, spec: ScanSpec, points: Iterable[Point], requests: Iterable[TaskRequest] | None = None
    ) -> tuple[Work, ...]:
        """What these points still lack, in their order (all the spec's tasks, unless others are given)."""
        wanted = tuple(spec.tasks if requests is None else requests)
        blocks = [(r.task, b) for r in wanted for b in spec.blocks(r)]
        work = (
            Work(point, tuple((t, b) for t, b in blocks if CellKey(point.id, t, b) not in self._scores))
            for point in points
        )
        return tuple(w for w in work if w.blocks)


class Ahead(NamedTuple):
    """How many blocks of a task (by id) are expected to be missing still, at the unmoved model and at moved ones.

    Tasks of one turn go along the same directions, so each is drawn once for all of them.
    """

    task: str
    unmoved: int
    moved: int
    turn: int = 0


@dataclass(frozen=True, slots=True)
class Agenda:
    """What a plan asks for next.

    work      in order; empty when the plan is done
    expected  how many cells the whole plan is expected to have made in the end (for an estimate of the time left)
    ahead     what is expected to be missing still, task by task; empty where a plan counts cells alone
    """

    work: tuple[Work, ...]
    expected: int
    ahead: tuple[Ahead, ...] = ()


class Plan(Protocol):
    """A pure function (spec, cells so far) → next cells. Called again after all of its work is done, until it asks
    for nothing; so a scan that was stopped anywhere goes on where it was."""

    def __call__(self, spec: ScanSpec, known: Known) -> Agenda: ...
