"""How a plane of two directions lies in parameter space: lengths and the angle between them.

A point α δ1 + β δ2 has the squared norm α² ‖δ1‖² + β² ‖δ2‖² + 2αβ ⟨δ1, δ2⟩. The norms of the steps that were asked for
are kept with every point, so the three unknowns follow by least squares, without the tensors. With them the plane can
be drawn as it is: in Cartesian coordinates in which distances are L2 distances,

    x = α ‖δ1‖ + β ‖δ2‖ cos φ,    y = β ‖δ2‖ sin φ.

Two random directions are orthogonal up to about 1/√d. Two fine-tunes of one base need not be: their plane is skewed.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from corrie.stats.arguments import Array

SQUARE = 0.02
"""Up to this cosine the axes are drawn as orthogonal: nobody could see the difference."""


@dataclass(frozen=True, slots=True)
class PlaneGeometry:
    """Lengths of one α and one β, and the angle between them.

    first    ‖δ1‖, L2
    second   ‖δ2‖, L2
    cosine   of the angle between δ1 and δ2

    >>> PlaneGeometry(3.0, 4.0, 0.0).distance([1.0, 0.0], 1.0).tolist()
    [5.0, 4.0]
    """

    first: float
    second: float
    cosine: float

    @classmethod
    def of(cls, alpha: ArrayLike, beta: ArrayLike, norms: ArrayLike) -> PlaneGeometry | None:
        """From the L2 norms of steps that were asked for. None while they do not tell.

        Args:
            alpha, beta, norms: of each point, one shape; NaN is left out.

        >>> print(PlaneGeometry.of([1, 0, 1], [0, 2, 2], [3, 8, 73 ** 0.5]))
        PlaneGeometry(first=3.0, second=4.0, cosine=0.0)
        """
        a, b, norm = (np.asarray(v, float).ravel() for v in np.broadcast_arrays(alpha, beta, norms))
        known = np.isfinite(norm) & (norm > 0)
        a, b = a[known] / norm[known], b[known] / norm[known]  # so that every point counts by its relative error
        columns = np.stack([a**2, b**2, 2 * a * b], axis=1)
        scale = np.abs(columns).max(axis=0, initial=0.0)
        if not (scale[0] and scale[1]):
            return None
        scale[scale == 0] = 1.0
        solved, *_ = np.linalg.lstsq(columns / scale, np.ones(len(a)), rcond=1e-9)
        first, second, dot = solved / scale
        if not (first > 0 and second > 0):
            return None
        lengths = math.sqrt(first), math.sqrt(second)
        cosine = dot / (lengths[0] * lengths[1])
        first, second = (float(f"{length:.9g}") for length in lengths)
        return cls(first, second, round(min(max(float(cosine), -1.0), 1.0), 6) + 0.0)

    @property
    def is_square(self) -> bool:
        """Whether the axes are orthogonal, as far as anyone could see."""
        return abs(self.cosine) <= SQUARE

    def place(self, alpha: ArrayLike, beta: ArrayLike) -> tuple[Array, Array]:
        """Cartesian coordinates x and y, in L2 distance."""
        a, b = np.asarray(alpha, float), np.asarray(beta, float)
        cosine = 0.0 if self.is_square else self.cosine
        along = b * self.second
        return a * self.first + along * cosine, along * math.sqrt(1 - cosine**2)

    def distance(self, alpha: ArrayLike, beta: ArrayLike) -> Array:
        """‖α δ1 + β δ2‖."""
        a, b = np.asarray(alpha, float) * self.first, np.asarray(beta, float) * self.second
        return np.sqrt(np.maximum(a**2 + b**2 + 2 * a * b * self.cosine, 0.0))
