"""The successes of a task's first examples at a point: the one reading of cells that plans and statements judge by."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from corrie.errors import RunError
from corrie.records.cell import CellKey
from corrie.records.point import Point
from corrie.records.scan_spec import ScanSpec, TaskRequest
from corrie.records.store import Store

Successes = tuple[float | None, ...]
"""Of each example in the task's order, in [0, 1]; None where it is unscored."""


def first_successes(
    cell: Callable[[CellKey], Sequence[float | None] | None], spec: ScanSpec, point: Point, request: TaskRequest
) -> Successes | None:
    """Of the first ``request.limit`` examples; None while one of their blocks is missing.

    Args:
        cell: the successes of a cell, or None where it is missing.

    >>> from corrie.records.direction import gaussian
    >>> from corrie.records.scan_spec import AlphaGrid
    >>> asked = (TaskRequest(task="t", limit=3),)
    >>> spec = ScanSpec(tasks=asked, directions=gaussian(1), alpha=AlphaGrid.parse("0:0.2:3"), block=2)
    >>> blocks = {0: (1.0, 0.0), 1: (None, 1.0)}
    >>> first_successes(lambda key: blocks.get(key.block), spec, Point.origin(), spec.tasks[0])
    (1.0, 0.0, None)
    """
    found: list[float | None] = []
    for block in spec.blocks(request):
        more = cell(CellKey(point.id, request.task, block))
        if more is None:
            return None
        found.extend(more)
    return tuple(found[: request.limit])


def stored_successes(store: Store, spec: ScanSpec, point: Point, request: TaskRequest) -> Successes | None:
    """The same from a run; None while one of the blocks is missing.

    Raises:
        RunError: a cell is damaged.
    """

    def cell(key: CellKey) -> Successes | None:
        try:
            return tuple(outcome.success for outcome in store.get(key).outcomes)
        except KeyError:
            return None

    return first_successes(cell, spec, point, request)


def finished_successes(store: Store, spec: ScanSpec, point: Point, request: TaskRequest, asked: str) -> Successes:
    """The same for what must be there.

    Args:
        asked: what needs it, for the message.

    Raises:
        RunError: a block is missing, or a cell is damaged.
    """
    found = stored_successes(store, spec, point, request)
    if found is None:
        raise RunError(asked, found=f"{point} is not scored yet", advice="the same command continues")
    return found
