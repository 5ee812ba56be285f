"""Did a change break more examples than it mended? The exact test on pairs.

Idea
----
Of the examples that changed, b got worse and c got better; the others say nothing. If getting worse is no more likely
than getting better, b is at most Bin(b + c, 1/2) stochastically: its upper tail is the one-sided p-value, exact for any
number of examples. Assumes that examples are independent of one another.

Source: McNemar 1947, in its exact (binomial) form.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import bdtr

from corrie.errors import InputError
from corrie.stats.arguments import independent_values


@dataclass(frozen=True, slots=True)
class PairedChange:
    """Examples that changed, with exact p-values.

    worse, better   how many went from right to wrong, and from wrong to right
    examples        how many were compared
    p_worse         of the hypothesis that getting worse is no more likely than getting better (one-sided)
    p_changed       of the hypothesis that both are equally likely (two-sided)
    """

    worse: int
    better: int
    examples: int
    p_worse: float
    p_changed: float

    def __str__(self) -> str:
        return f"{self.worse} of {self.examples} examples got worse and {self.better} better (p = {self.p_changed:.3g})"


def mcnemar(before: ArrayLike, after: ArrayLike) -> PairedChange:
    """Compare the same examples' 0/1 scores before and after a change, shape (m,) each; pairs with NaN are left out.

    Raises:
        InputError: scores other than 0 and 1, other lengths, nothing left to compare.

    >>> print(mcnemar([1, 1, 1, 1, 1, 0], [0, 0, 0, 0, 0, 1]))
    5 of 6 examples got worse and 1 better (p = 0.219)
    """
    x, y = pairs(before, after)
    if not np.isin([x, y], (0.0, 1.0)).all():
        raise InputError("McNemar's test", found="scores between 0 and 1", advice="paired_difference for such scores")
    worse, better = int((x > y).sum()), int((y > x).sum())
    changed = worse + better
    p_worse = float(bdtr(better, changed, 0.5)) if changed else 1.0
    p_changed = min(1.0, 2 * float(bdtr(min(worse, better), changed, 0.5))) if changed else 1.0
    return PairedChange(worse, better, x.size, p_worse, p_changed)


def pairs(before: ArrayLike, after: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """The examples that were scored both times.

    Raises:
        InputError: other lengths, nothing scored both times, scores outside [0, 1].
    """
    x, y = np.asarray(before, float), np.asarray(after, float)
    if x.shape != y.shape or x.ndim != 1:
        raise InputError(
            f"scores of shapes {x.shape} and {y.shape}", found="no pairs", advice="the same examples twice"
        )
    both = ~(np.isnan(x) | np.isnan(y))
    if not both.any():
        raise InputError("a comparison of pairs", found="no example scored both times", advice="score some")
    return independent_values(x[both]), independent_values(y[both])
