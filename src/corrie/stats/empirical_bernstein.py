"""Limits of a mean from independent values in [0, 1] that use how little the values vary.

Idea
----
Fixed n (Maurer & Pontil 2009, theorem 4), with s² the sample variance and a = 1 − confidence:

    L = x̄ − √(2 s² ln(2/a) / n) − 7 ln(2/a) / (3 (n−1)).

Any time (Waudby-Smith & Ramdas 2024, theorem 2, one-sided): with bets λ_i and guesses μ̂_{i−1} fixed before x_i is
drawn, and ψ(λ) = −ln(1−λ) − λ, the product of exp(λ_i (x_i − μ) − ψ(λ_i) (x_i − μ̂_{i−1})²) is a nonnegative
supermartingale (Fan, Grama & Liu 2015), which exceeds 1/a ever with probability at most a. Solved for μ,

    L_t = (Σ λ_i x_i − ln(1/a) − Σ ψ(λ_i) (x_i − μ̂_{i−1})²) / Σ λ_i,

with λ_t = min(3/4, √(2 ln(1/a) / (σ̂²_{t−1} t ln(t+1)))); the largest L_s, s ≤ t, holds after every draw at once.

The values share one mean. Sharper than Hoeffding where the variance is small and n is not;
:mod:`corrie.stats.betting` is sharper still.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from corrie.stats.arguments import error_of, independent_values
from corrie.stats.betting import guesses
from corrie.stats.hoeffding import summed
from corrie.stats.rounding import nudged_down, nudged_up


def lower_limit(values: ArrayLike, confidence: float = 0.95, *, anytime: bool = False) -> float:
    """A one-sided lower limit of the mean.

    Args:
        values: independent draws in [0, 1], in the order of drawing, shape (n,).
        anytime: the limit may be asked for after every draw, and one may stop when it pleases.

    Raises:
        InputError: no values, values outside [0, 1], a table, a confidence outside (0, 1).

    >>> round(lower_limit([0.8] * 400), 3), round(lower_limit([0.8] * 400, anytime=True), 3)
    (0.778, 0.79)
    """
    x, error = independent_values(values), error_of(confidence)
    n = x.size
    if not anytime:
        if n == 1:
            return 0.0
        nats = math.log(2 / error)
        limit = x.mean() - math.sqrt(2 * x.var(ddof=1) * nats / n) - 7 * nats / (3 * (n - 1))
        return max(0.0, float(nudged_down(limit, summed(n))))
    nats = -math.log(error)
    mean, variance = guesses(x)
    t = np.arange(1, n + 1)
    bet = np.minimum(0.75, np.sqrt(2 * nats / (variance * t * np.log(t + 1))))
    cost = (-np.log1p(-bet) - bet) * (x - mean) ** 2
    limits = (np.cumsum(bet * x) - nats - np.cumsum(cost)) / np.cumsum(bet)
    return max(0.0, float(nudged_down(limits, summed(t)).max()))


def upper_limit(values: ArrayLike, confidence: float = 0.95, *, anytime: bool = False) -> float:
    """A one-sided upper limit of the mean: 1 minus the lower limit of 1 − values.

    >>> round(upper_limit([0.2] * 400), 3)
    0.222
    """
    return float(min(1.0, nudged_up(1 - lower_limit(1 - independent_values(values), confidence, anytime=anytime), 1.0)))
