"""A scan's progress: a bar with the time left on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Self

from corrie.cli.console import console, say
from corrie.cli.time_left import TimeLeft

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

    from corrie.records.cell import Cell
    from corrie.records.point import Point
    from corrie.records.store import Realised
    from corrie.scanning.work import Ahead

TELL_EVERY = 5.0
"""Seconds between two words about a search that goes on."""

_PLAIN_EVERY = 10.0
"""Seconds between two plain lines."""


class ScanProgress:
    """Watches a scan. Use as a context manager.

    terminal   whether there is one; None: as it is
    """

    def __init__(self, *, terminal: bool | None = None) -> None:
        self._terminal = sys.stderr.isatty() if terminal is None else terminal
        self._bar: Progress | None = None
        self._task: TaskID | None = None
        self._left = TimeLeft()
        self._said = 0.0
        self._made = self._before = self._done = self._expected = self._outcomes = 0
        self._began = _clocks()
        self._points: set[str] = set()
        self._here, self._moved = "", False

    def __enter__(self) -> Self:
        self._began = _clocks()
        if self._terminal:
            from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

            self._bar = Progress(
                TextColumn("{task.description}"),
                BarColumn(),
                TextColumn("{task.percentage:>3.0f} %"),
                TextColumn("{task.fields[left]}"),
                TimeElapsedColumn(),
                console=console(errors=True),
            )
            self._bar.start()
            self._task = self._bar.add_task("scan", total=None, left="")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()
        if self._made:
            seconds, busy = (now - began for now, began in zip(_clocks(), self._began, strict=True))
            made = f"{self._outcomes:,} outcomes in {self._made} cells"
            say(f"Scored {made}: {_length(seconds)}, {busy:,.0f} CPU-seconds.")

    def says(self, line: str) -> None:
        """What there is to say before the scan begins."""
        say(line)

    def begins(self, done: int, expected: int) -> None:
        """The plan was asked: so many cells are acknowledged, so many expected in all."""
        if not self._made:
            self._before = done
            if done:
                say(f"Continuing: {done} cells are in the run already.")
        self._done, self._expected = done, max(expected, done)
        self._show()

    def foresees(self, ahead: Sequence[Ahead]) -> None:
        """What the plan expects to be missing still."""
        self._left.foresees(ahead)

    def weighs(self, tokens: Mapping[str, int]) -> None:
        """Task id → distinct tokens of a block, for the time that is left."""
        self._left.tokens = tokens

    def arrives(self, point: Point, realised: Realised) -> None:
        """The weights have been set."""
        self._left.set(point.steps[0].direction.id if point.steps else None)
        self._moved = bool(point.steps)
        self._points.add(point.id)
        self._here = _place(point)
        self._show()

    def acknowledges(self, cell: Cell) -> None:
        """A cell is safe."""
        self._left.scored(cell.task, moved=self._moved)
        self._made += 1
        self._outcomes += sum(outcome.success is not None for outcome in cell.outcomes)
        self._done += 1
        self._expected = max(self._expected, self._done)
        self._show()

    @property
    def made(self) -> int:
        """Cells made in this scan."""
        return self._made

    @property
    def unfinished(self) -> bool:
        """Whether cells are expected that were not made."""
        return self._done < self._expected

    def _words(self) -> str:
        """The time left."""
        seconds = self._left.seconds(self._expected - self._done)
        if seconds is None:
            return ""
        return f"about {_length(seconds)} left"

    def _show(self) -> None:
        if self._bar is not None and self._task is not None:
            self._bar.update(
                self._task, total=self._expected, completed=self._done, description=self._here, left=self._words()
            )
        elif self._made and time.monotonic() - self._said >= _PLAIN_EVERY:
            self._said = time.monotonic()
            left = self._words()
            say(f"{self._done} of {self._expected} cells, {self._here}" + (f", {left}" if left else ""))


class Telling:
    """Says what the loss of a search is, now and then."""

    def __init__(self) -> None:
        self._last = -TELL_EVERY

    def __call__(self, looks: int, loss: float) -> None:
        if time.monotonic() - self._last >= TELL_EVERY:
            self._last = time.monotonic()
            say(f"Gradient {looks}: loss {loss:.4g}")


def _clocks() -> tuple[float, float]:
    """Seconds that passed, and that this process worked."""
    return time.monotonic(), time.process_time()


def _length(seconds: float) -> str:
    """
    >>> _length(59.6), _length(7)
    ('1 min 00 s', '7 s')
    """
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02d} s" if minutes else f"{rest} s"


def _place(point: Point) -> str:
    """Where a scan stands."""
    if not point.steps:
        return "the unmoved model"
    step = point.steps[0]
    if step.direction.kind == "inputs":
        return step.direction.label
    if step.direction.kind == "gaussian" and step.direction.seed == 2**63 - 1:
        return f"scouting α = {step.alpha:g}"
    return f"α = {step.alpha:g} along {step.direction.id.split('@')[0]}"
