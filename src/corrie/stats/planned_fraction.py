"""A claim about a fraction with a plan fixed beforehand: n draws, at most k failures, stop at the next.

Idea
----
k = 0 is the zero-failure design: draw until n are good, or one is not. Stopping at the failure loses nothing, as the
claim is then out of this plan's reach; going on would need the larger n of a plan with more failures, fixed
beforehand.

What may still be said after stopping early [derived]. Order the outcomes of the plan from bad to good: stopped by the
(k+1)-th failure at draw 1, 2, …, n; then finished with k, k−1, …, 0 failures. The probability of doing as well as the
outcome or better, at a fraction p, is

    stopped at draw N:     P(Bin(N−1, 1−p) ≤ k)  (no more than k failures in the N − 1 draws before it),
    finished with j ≤ k:   P(Bin(n, 1−p) ≤ j),

for "better than stopping at N" means that the (k+1)-th failure came at N or later, and finishing with j or fewer is
contained in finishing. Both increase with p, so the p at which they equal a is a lower limit of confidence 1 − a: the
Clopper–Pearson limit of k failures in N − 1 draws, and of j in n. For k = 0 it is a^(1/good draws). Before the plan has
ended the same is said as if its remaining failures came at once: no way it can go on supports less.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from corrie.stats.clopper_pearson import lower_limit, tally
from corrie.stats.fraction_verdict import FractionStatus, FractionVerdict
from corrie.stats.planning import draws_for_fraction


@dataclass(frozen=True, slots=True)
class PlannedFraction:
    """The plan for "at least ``fraction`` of all draws is good" with at most ``failures`` failures.

    >>> plan = PlannedFraction(0.99, 0.95)
    >>> print(plan)
    draw 299; if at most 0 fail, at least 0.99 of all draws is good with confidence 0.95
    >>> print(plan.judge([True] * 299))
    with confidence 0.95, at least 0.99 of all draws is good: 299 of 299 draws were good
    >>> stopped = plan.judge([True] * 58 + [False] + [True] * 240)
    >>> stopped.status, stopped.draws, round(stopped.lower, 3)
    ('fails', 59, 0.95)
    """

    fraction: float
    confidence: float
    failures: int = 0

    def __post_init__(self) -> None:
        draws_for_fraction(self.fraction, self.confidence, self.failures)  # refuses what is not valid

    @property
    def draws(self) -> int:
        """n."""
        return draws_for_fraction(self.fraction, self.confidence, self.failures)

    def judge(self, outcomes: ArrayLike) -> FractionVerdict:
        """The verdict after these draws, in the order of drawing, shape (so far,). What comes after the plan has
        stopped is not looked at.

        Raises:
            InputError: outcomes other than 0 and 1, a table of draws × examples.
        """
        if np.size(outcomes) == 0:
            return FractionVerdict("open", self.fraction, self.confidence, 0, 0, 0.0, self.draws)
        tally(outcomes)
        planned, k = self.draws, self.failures
        seen = np.asarray(outcomes)[:planned]
        failed = np.flatnonzero(seen == 0)
        status: FractionStatus = "holds" if seen.size == planned else "open"
        if failed.size > k:
            status, seen = "fails", seen[: failed[k] + 1]
        good, n = int((seen == 1).sum()), seen.size
        # unless the plan is finished, as if all the failures it allows had come: whatever follows supports no less
        lower = lower_limit(good, n if status == "holds" else max(1, good + k), self.confidence)
        remaining = planned - n if status == "open" else None
        return FractionVerdict(status, self.fraction, self.confidence, good, n, lower, remaining)

    def __str__(self) -> str:
        return (
            f"draw {self.draws}; if at most {self.failures} fail, at least {self.fraction:.6g} of all draws is good "
            f"with confidence {self.confidence:.6g}"
        )
