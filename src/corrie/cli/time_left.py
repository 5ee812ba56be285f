"""How long a scan will take still: what is missing of each task, times what a block of it takes now."""

from __future__ import annotations

import math
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from corrie.scanning.work import Ahead

_CALM = 45.0
"""Seconds in which the time that is said takes in two thirds of a change of what is expected."""

_QUICK, _YOUNG = 10.0, 1 / 3
"""In the first minutes, when most is learnt, it is a third of the time that has passed, ten seconds at least."""

_FEW = 3
"""Cells before anything is said."""

_MEMORY = 24
"""Of so many times the last ones count: a machine that becomes slower, or faster, is followed."""


@dataclass
class Mean:
    """A running mean in seconds: of all at first, then of about the last 24.

    >>> mean = Mean()
    >>> for seconds in [1.0, 3.0, *[2.0] * 200]:
    ...     mean.add(seconds)
    >>> round(mean.value, 3)
    2.0
    """

    value: float = 0.0
    count: int = 0

    def add(self, seconds: float) -> None:
        self.count += 1
        self.value += (seconds - self.value) / min(self.count, _MEMORY)


@dataclass
class TimeLeft:
    """The rule.

    A block costs what the last blocks of its task took at moved models, else at the unmoved one. A task that was not
    asked yet costs what the others do for as many tokens. Beside the blocks there are directions to be drawn, each once
    for all tasks that go along it; weights to be set, once for every moved block; and planning, after every round.

    Where a plan changes its mind about how many blocks there are, what is said moves to the new time little by little:
    with every second that passes by 1/45 of the difference, in the first two minutes by more.

    clock    seconds from anywhere
    tokens   task id → distinct tokens of a block; None: all tasks alike

    >>> seconds = iter([0, 10, 20, 30, 40])
    >>> left = TimeLeft(clock=lambda: next(seconds))
    >>> for _ in range(4):
    ...     left.scored("math", moved=False)
    >>> left.seconds(cells=6)
    60.0
    """

    clock: Callable[[], float] = time.monotonic
    tokens: Mapping[str, int] | None = None
    _last: float = field(init=False)
    _ends: float | None = None
    _began: float = 0.0
    _asked: float = 0.0
    _ahead: dict[tuple[str, bool], int] = field(default_factory=dict)
    _turns: dict[str, int] = field(default_factory=dict)
    _blocks: defaultdict[tuple[str, bool], Mean] = field(default_factory=lambda: defaultdict(Mean))
    _cells: Mean = field(default_factory=Mean)
    _plans: Mean = field(default_factory=Mean)
    _drawn: Mean = field(default_factory=Mean)
    _set: Mean = field(default_factory=Mean)
    _direction: str | None = None
    _beside: float = 0.0
    _since_planned: int = 0

    def __post_init__(self) -> None:
        self._last = self.clock()

    def foresees(self, ahead: Sequence[Ahead]) -> None:
        """The plan was asked: what it expects to be missing still."""
        seconds = self._passed()
        if self._since_planned:
            self._plans.add(seconds / self._since_planned)
            self._since_planned = 0
        self._ahead = {(a.task, moved): n for a in ahead for moved, n in ((False, a.unmoved), (True, a.moved))}
        self._turns = {a.task: a.turn for a in ahead}

    def set(self, direction: str | None = None) -> None:
        """The weights are set, along a direction (by id) or, None, back to the unmoved model."""
        seconds = self._passed()
        self._beside += seconds
        if direction is None:
            return
        (self._set if direction == self._direction else self._drawn).add(seconds)
        self._direction = direction

    def scored(self, task: str, *, moved: bool) -> None:
        """A block is scored."""
        seconds = self._passed()
        self._blocks[task, moved].add(seconds)
        self._cells.add(seconds + self._beside)
        self._beside = 0.0
        self._since_planned += moved
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
            self._ends, self._began = now + left, now
        elif now > self._asked:
            calm = min(_CALM, max(_QUICK, _YOUNG * (now - self._began)))
            self._ends += (now + left - self._ends) * -math.expm1((self._asked - now) / calm)
        self._asked = now
        return max(self._ends - now, 0.0)

    def _expected(self, cells: int) -> float:
        if not self._ahead:
            return cells * self._cells.value
        pace = self._pace()
        return self._moving() + sum(n * self._block(*key, pace) for key, n in self._ahead.items() if n)

    def _moving(self) -> float:
        """Directions, weights and plans of what is ahead."""
        along: dict[int, list[int]] = {}
        for (task, moved), n in self._ahead.items():
            if moved:
                along.setdefault(self._turns[task], []).append(n)
        blocks, drawn = (sum(map(of, along.values())) for of in (sum, max))
        drawing, setting = (
            self._drawn if self._drawn.count else self._set,
            self._set if self._set.count else self._drawn,
        )
        return drawn * drawing.value + (blocks - drawn) * setting.value + blocks * self._plans.value

    def _block(self, task: str, moved: bool, pace: float) -> float:
        for known in (moved, not moved):
            if (task, known) in self._blocks:
                return self._blocks[task, known].value
        return pace * self._size(task)

    def _pace(self) -> float:
        """Seconds for a token, over the tasks that were asked."""
        return sum(m.value for m in self._blocks.values()) / sum(self._size(task) for task, _ in self._blocks)

    def _size(self, task: str) -> int:
        return 1 if self.tokens is None else max(self.tokens.get(task, 1), 1)

    def _passed(self) -> float:
        before, self._last = self._last, self.clock()
        return self._last - before
