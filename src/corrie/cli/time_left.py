"""How long a scan will take still: what is missing of each task, times what a block of it took."""

from __future__ import annotations

import math
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from corrie.scanning.work import Ahead

_CALM = 45.0
"""Seconds in which the time that is said takes in two thirds of a change of what is expected."""

_FEW = 3
"""Cells before anything is said."""


@dataclass
class Mean:
    """A running mean, in seconds."""

    total: float = 0.0
    count: int = 0

    def add(self, seconds: float) -> None:
        self.total += seconds
        self.count += 1

    @property
    def value(self) -> float:
        return self.total / self.count if self.count else 0.0


@dataclass
class TimeLeft:
    """The rule.

    A block costs what blocks of its task took at moved models, else at the unmoved one; a task that was not asked yet
    costs what the others do on average. Setting the weights and planning are shared out over the moved blocks. Where a
    plan changes its mind about how many blocks there are, what is said moves to the new time little by little: with
    every second that passes by 1/45 of the difference.

    >>> seconds = iter([0, 10, 20, 30, 40])
    >>> left = TimeLeft(clock=lambda: next(seconds))
    >>> for _ in range(4):
    ...     left.scored("math", moved=False)
    >>> left.seconds(cells=6)
    60.0
    """

    clock: Callable[[], float] = time.monotonic
    _last: float = field(init=False)
    _ends: float | None = None
    _asked: float = 0.0
    _ahead: dict[tuple[str, bool], int] = field(default_factory=dict)
    _blocks: defaultdict[tuple[str, bool], Mean] = field(default_factory=lambda: defaultdict(Mean))
    _beside: float = 0.0
    _moved: int = 0

    def __post_init__(self) -> None:
        self._last = self.clock()

    def foresees(self, ahead: Sequence[Ahead]) -> None:
        """The plan was asked: what it expects to be missing still."""
        self._beside += self._passed()
        self._ahead = {(a.task, moved): n for a in ahead for moved, n in ((False, a.unmoved), (True, a.moved))}

    def set(self) -> None:
        """The weights are set."""
        self._beside += self._passed()

    def scored(self, task: str, *, moved: bool) -> None:
        """A block is scored."""
        self._blocks[task, moved].add(self._passed())
        self._moved += moved
        if (task, moved) in self._ahead:
            self._ahead[task, moved] = max(self._ahead[task, moved] - 1, 0)

    def seconds(self, cells: int) -> float | None:
        """What is left, from now on; None while too little was seen.

        Args:
            cells: how many are missing, for a plan that does not say of which task.
        """
        if sum(mean.count for mean in self._blocks.values()) < _FEW:
            return None
        left, now = self._expected(cells), self._last
        if self._ends is None:
            self._ends = now + left
        else:
            self._ends += (now + left - self._ends) * -math.expm1((self._asked - now) / _CALM)
        self._asked = now
        return max(self._ends - now, 0.0)

    def _expected(self, cells: int) -> float:
        mean = sum(m.total for m in self._blocks.values()) / sum(m.count for m in self._blocks.values())
        beside = self._beside / self._moved if self._moved else 0.0
        if not self._ahead:
            return cells * (mean + self._beside / sum(m.count for m in self._blocks.values()))
        return sum(n * (self._block(*key, mean) + key[1] * beside) for key, n in self._ahead.items())

    def _block(self, task: str, moved: bool, mean: float) -> float:
        for known in (moved, not moved):
            if (task, known) in self._blocks:
                return self._blocks[task, known].value
        return mean

    def _passed(self) -> float:
        before, self._last = self._last, self.clock()
        return self._last - before
