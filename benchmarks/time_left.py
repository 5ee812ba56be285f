"""Is the time that a scan says is left the time that is left? One scan, counted in CPU-seconds of this process.

    python benchmarks/time_left.py scan smollm2-135m-instruct -t knowledge --alpha auto --to RUN

runs `corrie` with these words and prints, for moments from its first minute on, what it said over what was left; and at
how many of all of them that was within a third. A run folder that is there already is continued: give a new one.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from corrie.cli import progress
from corrie.cli.main import main as corrie
from corrie.cli.time_left import TimeLeft
from corrie.scanning.work import Ahead

CALM, APART = 60.0, 25.0
"""CPU-seconds before a moment counts, and between two that are printed."""


@dataclass
class Noted(TimeLeft):
    """The rule, by this process' own time, with what it said.

    said    time, and seconds that were said to be left
    began   when the plan was first asked
    """

    said: list[tuple[float, float]] = field(default_factory=list)
    began: float | None = None
    _scored: list[float] = field(default_factory=list)

    def foresees(self, ahead: Sequence[Ahead]) -> None:
        """The plan was asked: the first time, the scan begins."""
        super().foresees(ahead)
        self.began = self.clock() if self.began is None else self.began

    def scored(self, task: str, *, moved: bool) -> None:
        """A block is scored: the last one is the end."""
        super().scored(task, moved=moved)
        self._scored.append(self.clock())

    def seconds(self, cells: int) -> float | None:
        """What is left, noted."""
        left = super().seconds(cells)
        if left is not None:
            self.said.append((self.clock(), left))
        return left

    def ratios(self) -> list[tuple[float, float]]:
        """Time since the scan began, and what was said over what was left; none where nothing was scored."""
        began, ends = self.began or 0.0, max(self._scored, default=0.0)
        return [(now - began, left / (ends - now)) for now, left in self.said if began + CALM < now < ends]


def main() -> None:
    noted = Noted(clock=time.process_time)
    progress.TimeLeft = lambda: noted  # pyright: ignore[reportAttributeAccessIssue]
    sys.argv[0] = "corrie"
    with suppress(SystemExit):
        corrie()
    found, last = noted.ratios(), 0.0
    for age, ratio in found:
        if age - last >= APART:
            print(f"{age:4.0f} s  {ratio:.2f}")
            last = age
    within = sum(abs(ratio - 1) <= 1 / 3 for _, ratio in found)
    print(json.dumps({"moments": len(found), "within a third": within}))


if __name__ == "__main__":
    main()
