"""Gaussian noise on an input, in the shape of a token kernel: how far a score can fall when the input moves by r.

The input is a vector x in R^n, the score any function of x + ε in [0, 1], ε ~ N(0, σ²I); the bounds are those of
:mod:`corrie.stats.gaussian_shift` with ratio r/σ, rounded the safe way. Siblings:
:class:`~corrie.stats.AbsorbingKernel`, :class:`~corrie.stats.UniformKernel`, which count replaced tokens.
"""

from __future__ import annotations

from dataclasses import dataclass

from corrie.stats import gaussian_shift
from corrie.stats.arguments import positive


@dataclass(frozen=True, slots=True)
class GaussianKernel:
    """Every coordinate gets noise of standard deviation ``sigma``.

    >>> kernel = GaussianKernel(sigma=0.5)
    >>> round(kernel.lower(0.999, distance=0.825), 3), round(kernel.within(0.999, 0.5), 3)
    (0.925, 1.545)
    """

    sigma: float

    def __post_init__(self) -> None:
        positive(self.sigma, "sigma")

    def lower(self, score: float, distance: float) -> float:
        """The least smoothed score after a change of L2 norm ``distance``, where it was ``score`` before."""
        return float(gaussian_shift.lower(score, self._ratio(distance)))

    def upper(self, score: float, distance: float) -> float:
        """The greatest smoothed score after it."""
        return float(gaussian_shift.upper(score, self._ratio(distance)))

    def within(self, score: float, floor: float) -> float | None:
        """The largest L2 norm after which the smoothed score is sure to be ``floor``; None if it is below already."""
        return gaussian_shift.certified_radius(score, floor, self.sigma)

    def _ratio(self, distance: float) -> float:
        return gaussian_shift.noise_distance([distance], [self.sigma])
