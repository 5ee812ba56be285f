"""Ratios of CPU time in one process: interleaved runs, medians, one thread. Absolute times drift; ratios do not."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping


def medians(ways: Mapping[str, Callable[[], object]], repeats: int) -> dict[str, float]:
    """Median CPU seconds of each way of doing the same thing, run in turns after one unmeasured turn."""
    taken: dict[str, list[float]] = {name: [] for name in ways}
    for turn in range(repeats + 1):
        for name, way in ways.items():
            started = time.process_time()
            way()
            if turn:
                taken[name].append(time.process_time() - started)
    return {name: statistics.median(times) for name, times in taken.items()}
