"""Whoever wants to see a scan's progress."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from corrie.records.cell import Cell
from corrie.records.point import Point
from corrie.records.store import Realised, Store
from corrie.scanning.work import Ahead

if TYPE_CHECKING:
    from corrie.scanning.trial import Trial


class Watch(Protocol):
    """Told what happens, as it happens."""

    def begins(self, done: int, expected: int) -> None:
        """The scan starts, with so many cells acknowledged before; or the plan has grown to so many."""
        ...

    def arrives(self, point: Point, realised: Realised) -> None:
        """The weights have been set."""
        ...

    def acknowledges(self, cell: Cell) -> None:
        """A cell is safe in the store."""
        ...


@runtime_checkable
class Foreseeing(Watch, Protocol):
    """One who is also notified, before ``begins``, of what a plan expects to be missing still, task by task."""

    def foresees(self, ahead: Sequence[Ahead]) -> None: ...


@runtime_checkable
class Opening(Protocol):
    """One who is also notified, before anything is scored, of the trial and of the run that it fills in."""

    def opens(self, trial: Trial[Any], store: Store) -> None: ...


@runtime_checkable
class Saying(Protocol):
    """One who also says lines, such as what an engine takes of this machine's memory."""

    def says(self, line: str) -> None: ...


class Nobody:
    """Nobody watches."""

    def begins(self, done: int, expected: int) -> None:
        pass

    def arrives(self, point: Point, realised: Realised) -> None:
        pass

    def acknowledges(self, cell: Cell) -> None:
        pass
