"""Who scores in a subspace: draws of noise, run together where rows can carry their own."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack
from types import TracebackType
from typing import Self

from corrie.capabilities.task import Task
from corrie.errors import InputError
from corrie.models.model import Model
from corrie.records.cell import Cell
from corrie.records.point import Point
from corrie.records.subspace import Coordinates, SubspaceNoise
from corrie.scanning.executor import Arrived
from corrie.scanning.work import Work
from corrie.subspaces.space import Coords, Places, Space, added, draw_noise, nowhere


class SubspaceExecutor:
    """Places of a subspace, ``rows`` at a time (:class:`corrie.scanning.executor.Executor` has the law).

    Floating-point sums may come out in other last digits in another row of a batch, or in a batch of another size. So a
    batch always has the same number of rows, filled up with a repeat where some are not needed, and a draw always runs
    in the row that its seed gives: a cell does not hang on which others were still missing.

    Args:
        rows: places run as one batch; 1 where the subspace writes weights.
        places: coordinates by the id of their record, for points that are not around the model itself.
    """

    def __init__(
        self,
        model: Model,
        tasks: Mapping[str, Task],
        block: int,
        space: Space,
        rows: int = 1,
        places: Mapping[str, Coords] | None = None,
    ) -> None:
        self._model = model
        self._tasks = tasks
        self._block = block
        self._space = space
        self._rows = rows_of(space, rows)
        self._places = dict(places or {})
        self._stack = ExitStack()
        self._lent: Places | None = None

    def __enter__(self) -> Self:
        self._model.reader()  # chooses the engine while nothing hangs on the model
        self._lent = self._stack.enter_context(self._space.lent(self._rows))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._lent = None
        self._stack.__exit__(kind, error, trace)

    def run(self, work: Iterable[Work]) -> Iterator[Arrived | Cell]:
        """See the law of :class:`corrie.scanning.executor.Executor`."""
        if self._lent is None:
            raise RuntimeError("SubspaceExecutor.run outside of its with block")
        for together in in_batches(work, self._rows):
            yield from self._batch(self._lent, {draw_row(piece.point, self._rows): piece for piece in together})

    def _batch(self, lent: Places, together: Mapping[int, Work]) -> Iterator[Arrived | Cell]:
        places = {row: self._coordinates(piece.point) for row, piece in together.items()}
        spare = next(iter(places.values()))
        realised = lent.put([places.get(row, spare) for row in range(self._rows)])
        readers = self._model.row_readers(self._rows)
        for row, piece in together.items():
            yield Arrived(piece.point, realised[row])
            for task, block in piece.blocks:
                start = block * self._block
                outcomes = self._tasks[task].score(readers[row], start, start + self._block)
                yield Cell(point=piece.point.id, task=task, block=block, outcomes=outcomes)

    def _coordinates(self, point: Point) -> Coords:
        """Where a point stands: the sum of its steps' coordinates."""
        if not point.steps:
            return nowhere(self._space)
        found: list[tuple[Coords, float]] = []
        for step in point.steps:
            direction = step.direction
            if isinstance(direction, SubspaceNoise) and direction.subspace == self._space.spec.id:
                found.append((draw_noise(self._space.shapes, direction, step.alpha), 1.0))
            elif isinstance(direction, Coordinates) and direction.id in self._places:
                found.append((self._places[direction.id], step.alpha))
            else:
                raise InputError(f"the point {point}", found=f"{direction} is no direction of {self._space.spec}")
        return added(found)


def rows_of(space: Space, rows: int) -> int:
    """How many places of a space are stood at together where so many may be."""
    return rows if space.most_rows is None else min(rows, space.most_rows)


def draw_row(point: Point, rows: int) -> int:
    """The row a point runs in: its noise's seed, counted round; the last one for a point without noise.

    >>> draw_row(Point.origin(), 8)
    7
    """
    seeds = (s.direction.seed for s in point.steps if isinstance(s.direction, SubspaceNoise))
    return next(seeds, -1) % rows


def in_batches(work: Iterable[Work], rows: int) -> Iterator[tuple[Work, ...]]:
    """Pieces in their order, as many together as follow one another in rows of their own."""
    together: dict[int, Work] = {}
    for piece in work:
        row = draw_row(piece.point, rows)
        if row in together:
            yield tuple(together.values())
            together = {}
        together[row] = piece
    if together:
        yield tuple(together.values())
