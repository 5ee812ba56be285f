"""A claim about a fraction that is settled whenever it is: look after every draw, stop as soon as it is clear.

No number of draws and no number of failures is fixed. The claim "at least f is good" is supported when the evidence
against "at most f" (:mod:`corrie.stats.fraction_process`) has reached 1/a *at any draw*, and given up when the evidence
for "less than f" has; each error is at most a over all times together. If none fails it needs a few more draws than the
plan for zero failures; if a few fail it goes on where that plan must stop.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from corrie.stats.arguments import error_of
from corrie.stats.bisection import first_count
from corrie.stats.clopper_pearson import tally
from corrie.stats.fraction_process import log_e_value, lower_limit
from corrie.stats.fraction_verdict import FractionStatus, FractionVerdict
from corrie.stats.planning import draws_for_fraction


@dataclass(frozen=True, slots=True)
class AnytimeFraction:
    """The open-ended design for "at least ``fraction`` of all draws is good".

    >>> design = AnytimeFraction(0.99, 0.95)
    >>> design.draws
    332
    >>> print(design.judge([True] * 200 + [False] + [True] * 600))
    with confidence 0.95, at least 0.99 of all draws is good: 725 of 726 draws were good
    """

    fraction: float
    confidence: float

    def __post_init__(self) -> None:
        draws_for_fraction(self.fraction, self.confidence)  # refuses what is not valid

    @property
    def draws(self) -> int:
        """How many draws settle the claim if none of them fails."""
        return self._more(0, 0)

    def judge(self, outcomes: ArrayLike) -> FractionVerdict:
        """The verdict after these draws, in the order of drawing, shape (so far,). What comes after the claim was
        settled is not looked at.

        Raises:
            InputError: outcomes other than 0 and 1, a table of draws × examples.
        """
        if np.size(outcomes) == 0:
            return self._verdict("open", 0, 0)
        total = tally(outcomes)
        nats = -math.log(error_of(self.confidence))
        n = np.arange(1, total.draws + 1)
        good = np.cumsum(np.asarray(outcomes, float))
        holds = log_e_value(good, n, self.fraction) >= nats
        fails = log_e_value(n - good, n, 1 - self.fraction) >= nats
        settled = np.flatnonzero(holds | fails)
        if settled.size == 0:
            return self._verdict("open", *total)
        first = int(settled[0])
        return self._verdict("holds" if holds[first] else "fails", int(good[first]), first + 1)

    def _verdict(self, status: FractionStatus, good: int, draws: int) -> FractionVerdict:
        lower = lower_limit(good, draws, self.confidence) if draws else 0.0
        more = self._more(good, draws) if status == "open" else None
        return FractionVerdict(status, self.fraction, self.confidence, good, draws, lower, more)

    def _more(self, good: int, draws: int) -> int:
        """How many more good draws settle the claim: the evidence grows with each."""
        nats = -math.log(error_of(self.confidence))
        return first_count(lambda k: bool(log_e_value(good + k, draws + k, self.fraction) >= nats), least=1)
