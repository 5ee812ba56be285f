"""Rounding that never flatters: a printed bound is never better than the true one.

Two steps may flatter a guarantee. Special functions are exact to a few units in the last place only: ``nudged_down``
moves a number by a relative 2⁻⁴² (2.3e-13), which is more than their error and less than any digit that is shown. Where
an error grows with something other than the result (a difference of larger numbers, a far tail, a long sum), the caller
says so by ``scale``. And printing cuts digits: ``rounded_down`` cuts them towards −∞, exactly, in decimal arithmetic.
"""

from __future__ import annotations

import math
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

import numpy as np
from numpy.typing import ArrayLike

from corrie.stats.arguments import Array

_MARGIN = 2.0**-42
"""Relative size of a nudge."""
TINY = 2.0**-980
"""Numbers of less than this size (1e-295) have no room for a nudge among the floats: they become 0 or this size,
whichever is the safe side."""


def nudged_down(value: ArrayLike, scale: ArrayLike | None = None) -> Array:
    """``value`` − MARGIN · |scale|; ``scale`` is the value itself unless it is a difference of larger numbers.

    >>> float(nudged_down(1.0)) < 1.0, float(nudged_down(0.0))
    (True, 0.0)
    """
    x = np.asarray(value, float)
    size = np.abs(x if scale is None else np.asarray(scale, float))
    moved = np.where(np.isfinite(x), x - _MARGIN * np.where(np.isfinite(size), size, 0.0), x)
    return np.where((x != 0) & (np.maximum(size, np.abs(x)) < TINY), np.where(x > 0, 0.0, -TINY), moved)[()]


def nudged_up(value: ArrayLike, scale: ArrayLike | None = None) -> Array:
    """``value`` + MARGIN · |scale|."""
    return -nudged_down(-np.asarray(value, float), scale)


def rounded_down(value: float, digits: int = 3) -> float:
    """The largest number of so many significant digits that is not above ``value``.

    >>> rounded_down(0.12999, 3), rounded_down(-0.12999, 3), rounded_down(2.0, 3)
    (0.129, -0.13, 2.0)
    """
    return _rounded(value, digits, ROUND_FLOOR)


def rounded_up(value: float, digits: int = 3) -> float:
    """The smallest number of so many significant digits that is not below ``value``.

    >>> rounded_up(0.12001, 3)
    0.121
    """
    return _rounded(value, digits, ROUND_CEILING)


def _rounded(value: float, digits: int, way: str) -> float:
    if value == 0 or not math.isfinite(value):
        return value
    exact = Decimal(value)
    return float(exact.quantize(Decimal(1).scaleb(exact.adjusted() - digits + 1), rounding=way))
