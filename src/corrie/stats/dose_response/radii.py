"""Where the retained share first falls below a retention, with an interval."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np

from corrie.stats.arguments import Array

Method = Literal["dose_response", "model_free"]
RETENTIONS = (0.95, 0.8, 0.5)


@dataclass(frozen=True, slots=True)
class Radius:
    """A radius in σ.

    sigma      the middle of what is believed; None where that lies outside of what was tried
    low, high  the interval: 0.0 and infinity where an end lies outside of what was tried
    method     dose_response: from the fitted curves. model_free: they do not fit, so it assumes only that the retained
               share falls
    """

    retention: float
    sigma: float | None
    low: float
    high: float
    method: Method

    @property
    def ratio(self) -> float:
        """Upper over lower limit; infinity where one of them is missing."""
        return self.high / self.low if self.low > 0 else math.inf

    def __str__(self) -> str:
        middle = f"σ {self.sigma:.3g}" if self.sigma is not None else "σ outside of what was tried"
        high = "∞)" if math.isinf(self.high) else f"{self.high:.3g}]"
        return f"{middle} [{self.low:.3g}, {high} where {self.retention:g} is kept ({self.method})"


def first_falls(places: Array, retained: Array, retention: float) -> Array:
    """For each curve, shape (n, k), the place where it first falls below; the ends of the range where it never or
    always does.

    >>> first_falls(np.array([0.0, 1.0, 2.0]), np.array([[1.0, 0.9, 0.7], [0.5, 0.4, 0.3]]), 0.8)
    array([1.5, 0. ])
    """
    below = retained < retention
    at = below.argmax(1)
    never, rows = ~below.any(1), np.arange(len(retained))
    before = np.maximum(at - 1, 0)
    high, low = retained[rows, before], retained[rows, at]
    share = np.where(at > 0, (high - retention) / np.maximum(high - low, 1e-12), 0.0)
    found = places[before] + share * (places[at] - places[before])
    return np.where(never, places[-1], found)
