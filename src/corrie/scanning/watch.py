"""Whoever wants to see a scan's progress."""

from __future__ import annotations

from typing import Protocol

from corrie.records.cell import Cell
from corrie.records.point import Point
from corrie.records.store import Realised


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


class Nobody:
    """Nobody watches."""

    def begins(self, done: int, expected: int) -> None:
        pass

    def arrives(self, point: Point, realised: Realised) -> None:
        pass

    def acknowledges(self, cell: Cell) -> None:
        pass
