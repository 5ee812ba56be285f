"""Limits of a fraction from a fixed number of independent 0/1 draws, exact.

Idea
----
With k successes in n draws of a Bernoulli(p), the lower limit is the p at which k or more would have had probability
1 − confidence: the (1 − confidence)-quantile of Beta(k, n−k+1), and 0 for k = 0. Whatever p is, the limit exceeds it
with probability at most 1 − confidence. For k = n it is (1 − confidence)^(1/n).

The draws must be independent and n fixed beforehand. Examples that share one noise draw are not independent: count
noise draws. To look early, use :mod:`corrie.stats.fraction_process`.

Source: Clopper & Pearson 1934.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from corrie.errors import InputError
from corrie.stats.arguments import error_of, independent_values, whole
from corrie.stats.rounding import nudged_down, nudged_up

NEAR_ZERO = 2.0**-10
"""``betaincinv`` may find x as 1 minus its complement: its error is then a unit of 1, not of x. As a scale, this covers
it: 2⁻¹⁰ · 2⁻⁴² = 2.2e-16."""


class Tally(NamedTuple):
    """Successes among independent draws."""

    successes: int
    draws: int


def tally(outcomes: ArrayLike) -> Tally:
    """Count the successes of independent 0/1 draws, shape (n,).

    Raises:
        InputError: a table of draws × examples (what shares a draw is not independent), or values other than 0 and 1
            (a mean of scores is no count: use :mod:`corrie.stats.betting`).

    >>> tally([True, True, False])
    Tally(successes=2, draws=3)
    """
    x = independent_values(outcomes)
    if not np.isin(x, (0.0, 1.0)).all():
        raise InputError("a count of successes", found="values between 0 and 1", advice="a limit of a mean: betting")
    return Tally(int(x.sum()), x.size)


def lower_limit(successes: int, draws: int, confidence: float = 0.95) -> float:
    """The one-sided lower limit of the success probability.

    Raises:
        InputError: counts that are no counts, more successes than draws, a confidence outside (0, 1).

    >>> round(lower_limit(6905, 6905, 0.999), 7)
    0.9990001
    >>> lower_limit(0, 10)
    0.0
    """
    from scipy.special import betaincinv

    k, n = _counts(successes, draws)
    error = error_of(confidence)
    if k == 0:
        return 0.0
    limit = betaincinv(k, n - k + 1, error)
    return float(max(0.0, nudged_down(limit, limit + NEAR_ZERO)))


def upper_limit(successes: int, draws: int, confidence: float = 0.95) -> float:
    """The one-sided upper limit of the success probability, 1 minus the lower limit of failure.

    Raises:
        InputError: as for :func:`lower_limit`.

    >>> round(upper_limit(0, 299), 4)
    0.01
    """
    from scipy.special import betaincinv

    k, n = _counts(successes, draws)
    error = error_of(confidence)
    if k == n:
        return 1.0
    limit = betaincinv(k + 1, n - k, 1 - error)
    return float(min(1.0, nudged_up(limit, limit + NEAR_ZERO)))


def _counts(successes: int, draws: int) -> Tally:
    k, n = whole(successes, "successes"), whole(draws, "draws", least=1)
    if k > n:
        raise InputError(f"{k} successes in {n} draws", found="more successes than draws", advice="counts of one event")
    return Tally(k, n)
