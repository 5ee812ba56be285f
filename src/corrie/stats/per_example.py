"""Which examples are safe: a certificate for each example by itself.

Idea
----
X_ij in {0, 1} is the outcome of example j on noise draw i, and p_j the Clopper–Pearson lower limit of P(X_j = 1) from
its n independent draws, at error a/m (a union over the m examples, which share the draws). With probability 1 − a, for
every θ' at distance r and all examples together, P(X_j = 1 at θ') ≥ g(p_j) = Φ(Φ⁻¹(p_j) − r/σ): example j is answered
by a majority of draws as long as g(p_j) > 1/2. Their mean, mean_j g(p_j), bounds the smoothed score. As a total it is,
in the population, below the law of the score at all its thresholds (:mod:`corrie.stats.score_law`), and it pays for the
union; its use is to name the examples.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from corrie.errors import InputError
from corrie.stats import clopper_pearson, gaussian_shift
from corrie.stats.arguments import share
from corrie.stats.multiplicity import shared_confidence
from corrie.stats.rounding import nudged_down


@dataclass(frozen=True, slots=True)
class PerExample:
    """Simultaneous lower limits of every example's smoothed success.

    successes    of each example, over the draws
    draws        n
    low          p_j, all valid together with ``confidence``
    """

    successes: tuple[int, ...]
    draws: int
    confidence: float
    low: tuple[float, ...]

    @classmethod
    def of(cls, outcomes: ArrayLike, confidence: float = 0.95) -> PerExample:
        """From outcomes in {0, 1}, shape (n draws, m examples), none missing.

        Raises:
            InputError: another shape, other values, a confidence outside (0, 1).

        >>> sure = PerExample.of([[1, 1, 0]] * 200, confidence=0.95)
        >>> sure.safe(ratio=1.0), round(sure.lower(1.0), 3)
        ((True, True, False), 0.569)
        """
        x = np.asarray(outcomes, float)
        if x.ndim != 2 or x.size == 0:
            raise InputError(f"outcomes of shape {x.shape}", found="no table", advice="(draws, examples)")
        columns = [clopper_pearson.tally(column) for column in x.T]
        each = shared_confidence(confidence, len(columns))
        known = {k: clopper_pearson.lower_limit(k, len(x), each) for k in {c.successes for c in columns}}
        successes = tuple(c.successes for c in columns)
        return cls(successes, len(x), confidence, tuple(known[k] for k in successes))

    def safe(self, ratio: float, floor: float = 0.5) -> tuple[bool, ...]:
        """Which examples stay above ``floor`` in smoothed success at distance r = ratio · σ."""
        return tuple((gaussian_shift.lower(self.low, ratio) > share(floor, "floor")).tolist())

    def lower(self, ratio: float) -> float:
        """The least smoothed score at distance r = ratio · σ, mean_j g(p_j), rounded down."""
        return float(nudged_down(gaussian_shift.lower(self.low, ratio).mean()))

    def __str__(self) -> str:
        held = sum(self.safe(0.0))
        return (
            f"{held} of {len(self.low)} examples are answered by a majority of noise draws "
            f"({self.draws} draws, confidence {self.confidence:g} for all together)"
        )
