"""Several claims at once: how the error is shared so that *all* of them hold together.

Bonferroni: K claims, each with error a/K, are all true with probability at least 1 − a, however they depend on one
another (the union bound). Holm: the same guarantee for tests, never weaker: in order of their p-values the smallest is
held against a/K, the next against a/(K−1), and so on until one fails.

Sources: Bonferroni 1936; Holm 1979.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from corrie.errors import InputError
from corrie.stats.arguments import Array, error_of, shares, whole


def shared_confidence(confidence: float, claims: int) -> float:
    """The confidence each of so many claims needs for all to hold together with ``confidence``.

    >>> shared_confidence(0.95, 5)
    0.99
    """
    return 1 - error_of(confidence) / whole(claims, "claims", least=1)


def bonferroni(p_values: ArrayLike) -> Array:
    """Adjusted p-values min(1, K p): those at most a may be rejected together at error a.

    Raises:
        InputError: no p-values, or some outside [0, 1].

    >>> bonferroni([0.25, 0.5])
    array([0.5, 1. ])
    """
    p = _p_values(p_values)
    return np.minimum(1.0, p.size * p)


def holm(p_values: ArrayLike) -> Array:
    """Adjusted p-values by Holm's step-down, each at most Bonferroni's, in the given order.

    Raises:
        InputError: no p-values, or some outside [0, 1].

    >>> holm([0.25, 0.125, 0.5])
    array([0.5  , 0.375, 0.5  ])
    """
    p = _p_values(p_values)
    order = np.argsort(p, kind="stable")
    steps = np.maximum.accumulate(p[order] * np.arange(p.size, 0, -1))
    adjusted = np.empty_like(p)
    adjusted[order] = np.minimum(1.0, steps)
    return adjusted


def _p_values(values: ArrayLike) -> Array:
    p = shares(values, "p-values")
    if p.ndim != 1 or p.size == 0:
        raise InputError(f"p-values of shape {p.shape}", found="no list of them", advice="one for each claim")
    return p
