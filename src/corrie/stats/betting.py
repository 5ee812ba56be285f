"""Limits of a mean from independent values in [0, 1], by betting: the sharpest of the simple ones.

Idea
----
To disprove "the mean is at most m", bet on it. Start with 1, and before draw t stake the share λ_t of the capital on
"x_t > m":

    K_t(m) = Π_{i ≤ t} (1 + λ_i(m) (x_i − m)),        0 ≤ λ_i(m) ≤ c/m,  c < 1.

If the mean is m or less, K is a nonnegative supermartingale: it reaches 1/a ever with probability at most a = 1 −
confidence (Ville). λ_i(m) = min(λ_i, c/m) with λ_i chosen from the draws before i, so every factor falls as m grows
(1 + λ(x − m), or 1 + c x/m − c), hence K does, and the m that have been disproved are an interval [0, L). L is the
lower limit. It holds at any time by itself; a known n only makes the stakes better:

    λ_t = √(2 ln(1/a) / (σ̂²_{t−1} n))   for fixed n,        √(2 ln(1/a) / (σ̂²_{t−1} t ln(t+1)))   for any time,

σ̂²_{t−1} the variance of the draws before t, started at 1/4.

The values share one mean. The order matters: a bet on draw t may know the draws before it and nothing else. At any
time, the values must come in the order in which they were drawn. For fixed n, where any order that ignores the values
will do, they are dealt by a fixed shuffle, so that values that somebody sorted do no harm, and the limit is not let
above their mean.

Source: Waudby-Smith & Ramdas 2024 (hedged capital, one-sided; predictable plug-in stakes).
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from corrie.stats.arguments import Array, error_of, independent_values
from corrie.stats.bisection import last_holding
from corrie.stats.rounding import nudged_down, nudged_up

LARGEST_STAKE = 0.75
"""c: the share of the capital that a single draw may cost at most."""


def lower_limit(values: ArrayLike, confidence: float = 0.95, *, anytime: bool = False) -> float:
    """A one-sided lower limit of the mean.

    Args:
        values: independent draws in [0, 1], shape (n,); with ``anytime``, in the order of drawing.
        anytime: the limit may be asked for after every draw, and one may stop when it pleases. Otherwise n must have
            been fixed beforehand.

    Raises:
        InputError: no values, values outside [0, 1], a table, a confidence outside (0, 1).

    >>> round(lower_limit([0.8] * 400), 2), round(lower_limit([0.8] * 400, anytime=True), 2)
    (0.79, 0.79)
    """
    x, nats = independent_values(values), -math.log(error_of(confidence))
    if anytime:
        t = np.arange(1, x.size + 1)
        rounds = t * np.log(t + 1)
    else:
        x, rounds = x[np.random.default_rng(0).permutation(x.size)], x.size
    stake = np.sqrt(2 * nats / (guesses(x)[1] * rounds))
    # at a mean of 1 no factor exceeds 1: never disproved
    limit = last_holding(lambda mean: bool(log_capital(x, stake, mean).max() >= nats), 0.0, 1.0)
    return float(nudged_down(limit if anytime else min(limit, float(x.mean()))))


def upper_limit(values: ArrayLike, confidence: float = 0.95, *, anytime: bool = False) -> float:
    """A one-sided upper limit of the mean: 1 minus the lower limit of 1 − values.

    >>> round(upper_limit([0.2] * 400), 2)
    0.21
    """
    return float(min(1.0, nudged_up(1 - lower_limit(1 - independent_values(values), confidence, anytime=anytime), 1.0)))


def log_capital(values: Array, stake: Array, mean: float) -> Array:
    """ln K_t(mean) after each draw, shape (n,), for stakes λ_t chosen before each draw."""
    capped = np.minimum(stake, LARGEST_STAKE / mean) if mean > 0 else stake
    return np.cumsum(np.log1p(capped * (values - mean)))


def guesses(values: Array) -> tuple[Array, Array]:
    """What is guessed of mean and variance before each draw, from the draws before it, shape (n,) each.

    μ̂_t = (1/2 + Σ x_i)/(t+1) and σ̂²_t = (1/4 + Σ (x_i − μ̂_i)²)/(t+1) over i ≤ t, so 1/2 and 1/4 before the first.
    """
    t = np.arange(1, values.size + 1)
    mean = (0.5 + np.cumsum(values)) / (t + 1)
    variance = (0.25 + np.cumsum((values - mean) ** 2)) / (t + 1)
    return np.append(0.5, mean[:-1]), np.append(0.25, variance[:-1])
