"""Work shared out among workers that may die: who scores what, and what is done again.

No worker waits for another: each gets the next piece as soon as it is done with one, and what it makes is handed on as
it comes. A worker that dies is replaced, and what its pieces still lack goes to the next that is free. A piece that no
worker survives, or that raises, is set aside; when everything else is done, its reason is raised. So one bad point
costs itself alone, and the same command tries it again. Pieces that run together (rows of one batch) are one load;
where that fails, what it lacks is tried piece by piece.
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

MOST_NAMED = 5
"""Pieces that an error names."""


@dataclass(frozen=True, slots=True)
class Done:
    """A worker has made all that it was given."""


@dataclass(frozen=True, slots=True)
class Raised:
    """A worker could not score what it was given, and is ready for the next."""

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

    def give(self, worker: int, pieces: tuple[Work, ...]) -> None:
        """Let an idle worker begin pieces that run together; one that has died is hired anew."""
        ...

    def hear(self) -> tuple[int, News]:
        """The next thing that comes from any worker that has something to do."""
        ...


def share_out(crew: Crew, loads: Iterable[tuple[Work, ...]], alone: str = "serial") -> Iterator[Arrived | Cell]:
    """What the pieces make, as it comes.

    Args:
        loads: pieces that run together, each load by one worker.
        alone: the engine that scores as they do in one process, for the error.

    Raises:
        CorrieError: the reason for which a piece was set aside, once everything else is done; of several, all reasons.
    """
    waiting = deque(loads)
    doing: dict[int, tuple[Work, ...]] = {}
    deaths: dict[str, int] = {}
    aside: list[tuple[Work, CorrieError]] = []
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
                doing[worker] = tuple(_without(piece, heard) for piece in doing[worker])
                yield heard
            case Raised():
                rest = _lacking(doing.pop(worker))
                idle.append(worker)
                if len(rest) > 1:
                    waiting.extendleft((piece,) for piece in reversed(rest))
                else:
                    aside.extend((piece, heard.reason) for piece in rest)
            case Died():
                rest = _lacking(doing.pop(worker))
                idle.append(worker)
                for piece in reversed(rest):
                    deaths[piece.point.id] = deaths.get(piece.point.id, 0) + 1
                    if deaths[piece.point.id] < MOST_DEATHS:
                        waiting.appendleft((piece,))
                    else:
                        aside.append((piece, _deadly(piece, heard.reason, alone)))
            case Done():
                del doing[worker]
                idle.append(worker)
    if len(aside) == 1:
        raise aside[0][1]
    if aside:
        raise RunError(
            f"{len(aside)} points set aside",
            found="; ".join(sorted(_set_aside(*one) for one in aside)[:MOST_NAMED]),
            advice="the same command tries them again; everything else is kept",
        )


def _set_aside(piece: Work, reason: CorrieError) -> str:
    """A point and why it is not scored."""
    known = f"the point {piece.point}"
    return f"{piece.point}: {reason.found}" if reason.asked == known else f"{piece.point}: {reason}"


def _lacking(pieces: tuple[Work, ...]) -> tuple[Work, ...]:
    """Those of which something is missing."""
    return tuple(piece for piece in pieces if piece.blocks)


def _without(piece: Work, made: Cell) -> Work:
    """What a piece still lacks."""
    if piece.point.id != made.point:
        return piece
    return Work(piece.point, tuple(block for block in piece.blocks if block != (made.task, made.block)))


def _deadly(piece: Work, reason: str, alone: str) -> RunError:
    """The error for a piece that no worker survives."""
    return RunError(
        f"the point {piece.point}",
        found=f"{MOST_DEATHS} workers died of it, the last: {reason}",
        advice=f"--engine {alone}, which shows why; everything else is kept, and the same command tries it again",
    )
