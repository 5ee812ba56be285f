"""Who scores: the protocol, and the executor in this process."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from types import TracebackType
from typing import Protocol, Self

from corrie.capabilities.task import Task
from corrie.models.model import Model
from corrie.records.cell import Cell
from corrie.records.point import Point
from corrie.records.store import Realised
from corrie.scanning.work import Work
from corrie.weights.perturbed import Moving, moving


@dataclass(frozen=True, slots=True)
class Arrived:
    """The weights are at a point, and this is what they took of the step."""

    point: Point
    realised: Realised


class Executor(Protocol):
    """Turns work into cells. Used as a context manager: the weights are its own from entry to exit.

    The law
    -------
    1. ``run`` yields, for each piece of work, one :class:`Arrived` and then its cells, each once and as soon as it is
       done. Pieces may come in any order and among each other; what a worker that died had not made comes from another,
       behind an :class:`Arrived` of its own.
    2. A cell is a function of the model, the point, the task and the block: not of what ran before, or where.
    3. On exit, also by an exception, the model is bit for bit what it was.
    """

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def run(self, work: Iterable[Work]) -> Iterator[Arrived | Cell]: ...


class SerialExecutor:
    """One point after the other, in this process."""

    def __init__(self, model: Model, tasks: Mapping[str, Task], block: int) -> None:
        self._model = model
        self._tasks = tasks
        self._block = block
        self._stack = ExitStack()
        self._weights: Moving | None = None

    def __enter__(self) -> Self:
        self._weights = self._stack.enter_context(moving(self._model.selection, self._model.sources, self._model.draw))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._weights = None
        self._stack.__exit__(kind, error, trace)

    def run(self, work: Iterable[Work]) -> Iterator[Arrived | Cell]:
        """See the law of :class:`Executor`."""
        if self._weights is None:
            raise RuntimeError("SerialExecutor.run outside of its with block")
        for piece in work:
            yield Arrived(piece.point, self._weights.to(piece.point))
            reader = self._model.reader()
            for task, block in piece.blocks:
                start = block * self._block
                outcomes = self._tasks[task].score(reader, start, start + self._block)
                yield Cell(point=piece.point.id, task=task, block=block, outcomes=outcomes)
