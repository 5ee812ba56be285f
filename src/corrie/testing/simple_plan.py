"""A whole adaptive scan of one simulated task: the estimator and a plan, without a model.

Rounds of eight blocks of ten examples, each along a direction of its own. The first round spreads over the range; every
later one asks where a block takes most off the interval of the wanted radius, five times. The other three check what
the curves take for granted: one at each end of that interval, and one where the range up to the half-life has been
looked at least, so that a second cliff can show. It ends when the interval is as
narrow as asked, twice in a row, or the budget is spent. Examples come in the task's order, over again when they are
used up.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from corrie.stats.chance import above_chance
from corrie.stats.dose_response import DoseResponse, NextBlocks, ScoredBlocks, dose_response
from corrie.testing.worlds import WorldRun

ROUND, CHECKS, SIZE, BASELINE = 8, 3, 10, 100


@dataclass(frozen=True, slots=True)
class SimplePlan:
    """Terms of a simulated scan.

    low, high   the range of σ; pitch: of the candidates, in log σ
    precision   upper over lower limit that is narrow enough, at ``retention``
    budget      scored examples at most
    least       scored examples before it may end
    """

    low: float = 0.001
    high: float = 0.08
    pitch: float = 0.05
    precision: float = 2.0
    retention: float = 0.8
    confidence: float = 0.95
    budget: int = 640
    least: int = 160

    def run(self, task: WorldRun, offset: float = 0.0) -> DoseResponse | None:
        """The end of the scan; None where the unmoved score cannot be told from chance. ``offset`` shifts the range."""
        places = np.arange(math.log(self.low), math.log(self.high), self.pitch) + offset
        chosen = [int(i) for i in np.linspace(0, places.size - 1, ROUND)]
        blocks, narrow, found, used = [], 0, None, 0
        while len(blocks) * SIZE < self.budget:
            for i in chosen:
                examples = np.arange(used, used + SIZE) % task.before.size
                used += SIZE
                sigma = math.exp(places[i])
                after = task.score(len(blocks), sigma, examples)
                blocks.append((sigma, len(blocks), examples, task.before[examples], after))
            known = task.before[: min(max(used, BASELINE), task.before.size)]
            if not above_chance(known.astype(float), task.world.chance, self.confidence):
                if used >= task.before.size or used >= 2 * BASELINE:
                    return None
                if known.mean() <= task.world.chance:
                    continue
            found = dose_response(
                ScoredBlocks.of(blocks), right=int(known.sum()), known=known.size, chance=task.world.chance,
                confidence=self.confidence,
            )  # fmt: skip
            narrow = narrow + 1 if found.radius(self.retention).ratio <= self.precision else 0
            if narrow >= 2 and used >= self.least:
                break
            chosen = self._next(found, places, [math.log(b[0]) for b in blocks])
        return found

    def _next(self, found: DoseResponse, places: np.ndarray, looked: list[float]) -> list[int]:
        candidates = NextBlocks(found.posterior, np.exp(places), retention=self.retention, size=SIZE)
        chosen = []
        for _ in range(ROUND - CHECKS):
            chosen.append(int(candidates.reduction().argmax()))
            candidates.take(chosen[-1])
        top = math.log(found.radius(0.5).sigma or self.high)
        wanted = found.radius(self.retention)
        ends = np.log([max(wanted.low, math.exp(places[0])), min(wanted.high, math.exp(places[-1]))])
        chosen += np.abs(places - ends[:, None]).argmin(1).tolist()
        apart = np.abs(places[:, None] - np.array(looked + [places[i] for i in chosen])).min(1)
        return [*chosen, int(np.where(places <= top, apart, -1.0).argmax())]
