"""Where to look next: a task's scan as rounds of eight blocks, each round chosen from the rounds before it.

The first round spreads over the range. Every later one asks five times where a block takes most off the interval of the
wanted radius (:mod:`corrie.stats.dose_response.next_block`); the other three check what the curves take for granted:
one at each end of that interval, and one where the range up to the half-life has been looked at least, so that a second
cliff can show. An end of the interval that lies outside of what was tried makes the range four times longer on that
side, three times at most.

It ends when the interval is as narrow as asked, twice in a row unless less is required, or when the outcomes that it
may spend are spent. All choices are functions of finished rounds, so a scan that is stopped anywhere and continued
looks at the same places, and the likelihood needs no correction for them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from corrie.stats.arguments import Array
from corrie.stats.dose_response.fit import DoseResponse
from corrie.stats.dose_response.next_block import NextBlocks
from corrie.stats.dose_response.radii import RETENTIONS

_ROUND, _CHECKS = 8, 3
_LONGER, _LONGEST = 4.0, 64.0
_HOPEFUL = 400
"""Outcomes before which no interval is out of reach."""

RoundsEnding = Literal["narrow", "spent"]


@dataclass(frozen=True, slots=True)
class Rounds:
    """The terms of one task's scan.

    low, high    the range of σ to begin with
    precision    upper over lower limit that is narrow enough, at ``retention``
    retention    share ρ whose radius is wanted
    most, least  outcomes at most; outcomes before it may end
    size         outcomes of a block
    pitch        of the candidates, in log σ
    alike        rounds in a row that must find the interval narrow: one may find it so by luck

    >>> rounds = Rounds(0.001, 0.08)
    >>> rounds.first()
    (0.001, 0.00187, 0.0035, 0.00654, 0.0122, 0.0229, 0.0428, 0.08)
    """

    low: float
    high: float
    precision: float = 2.0
    retention: float = 0.8
    most: int = 640
    least: int = 160
    size: int = 10
    pitch: float = 0.05
    alike: int = 2

    @property
    def retentions(self) -> tuple[float, ...]:
        """The wanted one and the usual ones, for :func:`corrie.stats.dose_response.dose_response`."""
        return tuple(sorted({self.retention, *RETENTIONS}, reverse=True))

    def first(self) -> tuple[float, ...]:
        """Where the first round looks, in the order of its blocks."""
        return _steps(np.geomspace(self.low, self.high, _ROUND))

    def ending(self, rounds: Sequence[DoseResponse]) -> RoundsEnding | None:
        """Why no round follows these (what was known after each), or None."""
        last = rounds[-1]
        narrow = all(self.is_narrow(found) for found in rounds[-self.alike :])
        if len(rounds) >= self.alike and narrow and last.evaluations >= self.least:
            return "narrow"
        return "spent" if last.evaluations + _ROUND * self.size > self.most else None

    def is_out_of_reach(self, rounds: Sequence[DoseResponse]) -> bool:
        """Whether all outcomes that are left cannot be expected to make the interval nearly narrow.

        The log of upper over lower limit falls as their number grows. Out of reach: two rounds in a row, the later
        with 400 outcomes or more, say that the last one will be wider than the cube of the precision. It is no ending
        by itself: a plan may go on.
        """
        if len(rounds) < 2 or rounds[-1].evaluations < _HOPEFUL:
            return False
        return all(
            math.log(found.radius(self.retention).ratio) * found.evaluations / self.most > 3 * math.log(self.precision)
            for found in rounds[-2:]
        )

    def is_narrow(self, found: DoseResponse) -> bool:
        """Whether the interval is as narrow as asked."""
        return found.radius(self.retention).ratio <= self.precision

    def next(self, found: DoseResponse, looked: Sequence[float]) -> tuple[float, ...]:
        """The next round's σ, from what is known and every σ that a block was scored at."""
        wanted = found.radius(self.retention)
        low, high = min(looked), max(looked)
        if math.isinf(wanted.high) and high < self.high * _LONGEST:
            high *= _LONGER
        if wanted.low == 0.0 and low > self.low / _LONGEST:
            low /= _LONGER
        places = np.linspace(math.log(low), math.log(high), 1 + math.ceil(math.log(high / low) / self.pitch))
        candidates = NextBlocks(found.posterior, np.exp(places), retention=self.retention, size=self.size)
        chosen: list[int] = []
        for _ in range(_ROUND - _CHECKS):
            chosen.append(int(candidates.reduction().argmax()))
            candidates.take(chosen[-1])
        ends = np.log([max(wanted.low, low), min(wanted.high, high)])
        chosen += np.abs(places - ends[:, None]).argmin(1).tolist()
        top = math.log(found.radius(0.5).sigma or high)
        apart = np.abs(places[:, None] - np.array([math.log(s) for s in looked] + [places[i] for i in chosen])).min(1)
        chosen.append(int(np.where(places <= top, apart, -1.0).argmax()))
        return _steps(np.exp(places[chosen]))

    def expected(self, found: DoseResponse | None) -> int:
        """How many outcomes it will have taken in the end, guessed.

        n outcomes whose interval is a power x of the precision wide, x = log(upper / lower) / log(precision), become
        n · x^1.25 and a round more, for the second time that it must be narrow. Intervals come and go, so one that is
        wide takes 2.2 rounds more at least, one that was narrow once 1.3 (``benchmarks/foreseeing.py``).
        """
        if found is None:
            return min(self.most, 400)
        ratio, count, step = found.radius(self.retention).ratio, found.evaluations, _ROUND * self.size
        wide = math.log(ratio) / math.log(self.precision) if math.isfinite(ratio) else 4.0
        more = 1.3 if wide <= 1 else 2.2
        needed = max(count * max(wide, 1.0) ** 1.25 + step, count + more * step)
        return int(min(max(needed, self.least), self.most))


def _steps(sigmas: Array) -> tuple[float, ...]:
    """To three digits: the steps that are asked, and the places that a fit reads."""
    return tuple(float(f"{sigma:.3g}") for sigma in sigmas)
