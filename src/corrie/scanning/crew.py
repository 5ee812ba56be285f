"""Work shared out among workers that may die: who scores what, and what is done again.

No worker waits for another: each gets the next piece as soon as it is done with one, and what it makes is handed on as
it comes. A worker that dies is replaced, and what its piece still lacks goes to the next that is free. A piece that no
worker survives, or that raises, is set aside; when everything else is done, its reason is raised. So one bad point
costs itself alone, and the same command tries it again.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol

from corrie.errors import CorrieError, RunError
from corrie.records.cell import Cell
from corrie.scanning.executor import Arrived
from corrie.scanning.work import Work

MOST_DEATHS = 2
"""Workers that may die of a piece before it is set aside."""


@dataclass(frozen=True, slots=True)
class Done:
    """A worker has made all that it was given."""


@dataclass(frozen=True, slots=True)
class Raised:
    """A worker could not score its piece, and is ready for the next."""

    reason: CorrieError


@dataclass(frozen=True, slots=True)
class Died:
    """A worker is gone."""

    reason: str


News = Arrived | Cell | Done | Raised | Died
"""What comes from a worker."""


class Crew(Protocol):
    """Workers by number, from 0."""

    @property
    def size(self) -> int: ...

    def give(self, worker: int, piece: Work) -> None:
        """Let an idle worker begin a piece; one that has died is hired anew."""
        ...

    def hear(self) -> tuple[int, News]:
        """The next thing that comes from any worker that has something to do."""
        ...


def share_out(crew: Crew, work: Iterable[Work]) -> Iterator[Arrived | Cell]:
    """What the pieces make, as it comes.

    Raises:
        CorrieError: the first reason for which a piece was set aside, once everything else is done.
    """
    waiting = deque(work)
    doing: dict[int, Work] = {}
    deaths: dict[str, int] = {}
    aside: list[CorrieError] = []
    idle = list(reversed(range(crew.size)))
    while waiting or doing:
        while waiting and idle:
            worker = idle.pop()
            doing[worker] = waiting.popleft()
            crew.give(worker, doing[worker])
        worker, heard = crew.hear()
        match heard:
            case Arrived():
                yield heard
            case Cell():
                made, rest = (heard.task, heard.block), doing[worker]
                doing[worker] = Work(rest.point, tuple(block for block in rest.blocks if block != made))
                yield heard
            case Raised():
                aside.append(heard.reason)
                del doing[worker]
                idle.append(worker)
            case Died():
                rest = doing.pop(worker)
                idle.append(worker)
                deaths[rest.point.id] = deaths.get(rest.point.id, 0) + 1
                if rest.blocks and deaths[rest.point.id] < MOST_DEATHS:
                    waiting.appendleft(rest)
                elif rest.blocks:
                    aside.append(_deadly(rest, heard.reason))
            case Done():
                del doing[worker]
                idle.append(worker)
    if aside:
        raise aside[0]


def _deadly(piece: Work, reason: str) -> RunError:
    """The error for a piece that no worker survives."""
    return RunError(
        f"the point {piece.point}",
        found=f"{MOST_DEATHS} workers died of it, the last: {reason}",
        advice="--engine serial, which shows why; everything else is kept, and the same command tries it again",
    )
