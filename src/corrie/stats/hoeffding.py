"""Limits of a mean from independent values in [0, 1], knowing only that they are bounded.

Idea
----
Fixed n: the mean of n values exceeds their expectation μ so far that it reaches x > μ with probability at most
exp(−n kl(x‖μ)) (Hoeffding 1963, theorem 1; kl the Bernoulli divergence). So with a = 1 − confidence the lower limit is
the μ ≤ x̄ with kl(x̄‖μ) = ln(1/a)/n. By Pinsker's inequality it is never below x̄ − √(ln(1/a)/(2n)), the form that is
usually quoted, and near 0 and 1 much above it. The values need not be alike, only independent.

Any time: for a bet λ_t > 0 fixed before x_t is drawn, exp(λ_t (x_t − μ) − λ_t²/8) has mean at most 1 (Hoeffding's
lemma), so the running product is a nonnegative supermartingale and reaches 1/a *ever* with probability at most a
(Ville). Solved for μ,

    L_t = (Σ λ_i x_i − ln(1/a) − Σ λ_i²/8) / Σ λ_i,       λ_t = min(1, √(8 ln(1/a) / (t ln(t+1)))),

and the largest L_s, s ≤ t, is a lower limit after every draw at once. Here all values must have the same mean.

Where values vary little, :mod:`corrie.stats.betting` is far sharper.

Sources: Hoeffding 1963; Waudby-Smith & Ramdas 2024, section 3.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from corrie.stats.arguments import Array, error_of, independent_values
from corrie.stats.kl import lower_inverse
from corrie.stats.rounding import nudged_down, nudged_up


def lower_limit(values: ArrayLike, confidence: float = 0.95, *, anytime: bool = False) -> float:
    """A one-sided lower limit of the mean.

    Args:
        values: independent draws in [0, 1], in the order of drawing, shape (n,).
        anytime: the limit may be asked for after every draw, and one may stop when it pleases. Otherwise n must have
            been fixed beforehand.

    Raises:
        InputError: no values, values outside [0, 1], a table, a confidence outside (0, 1).

    >>> round(lower_limit([0.8] * 400), 3), round(lower_limit([0.8] * 400, anytime=True), 3)
    (0.748, 0.719)
    """
    x, nats = independent_values(values), -math.log(error_of(confidence))
    if not anytime:
        return lower_inverse(float(x.mean()), nats / x.size)
    t = np.arange(1, x.size + 1)
    bet = np.minimum(1.0, np.sqrt(8 * nats / (t * np.log(t + 1))))
    limits = (np.cumsum(bet * x) - nats - np.cumsum(bet**2) / 8) / np.cumsum(bet)
    return max(0.0, float(nudged_down(limits, summed(t)).max()))


def upper_limit(values: ArrayLike, confidence: float = 0.95, *, anytime: bool = False) -> float:
    """A one-sided upper limit of the mean: 1 minus the lower limit of 1 − values.

    >>> round(upper_limit([0.2] * 400), 3)
    0.252
    """
    return float(min(1.0, nudged_up(1 - lower_limit(1 - independent_values(values), confidence, anytime=anytime), 1.0)))


def summed(count: ArrayLike) -> Array:
    """The scale of a nudge for a mean over so many values: each addition may be off by half a unit in the last place.

    >>> float(summed(1000))
    3.0
    """
    return 1 + np.asarray(count, float) / 500
