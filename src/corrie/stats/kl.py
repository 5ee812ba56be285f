"""The Bernoulli divergence and its inverses.

kl(q‖p) = q ln(q/p) + (1−q) ln((1−q)/(1−p)), in nats: how many times less probable, per draw, a share q is where p is
expected. Zero at p = q, convex in p, increasing away from q; its inverses turn a budget of nats into a limit of p.
"""

from __future__ import annotations

import math

from corrie.errors import InputError
from corrie.stats.arguments import share
from corrie.stats.bisection import last_holding
from corrie.stats.rounding import nudged_down, nudged_up

_EXACT = 1e-15
"""A divergence is exact to less than this many nats and, where it is large, a few units of its own last place (less
than a nudge of p)."""


def divergence(q: float, p: float) -> float:
    """kl(q‖p) in nats, infinite where p excludes what q allows.

    >>> divergence(0.5, 0.5), round(divergence(1.0, 0.5), 4)
    (0.0, 0.6931)
    """
    from scipy.special import kl_div

    q, p = share(q, "q"), share(p, "p")
    # kl_div(x, y) = x ln(x/y) − x + y; the linear terms of the two outcomes cancel
    return max(0.0, float(kl_div(q, p) + kl_div(1 - q, 1 - p)))


def lower_inverse(q: float, budget: float) -> float:
    """The smallest p ≤ q with kl(q‖p) ≤ budget.

    >>> round(lower_inverse(1.0, 0.5), 6) == round(math.exp(-0.5), 6)
    True
    """
    q, budget = share(q, "q"), _budget(budget)
    if q == 0 or budget == math.inf:
        return 0.0
    if q == 1:
        return float(nudged_down(math.exp(-budget)))
    return float(nudged_down(last_holding(lambda p: divergence(q, p) > budget + _EXACT, 0.0, q)))


def upper_inverse(q: float, budget: float) -> float:
    """The largest p ≥ q with kl(q‖p) ≤ budget.

    >>> round(upper_inverse(0.0, 0.5), 6) == round(1 - math.exp(-0.5), 6)
    True
    """
    return min(1.0, float(nudged_up(1 - lower_inverse(1 - share(q, "q"), budget))))


def _budget(value: float) -> float:
    if not value >= 0:
        raise InputError(f"a budget of {value} nats", found="below 0 or no number", advice="0 or more")
    return value
