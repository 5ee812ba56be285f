"""Where the retained share first falls below a retention, with an interval."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from corrie.stats.arguments import Array

Method = Literal["dose_response", "model_free"]
RETENTIONS = (0.95, 0.8, 0.5)
GRID, HALVINGS = 60, 9


@dataclass(frozen=True, slots=True)
class Radius:
    """A radius in σ.

    sigma      the middle of what is believed (model_free: where the nearest falling curve crosses); None where that
               lies outside of what was tried
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


def first_falls(retained: Callable[[Array], Array], low: float, high: float, retentions: tuple[float, ...]) -> Array:
    """For each of n curves the places in [low, high] where it first falls below each retention, (retentions, n).

    An end where it never or always does.

    Looked for on one grid for all of them, then halved nine times: a cliff may be sharper than the grid.

    Args:
        retained: the curves at places (k,), or (n, k), each its own; shape (n, k).

    >>> first_falls(lambda x: 1 - np.array([[0.1], [0.4]]) * x, 0.0, 3.0, (0.8,)).round(3)
    array([[2. , 0.5]])
    """
    grid = np.linspace(low, high, GRID)
    on_grid = retained(grid)
    levels = np.array(retentions)
    below = on_grid[:, :, None] < levels  # curve, place, retention
    at = below.argmax(1)
    left, right = grid[np.maximum(at - 1, 0)], grid[at]
    for _ in range(HALVINGS):
        middle = (left + right) / 2
        falls = retained(middle) < levels
        left, right = np.where(falls, left, middle), np.where(falls, middle, right)
    return np.where(below.any(1), (left + right) / 2, high).T
