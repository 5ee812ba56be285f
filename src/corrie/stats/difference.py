"""By how much did a score change? An interval for the mean difference of pairs, valid for any scores in [0, 1].

The differences d_j = after_j − before_j lie in [−1, 1] and are independent over examples; (1 + d_j)/2 lies in [0, 1],
so the betting limits of its mean (:mod:`corrie.stats.betting`), each at half of the error, give an interval without any
assumption on the law of the scores. Most pairs do not change, and betting is sharp where the variance is small.
"""

from __future__ import annotations

from dataclasses import dataclass

from numpy.typing import ArrayLike

from corrie.stats import betting
from corrie.stats.multiplicity import shared_confidence
from corrie.stats.paired_change import pairs
from corrie.stats.rounding import nudged_down, nudged_up, rounded_down, rounded_up


@dataclass(frozen=True, slots=True)
class PairedDifference:
    """The mean of after − before over examples, with its interval."""

    mean: float
    low: float
    high: float
    examples: int
    confidence: float

    def __str__(self) -> str:
        interval = f"{self.mean:+.3g} [{rounded_down(self.low):+.3g}, {rounded_up(self.high):+.3g}]"
        return f"{interval} ({self.examples} pairs, confidence {self.confidence:g})"


def paired_difference(before: ArrayLike, after: ArrayLike, confidence: float = 0.95) -> PairedDifference:
    """The change of the mean score of the population that the examples are drawn from.

    Args:
        before, after: scores in [0, 1] of the same examples, shape (m,); pairs with NaN are left out.

    Raises:
        InputError: scores outside [0, 1], other lengths, nothing left to compare, a confidence outside (0, 1).

    >>> print(paired_difference([1.0] * 200, [1.0] * 180 + [0.0] * 20))
    -0.1 [-0.168, -0.0525] (200 pairs, confidence 0.95)
    """
    x, y = pairs(before, after)
    halves, each = (1 + y - x) / 2, shared_confidence(confidence, 2)
    low = max(-1.0, float(nudged_down(2 * betting.lower_limit(halves, each) - 1, 1.0)))
    high = min(1.0, float(nudged_up(2 * betting.upper_limit(halves, each) - 1, 1.0)))
    return PairedDifference(float((y - x).mean()), low, high, x.size, confidence)
