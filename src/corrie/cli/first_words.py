"""What a scan says before any benchmark is decided: how far its first answer reaches."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from corrie.cli.progress import ScanProgress

if TYPE_CHECKING:
    from corrie.records.cell import Cell
    from corrie.records.point import Point
    from corrie.records.store import Realised, Store
    from corrie.records.task import TaskIdentity
    from corrie.scanning.work import Ahead


class FirstWords:
    """A scan's progress, and after each of its rounds what the first answer says, until that is settled.

    progress   who else is notified
    store      where the scan is kept
    task       the first answer's task; None where there is none
    say        who prints a line
    """

    def __init__(
        self, progress: ScanProgress, store: Store, task: TaskIdentity | None, say: Callable[[str], object]
    ) -> None:
        self._progress, self._store, self._task, self._say = progress, store, task, say
        self._moved = self._new = False

    def foresees(self, ahead: Sequence[Ahead]) -> None:
        self._progress.foresees(ahead)

    def begins(self, done: int, expected: int) -> None:
        if self._new and self._task is not None:
            from corrie.analysis.landscape import Landscape

            self._new = False
            basin = Landscape.from_store(self._store).basin(self._task.name)
            self._say(f"First answer, {basin.capability}: {basin.finding}.")
        self._progress.begins(done, expected)

    def arrives(self, point: Point, realised: Realised) -> None:
        self._moved = bool(point.steps)
        self._progress.arrives(point, realised)

    def acknowledges(self, cell: Cell) -> None:
        if self._task is not None and cell.task == self._task.id:
            self._new |= self._moved
        self._progress.acknowledges(cell)
