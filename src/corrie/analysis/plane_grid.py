"""What is between a plane's points, and over its examples."""

from __future__ import annotations

import numpy as np

from corrie.stats.arguments import Array


def mean_over_examples(values: Array) -> Array:
    """Over examples, the last axis, of what is there; NaN where nothing is."""
    there = np.isfinite(values)
    count = there.sum(-1)
    total = np.where(there, values, 0.0).sum(-1)
    return np.divide(total, count, out=np.full(np.shape(total), np.nan), where=count > 0)


def interpolate(alpha: Array, beta: Array, values: Array, a: Array, b: Array) -> Array:
    """Values between the points of a grid, linear in each step size; NaN outside and where a corner that counts is NaN.

    >>> corners = np.array([[0.0, 2.0], [1.0, 3.0]])
    >>> interpolate(np.array([0.0, 1.0]), np.array([0.0, 2.0]), corners, np.array([0.5]), np.array([1.0]))
    array([1.5])
    """
    i = np.clip(np.searchsorted(alpha, a, side="right") - 1, 0, alpha.size - 2)
    j = np.clip(np.searchsorted(beta, b, side="right") - 1, 0, beta.size - 2)
    u = (a - alpha[i]) / (alpha[i + 1] - alpha[i])
    v = (b - beta[j]) / (beta[j + 1] - beta[j])
    result = np.zeros(np.broadcast(a, b).shape)
    for di, dj, weight in ((0, 0, (1 - u) * (1 - v)), (1, 0, u * (1 - v)), (0, 1, (1 - u) * v), (1, 1, u * v)):
        corner = values[i + di, j + dj]
        result += np.where(np.abs(weight) < 1e-9, 0.0, weight * corner)
    dust = 1e-9
    outside = (u < -dust) | (u > 1 + dust) | (v < -dust) | (v > 1 + dust)
    return np.where(outside, np.nan, result)
