"""A description of where most directions lie if their scores are normal. Never a certificate.

Idea
----
If n scores are a sample of a normal law, then with confidence 1 − a at least a fraction f of that law lies above

    x̄ − k s,        k = t'_{n−1, z_f √n}(1 − a) / √n,

the quantile of the noncentral t (z_f = Φ⁻¹(f)). For f = confidence = 99.9 % and n = 100, k is about 4: a hundred
directions instead of 6905. The price is the assumption, and no sample of that size can check it where it matters: if
0.5 % of directions collapse, a hundred draws show none of them with probability 0.61, and every test of normality
passes. So this describes; :mod:`corrie.stats.planned_fraction` certifies.

Source: Owen 1958; Hahn & Meeker 1991.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import nctdtrit, ndtri

from corrie.errors import InputError
from corrie.stats.arguments import error_of, whole


def tolerance_factor(draws: int, fraction: float = 0.999, confidence: float = 0.999) -> float:
    """k, the number of standard deviations below the mean of a sample of so many draws.

    Raises:
        InputError: fewer than two draws, a fraction or confidence outside (0, 1).

    >>> round(tolerance_factor(10, 0.9, 0.95), 3)
    2.355
    """
    n = whole(draws, "draws", least=2)
    error_of(confidence)
    if not 0 < fraction < 1:
        raise InputError(f"fraction {fraction}", found="not strictly between 0 and 1", advice="0.999, say")
    return float(nctdtrit(n - 1, ndtri(fraction) * math.sqrt(n), confidence)) / math.sqrt(n)


@dataclass(frozen=True, slots=True)
class NormalDescription:
    """Where most scores would lie if they were normal; ``certifies`` is False and nothing can make it True."""

    low: float
    mean: float
    deviation: float
    factor: float
    draws: int
    fraction: float
    confidence: float
    certifies: ClassVar[Literal[False]] = False

    def __str__(self) -> str:
        return (
            f"if scores over directions were normal, {self.fraction:.6g} of them would lie above {self.low:.4g} "
            f"(confidence {self.confidence:.6g}, {self.draws} draws, mean {self.mean:.4g}, k = {self.factor:.4g}): "
            "a description, no certificate"
        )


def describe(values: ArrayLike, fraction: float = 0.999, confidence: float = 0.999) -> NormalDescription:
    """The one-sided normal tolerance limit of a sample, shape (n,), n ≥ 2.

    Raises:
        InputError: fewer than two values, values that are no numbers, a fraction or confidence outside (0, 1).

    >>> seen = describe([0.80, 0.81, 0.79, 0.80], 0.9, 0.95)
    >>> round(seen.low, 3), seen.certifies
    (0.766, False)
    """
    x = np.asarray(values, float)
    if x.ndim != 1 or x.size < 2 or not np.isfinite(x).all():
        raise InputError("a normal description", found="fewer than two numbers", advice="one score for each direction")
    k = tolerance_factor(x.size, fraction, confidence)
    mean, deviation = float(x.mean()), float(x.std(ddof=1))
    return NormalDescription(mean - k * deviation, mean, deviation, k, x.size, fraction, confidence)
