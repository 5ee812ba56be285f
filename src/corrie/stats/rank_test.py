"""Do two samples come from one law? The rank-sum test by permutation: exact, also with ties.

Idea
----
Put both samples in one order, give ties their mean rank, and add up the ranks of the first. If all n + m values are
exchangeable (one law, independent draws), every choice of n of them is as likely to be the first sample, so the share
of choices whose rank sum lies at least as far from its mean as the observed one is an exact two-sided p-value. Up to
:data:`MOST_CHOICES` choices are all looked at; beyond that so many are drawn, and the observed one counts as one of
them, which keeps the p-value valid.

Only the order counts: values that are known to lie beyond a common bound are ties at that bound.

Source: Wilcoxon 1945; Mann and Whitney 1947; Phipson and Smyth 2010 for drawn permutations.
"""

from __future__ import annotations

import math
from itertools import combinations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from corrie.errors import InputError

MOST_CHOICES = 20_000
"""How many choices are looked at: all of them for 8 against 8 (12,870)."""

_SLACK = 1e-9


def rank_sum(one: ArrayLike, two: ArrayLike) -> float:
    """The two-sided p-value of "both samples come from one law".

    Args:
        one, two: values, shape (n,) and (m,), at least one each; infinity is a value.

    Raises:
        InputError: an empty sample, or values that are no numbers.

    >>> rank_sum([1, 2, 3], [4, 5, 6])  # 2 of 20 choices
    0.1
    >>> rank_sum([1, 1, 1], [1, 1])
    1.0
    """
    x, y = np.asarray(one, float).ravel(), np.asarray(two, float).ravel()
    if x.size == 0 or y.size == 0 or np.isnan(x).any() or np.isnan(y).any():
        raise InputError("a comparison of two samples", found="an empty one, or values that are no numbers")
    ranks = _mean_ranks(np.concatenate([x, y]))
    n, all = x.size, ranks.size
    middle = n * (all + 1) / 2
    observed = abs(float(ranks[:n].sum()) - middle)
    if math.comb(all, n) <= MOST_CHOICES:
        sums = np.array([ranks[list(choice)].sum() for choice in combinations(range(all), n)])
        return float((np.abs(sums - middle) >= observed - _SLACK).mean())
    dice = np.random.default_rng(0)
    sums = np.array([dice.permutation(ranks)[:n].sum() for _ in range(MOST_CHOICES)])
    return float((1 + (np.abs(sums - middle) >= observed - _SLACK).sum()) / (1 + MOST_CHOICES))


def _mean_ranks(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Ranks from 1 on, ties share their mean: ``scipy.stats.rankdata``, without the second that its import takes."""
    _, which, counts = np.unique(values, return_inverse=True, return_counts=True)
    return (np.cumsum(counts) - (counts - 1) / 2)[which]
