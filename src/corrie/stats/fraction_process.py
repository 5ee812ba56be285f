"""Limits of a fraction that hold at any time: look after every draw, stop when it is settled.

Idea
----
To disprove "the success probability is at most p", bet that it is q = p + (1−p) w for many w in (0, 1] at once, each
with a share π(w) of the capital. After s successes and f failures the capital is the mixture of likelihood ratios

    E(p) = Σ_w π(w) (q/p)^s ((1−q)/(1−p))^f = Σ_w π(w) (1 + w (1−p)/p)^s (1 − w)^f.

*E is an e-process for every true p' ≤ p.* One draw multiplies the w-th term by a factor of mean
p'(1 + w(1−p)/p) + (1−p')(1−w) = 1 + w (p'/p − 1) ≤ 1, so each term, and the mixture, is a nonnegative supermartingale
that starts at 1 and reaches 1/a *ever* with probability at most a (Ville), a = 1 − confidence. (At p' = p the mean of
E after any number of draws is exactly 1, which the tests add up.) And since (1−p)/p falls as p grows, so does E: the p
that have been disproved are an interval [0, L). L is the lower limit, at every time at once.

Half of the capital bets on w = 1, "none fails": it costs ln 2 nats where the plan for zero failures would have done,
and the other half, spread over (0, 1) with density 2w, pays when some do. A finite mixture needs no quadrature: the
guarantee is exact.

Sources: Ville 1939; Robbins 1970 (mixtures); Waudby-Smith & Ramdas 2024.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from corrie.errors import InputError
from corrie.stats.arguments import Array, error_of, share
from corrie.stats.bisection import last_holding
from corrie.stats.rounding import nudged_down, nudged_up

BETS = np.append(np.sqrt((np.arange(64) + 0.5) / 64), 1.0)
"""w: how far from p towards 1 each bet lies."""
CAPITAL = np.append(np.full(64, 0.5 / 64), 0.5)
"""π(w): the share of the capital on each."""


def log_e_value(successes: ArrayLike, draws: ArrayLike, fraction: float) -> Array:
    """ln E: the evidence, in nats, against "the success probability is at most ``fraction``".

    That claim may be rejected with confidence 1 − a as soon as ln E ≥ ln(1/a), whenever that is.

    Args:
        successes, draws: counts, of one shape.
        fraction: p in (0, 1].

    Raises:
        InputError: counts that are no counts, a fraction outside (0, 1].

    >>> round(float(log_e_value(100, 100, 0.9)), 2)  # the bet on "none fails" alone: 100 ln(1/0.9) − ln 2 = 9.84
    10.01
    """
    s, n = np.asarray(successes, float), np.asarray(draws, float)
    p = share(fraction, "fraction")
    if p == 0:
        raise InputError("evidence against a fraction of 0", found="no draw speaks for it", advice="above 0")
    if (s != np.floor(s)).any() or (n != np.floor(n)).any() or (s < 0).any() or (s > n).any():
        raise InputError("counts of successes and draws", found="no such counts", advice="0 ≤ successes ≤ draws")
    return _mixed(s[..., None], _lost((n - s)[..., None]), p)


def _lost(failures: Array) -> Array:
    """The part of each bet's ln that failures cost it, shape (…, bets)."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(failures > 0, failures * np.log1p(-BETS), 0.0)


def _mixed(successes: Array, lost: Array, p: float) -> Array:
    """ln Σ_w π(w) exp(s ln(1 + w (1−p)/p) + lost)."""
    terms = successes * np.log1p(BETS * ((1 - p) / p)) + lost
    peak = terms.max(-1, keepdims=True)
    return peak[..., 0] + np.log(np.exp(terms - peak) @ CAPITAL)


def lower_limit(successes: int, draws: int, confidence: float = 0.95) -> float:
    """A lower limit of the success probability that holds after every draw at once.

    Raises:
        InputError: counts that are no counts, more successes than draws, a confidence outside (0, 1).

    >>> round(lower_limit(100, 100), 3), round(lower_limit(99, 100), 3)
    (0.967, 0.93)
    """
    nats = -math.log(error_of(confidence))
    tiny = 1e-12
    if log_e_value(successes, draws, tiny) < nats:
        return 0.0
    s, lost = np.asarray([successes], float), _lost(np.asarray([draws - successes], float))
    return float(nudged_down(last_holding(lambda p: bool(_mixed(s, lost, p) >= nats), tiny, 1.0)))


def upper_limit(successes: int, draws: int, confidence: float = 0.95) -> float:
    """An upper limit of the success probability that holds after every draw at once.

    >>> round(upper_limit(0, 100), 3)
    0.033
    """
    return float(min(1.0, nudged_up(1 - lower_limit(draws - successes, draws, confidence), 1.0)))
