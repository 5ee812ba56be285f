"""What may be asked of this floor: the values every limit takes, checked in one place.

A number that is not valid is refused with the reason (:class:`~corrie.errors.InputError`), never repaired.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from corrie.errors import InputError

Array = NDArray[np.float64]


def error_of(confidence: float) -> float:
    """The probability of error, 1 − confidence, of a confidence strictly between 0 and 1.

    >>> error_of(0.75)
    0.25
    """
    if not 0 < confidence < 1:
        raise InputError(f"confidence {confidence}", found="no number strictly between 0 and 1", advice="0.95")
    return 1 - confidence


def share(value: float, name: str) -> float:
    """A number in [0, 1], such as a score or a fraction.

    >>> share(0.5, "score")
    0.5
    """
    if not 0 <= value <= 1:
        raise InputError(f"{name} {value}", found="no number in [0, 1]", advice="a share, such as 0.9")
    return float(value)


def shares(values: ArrayLike, name: str) -> Array:
    """Numbers in [0, 1], of any shape."""
    x = np.asarray(values, float)
    if not ((x >= 0) & (x <= 1)).all():
        raise InputError(name, found="a value outside [0, 1] (or missing)", advice="shares between 0 and 1")
    return x


def independent_values(values: ArrayLike) -> Array:
    """Values in [0, 1] of independent draws, in the order in which they were drawn, shape (n,).

    A table is refused: examples scored on one draw share its noise and are not independent.

    >>> independent_values([1, 0, 1])
    array([1., 0., 1.])
    """
    x = np.asarray(values, float)
    if x.ndim != 1:
        raise InputError(
            f"values of shape {x.shape}",
            found="draws × examples: what shares a draw is not independent",
            advice="one value for each draw, such as the mean over its examples",
        )
    if x.size == 0:
        raise InputError("a limit of a mean", found="no value at all", advice="at least one draw")
    if not ((x >= 0) & (x <= 1)).all():
        raise InputError("a limit of a mean", found="a value outside [0, 1] (or missing)", advice="scores in [0, 1]")
    return x


def whole(value: float, name: str, least: int = 0) -> int:
    """A whole number, at least ``least``.

    >>> whole(3.0, "draws")
    3
    """
    if not (math.isfinite(value) and value == int(value) and value >= least):
        raise InputError(f"{name} {value}", found=f"no whole number from {least} on", advice="a count")
    return int(value)


def positive(values: ArrayLike, name: str) -> Array:
    """Finite numbers above 0, of any shape."""
    x = np.asarray(values, float)
    if not (np.isfinite(x) & (x > 0)).all():
        raise InputError(f"{name} {values}", found="not above 0 and finite", advice="a positive number")
    return x


def not_negative(values: ArrayLike, name: str) -> Array:
    """Numbers from 0 on (infinity included), of any shape."""
    x = np.asarray(values, float)
    if not (x >= 0).all():
        raise InputError(f"{name} {values}", found="below 0 or no number", advice="0 or more")
    return x
