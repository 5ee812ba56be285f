"""Are two radii different? Their ratio, with an interval and a p-value, over directions and examples.

Idea
----
m is a log radius, [l, u] its interval at confidence 1 − a, with Student's quantile t of its directions in it
(:mod:`corrie.stats.dose_response.influence`). For two independent ones the difference d = m₁ − m₂ has the limits

    d − ((m₁ − l₁)² + (u₂ − m₂)²)^½,        d + ((u₁ − m₁)² + (m₂ − l₂)²)^½,

from the ends that face each other, so that intervals may be skew ("variance estimates recovered from limits"). For
d > 0, z = d / (((m₁ − l₁)/t₁)² + ((u₂ − m₂)/t₂)²)^½ against Student's law with Welch's degrees of freedom gives p.

An end that was not stated (outside of the σ that were tried) is infinitely far: nothing is told apart through it. A
middle beyond the largest σ counts as that σ, one before the smallest as the smallest: nearer than it is, so p is
larger.

Radii that share directions or examples rise and fall together, and d scatters less than this says: p is then too
large, never too small. Intervals that assume no shape (``model_free``) have their ends on the grid and no law between
them: two radii, one of them such, are only told apart where the intervals do not meet (p = 2a if each misses with
probability a).

Sources: Zou & Donner 2008; Welch 1947.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from scipy.special import stdtr, stdtrit

from corrie.stats.arguments import error_of
from corrie.stats.dose_response.radii import Radius

_FITTED = 4
"""Degrees of freedom that the curve takes from the directions; at least two are left."""


@dataclass(frozen=True, slots=True)
class MeasuredRadius:
    """A radius, and what it was measured with.

    tried        smallest and largest σ
    directions   how many were drawn
    confidence   of its interval
    scale        what one σ is in the unit of the comparison
    """

    radius: Radius
    tried: tuple[float, float]
    directions: int
    confidence: float = 0.95
    scale: float = 1.0

    @property
    def logs(self) -> tuple[float, float, float]:
        """l, m, u: lower end, middle, upper end in the unit, as logarithms."""
        low, high = (math.log(x) if x > 0 else -math.inf for x in (self.radius.low, self.radius.high))
        middle = self.radius.sigma
        if middle is None:
            middle = self.tried[1] if self.radius.low > 0 else self.tried[0]
        shift = math.log(self.scale)
        return low + shift, math.log(middle) + shift, high + shift

    @property
    def freedom(self) -> int:
        """Degrees of freedom of its spread."""
        return max(self.directions - _FITTED, 2)

    @property
    def critical(self) -> float:
        """Student's quantile that its interval holds."""
        return float(stdtrit(self.freedom, 1 - error_of(self.confidence) / 2))


@dataclass(frozen=True, slots=True)
class RadiusRatio:
    """One radius over another.

    ratio       of the middles
    low, high   its interval: 0.0 and infinity where nothing is excluded
    p           two-sided, of "both radii are equal"
    """

    ratio: float
    low: float
    high: float
    p: float

    @property
    def turned(self) -> RadiusRatio:
        """The second over the first."""
        return RadiusRatio(1 / self.ratio, 1 / self.high, 1 / self.low if self.low > 0 else math.inf, self.p)

    def __str__(self) -> str:
        high = "∞)" if math.isinf(self.high) else f"{self.high:.2g}]"
        return f"{self.ratio:.2g} times [{self.low:.2g}, {high}"


def radius_ratio(one: MeasuredRadius, two: MeasuredRadius) -> RadiusRatio:
    """Compare two radii at one retention, whose intervals are of one confidence.

    >>> def measured(sigma, low, high):
    ...     return MeasuredRadius(Radius(0.8, sigma, low, high, "dose_response"), (0.001, 0.1), 40)
    >>> found = radius_ratio(measured(0.02, 0.015, 0.027), measured(0.01, 0.008, 0.0125))
    >>> print(found, f"{found.p:.1g}")
    2 times [1.4, 2.9] 0.0003
    >>> radius_ratio(measured(0.02, 0.0, 0.027), measured(0.01, 0.008, 0.0125)).p
    1.0
    """
    (low1, middle1, high1), (low2, middle2, high2) = one.logs, two.logs
    d = middle1 - middle2
    below = d - math.hypot(middle1 - low1, high2 - middle2)
    above = d + math.hypot(high1 - middle1, middle2 - low2)
    if "model_free" in (one.radius.method, two.radius.method):
        below, above = low1 - high2, high1 - low2
        p = min(1.0, 2 * (1 - one.confidence)) if below > 0 or above < 0 else 1.0
    else:
        first = middle1 - low1 if d > 0 else high1 - middle1
        second = high2 - middle2 if d > 0 else middle2 - low2
        p = _p_value(abs(d), (first / one.critical, one.freedom), (second / two.critical, two.freedom))
    return RadiusRatio(math.exp(d), math.exp(below), math.exp(above), p)


def _p_value(d: float, *sides: tuple[float, int]) -> float:
    """Of a difference, from (standard deviation, degrees of freedom) of both sides."""
    variance = sum(s**2 for s, _ in sides)
    if d == 0 or not math.isfinite(variance):
        return 1.0
    if variance == 0:
        return 0.0
    freedom = variance**2 / sum(s**4 / n for s, n in sides)
    return float(2 * stdtr(freedom, -d / math.sqrt(variance)))
