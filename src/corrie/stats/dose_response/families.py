"""Shapes of a cliff: the share of examples broken at a place, 0 far to the left and 1 far to the right.

Each is a distribution function F((x − m)/w) of x = log σ, written so that half is broken at m and 2w is the distance
between 16 % and 84 %: a value of (m, w) means nearly the same cliff in each, so that a posterior can go from one to the
other.

log-normal     Φ(z)
log-logistic   1/(1 + exp(−k z)): heavier tails on both sides
Weibull        1 − 2^(−exp(k z)): begins early, ends sharply
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from corrie.stats.arguments import Array

FAMILIES = ("log-normal", "log-logistic", "Weibull")

_ONE = float(ndtr(1.0))
LOGISTIC = math.log(_ONE / (1 - _ONE))
WEIBULL = (math.log(-math.log1p(-_ONE)) - math.log(-math.log(_ONE))) / 2


def broken(family: NDArray[np.integer], z: Array) -> Array:
    """F(z) for rows of z, shape (n, k), each of its own family, shape (n,) (numbers into ``FAMILIES``).

    >>> broken(np.array([0, 1, 2]), np.zeros((3, 1))).ravel()
    array([0.5, 0.5, 0.5])
    """
    found = np.empty_like(z)
    for number, shape in enumerate((_log_normal, _log_logistic, _weibull)):
        rows = family == number
        if rows.any():
            found[rows] = shape(z[rows])
    return found


def _log_normal(z: Array) -> Array:
    return ndtr(z)


def _log_logistic(z: Array) -> Array:
    return 1 / (1 + np.exp(np.minimum(-LOGISTIC * z, 80.0)))


def _weibull(z: Array) -> Array:
    return -np.expm1(-math.log(2.0) * np.exp(np.minimum(WEIBULL * z, 50.0)))
