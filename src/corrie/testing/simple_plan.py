"""A whole adaptive scan of one simulated task: the estimator and the plan of a real scan, without a model.

Rounds of eight blocks of ten examples, each along a direction of its own unless several are to share one, as
:class:`corrie.stats.dose_response.Rounds` chooses them. The unmoved outcomes of a hundred examples come first, of two
hundred where a hundred cannot be told from chance, and of every example that a block has. Examples come in the task's
order, over again when they are used up.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from corrie.stats.chance import above_chance
from corrie.stats.dose_response import DoseResponse, Rounds, ScoredBlocks, dose_response
from corrie.testing.worlds import WorldRun

BASELINE = 100
"""Examples whose unmoved outcome is looked at first; twice as many if they cannot be told from chance."""


@dataclass(frozen=True, slots=True)
class SimplePlan:
    """Terms of a simulated scan.

    together   blocks along one direction
    gives_up   whether it ends where an interval is out of reach, as a real scan does
    """

    rounds: Rounds = Rounds(0.001, 0.08)  # noqa: RUF009 (frozen)
    confidence: float = 0.95
    together: int = 1
    gives_up: bool = False

    def run(self, task: WorldRun, offset: float = 0.0) -> DoseResponse | None:
        """The end of the scan; None where the unmoved score cannot be told from chance. ``offset`` shifts the range, in
        log σ."""
        return next(iter(deque(self.follow(task, offset), maxlen=1)), None)

    def follow(self, task: WorldRun, offset: float = 0.0) -> Iterator[DoseResponse]:
        """What is known after each round; nothing where the unmoved score cannot be told from chance."""
        known = BASELINE
        while not above_chance(task.before[:known].astype(float), task.world.chance, self.confidence):
            if known >= min(2 * BASELINE, task.before.size):
                return
            known = 2 * BASELINE
        shift = float(np.exp(offset))
        rounds = replace(self.rounds, low=self.rounds.low * shift, high=self.rounds.high * shift)
        chosen, size, blocks, seen = list(rounds.first()), rounds.size, [], []
        while True:
            for sigma in chosen:
                number = len(blocks)
                direction = number // self.together
                examples = np.arange(size * number, size * number + size) % task.before.size
                after = task.score(direction, sigma, examples)
                blocks.append((sigma, direction, examples, task.before[examples], after))
            before = task.before[: min(max(known, size * len(blocks)), task.before.size)]
            seen.append(
                dose_response(
                    ScoredBlocks.of(blocks),
                    right=int(before.sum()),
                    known=before.size,
                    chance=task.world.chance,
                    confidence=self.confidence,
                    retentions=rounds.retentions,
                )
            )
            yield seen[-1]
            if rounds.ending(seen) or (self.gives_up and rounds.is_out_of_reach(seen)):
                return
            chosen = list(rounds.next(seen[-1], [block[0] for block in blocks]))
