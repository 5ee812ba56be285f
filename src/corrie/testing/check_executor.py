"""A conformance suite for executors: run it on your own and know that its cells are everybody's cells."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from corrie.capabilities.task import Task
from corrie.models.model import Model
from corrie.records.cell import Cell, CellKey
from corrie.records.direction import gaussian
from corrie.records.point import Point
from corrie.scanning.executor import Arrived, Executor
from corrie.scanning.executors import ExecutorMaker
from corrie.scanning.in_process import serial
from corrie.scanning.work import Work
from corrie.weights.fingerprint import model_fingerprint

BLOCK = 5
"""Examples of a cell that the suite makes."""


def check_executor(
    maker: ExecutorMaker, model: Model, task: Task, *, kill: Callable[[Executor], None] | None = None
) -> Sequence[str]:
    """Try the law of :class:`corrie.scanning.executor.Executor`, sentence by sentence.

    Args:
        maker: of the engine, as it is registered.
        model: a small one, loaded from a folder where the engine needs that.
        task: with 10 examples at least.
        kill: kills one worker of a running executor, by force; leave it out where there is none.

    Returns:
        What was tried, one sentence each.

    Raises:
        AssertionError: the engine breaks the law; the message is the sentence it breaks.

    >>> from corrie.testing.toy_models import toy_model
    >>> from corrie.testing.toy_tasks import toy_choice
    >>> len(check_executor(serial, toy_model(), toy_choice(size=10)))
    7
    """
    tried: list[str] = []

    def holds(truth: object, sentence: str) -> None:
        if not truth:
            raise AssertionError(sentence)
        tried.append(sentence)

    id = task.identity.id
    points = (Point.origin(), *(Point.along(d, a) for d in gaussian(2) for a in (0.05, 0.1)))
    work = tuple(Work(point, ((id, 0), (id, 1))) for point in points)
    with serial(model, {id: task}, BLOCK) as plain:
        expected = _cells(plain.run(work))
    before = model_fingerprint(model.module)

    executor = maker(model, {id: task}, BLOCK)
    holds(_refuses(executor, work), "outside of a with block nothing is run")
    with executor:
        events = list(executor.run(work))
        holds(_in_order(events, work), "a piece arrives, then makes its cells in order, each once")
        holds(_cells(events) == expected, "a cell is that of the engine in this process")
        again = _cells(executor.run(tuple(reversed(work))))
        holds(again == expected, "a cell does not depend on what ran before")
        left = executor.run(work)
        next(iter(left))
        left.close() if hasattr(left, "close") else None  # type: ignore[attr-defined]
        after = _cells(executor.run(work[:2]))
        few = {key: cell for key, cell in expected.items() if key.point in (points[0].id, points[1].id)}
        holds(after == few, "work may be left in the midst, and the next is done as ever")
        holds(list(executor.run(())) == [], "where there is no work, nothing comes")
        if kill is not None:
            found: dict[CellKey, Cell] = {}
            for event in executor.run(work):
                if isinstance(event, Cell):
                    if not found:
                        kill(executor)
                    found[event.key] = event
            holds(found == expected, "what a killed worker had not made comes from another")
    try:
        with maker(model, {id: task}, BLOCK) as executor:
            next(iter(executor.run(work)))
            raise InterruptedError
    except InterruptedError:
        holds(model_fingerprint(model.module) == before, "when it is left, also by an error, the model is what it was")
    return tuple(tried)


def _cells(events: object) -> dict[CellKey, Cell]:
    """The cells among what came."""
    listed: list[Arrived | Cell] = list(events)  # type: ignore[call-overload]
    return {event.key: event for event in listed if isinstance(event, Cell)}


def _refuses(executor: Executor, work: Sequence[Work]) -> bool:
    try:
        list(executor.run(work))
    except RuntimeError:
        return True
    return False


def _in_order(events: Sequence[Arrived | Cell], work: Sequence[Work]) -> bool:
    """Whether each piece has arrived once, and made its cells in order after that."""
    came: dict[str, list[Arrived | Cell]] = {piece.point.id: [] for piece in work}
    for event in events:
        came[event.point.id if isinstance(event, Arrived) else event.point].append(event)
    for piece in work:
        first, *rest = came[piece.point.id] or [None]
        if not isinstance(first, Arrived) or first.point != piece.point:
            return False
        if tuple(cell.key for cell in rest if isinstance(cell, Cell)) != piece.cells() or len(rest) != len(
            piece.blocks
        ):
            return False
    return True
