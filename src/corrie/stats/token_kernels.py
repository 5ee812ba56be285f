"""How far a score can fall when d tokens of a prompt are replaced, under token noise.

Idea
----
Every position of the prompt is noised independently: with probability 1 − β the token stays, otherwise it becomes the
mask token (*absorbing*) or one of the V − 1 others, each as likely (*uniform*). P and Q are the laws of the noised
prompt before and after d tokens are replaced. Positions that agree have the same law and drop out of Q/P. At each of
the d others, with tokens a before and b after:

absorbing: the position is masked with probability β under both, else it shows a under P only, or b under Q only. So
Q = P where all d are masked, mass β^d, and Q = 0 on the rest of P. Filling the cheapest first,

    lower(p) = max(0, p − (1 − β^d)),        upper(p) = min(1, p + 1 − β^d).

uniform: the position shows a with probability 1 − β under P and β/(V−1) under Q, b the other way round, anything else
alike. With i positions showing a and j showing b, Q/P = ((1−β)(V−1)/β)^(j−i), and both masses are multinomial: sums
over equal j − i give 2d + 1 outcomes, and the knapsack (:mod:`corrie.stats.knapsack`) the bounds.

d replacements include any fewer: dropping a position is a function of the noised prompt, which can only bring P and Q
together, so the bounds fall as d grows. The score may be any function of the noised prompt in [0, 1]; what is certified
is the *smoothed* score, with prompts of equal length.

Source: Chen et al. 2025 (2501.19040).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from scipy.special import gammaln, xlogy

from corrie.errors import InputError
from corrie.stats.arguments import Array, share, whole
from corrie.stats.bisection import first_count
from corrie.stats.knapsack import fractional
from corrie.stats.rounding import nudged_down, nudged_up


class TokenKernel(Protocol):
    """Token noise, with bounds of a smoothed score in [0, 1] after at most ``replaced`` tokens have changed."""

    def lower(self, score: float, replaced: int) -> float:
        """The least smoothed score, where it was ``score`` (or a lower limit of it) before."""
        ...

    def upper(self, score: float, replaced: int) -> float:
        """The greatest smoothed score, where it was ``score`` (or an upper limit of it) before."""
        ...


@dataclass(frozen=True, slots=True)
class AbsorbingKernel:
    """Each token is masked with probability ``noise`` in (0, 1].

    >>> kernel = AbsorbingKernel(noise=0.9)
    >>> round(kernel.lower(0.95, replaced=1), 3), round(kernel.lower(0.95, replaced=4), 3)
    (0.85, 0.606)
    """

    noise: float

    def __post_init__(self) -> None:
        _noise(self.noise)

    def lower(self, score: float, replaced: int) -> float:
        """max(0, score − (1 − β^d)), rounded down."""
        return max(0.0, float(nudged_down(share(score, "score") - self._seen(replaced), 1.0)))

    def upper(self, score: float, replaced: int) -> float:
        """min(1, score + 1 − β^d), rounded up."""
        return min(1.0, float(nudged_up(share(score, "score") + self._seen(replaced), 1.0)))

    def _seen(self, replaced: int) -> float:
        """The probability that not all of the replaced positions are masked."""
        return -math.expm1(whole(replaced, "replaced tokens") * math.log(self.noise))


@dataclass(frozen=True, slots=True)
class UniformKernel:
    """Each token becomes another one of the vocabulary with probability ``noise`` in (0, 1], all as likely.

    >>> kernel = UniformKernel(noise=0.9, vocabulary=10)
    >>> round(kernel.lower(0.95, replaced=1), 3)  # at β = (V−1)/V every token is as likely as any: nothing can be told
    0.95
    """

    noise: float
    vocabulary: int

    def __post_init__(self) -> None:
        _noise(self.noise)
        whole(self.vocabulary, "vocabulary", least=2)

    def lower(self, score: float, replaced: int) -> float:
        """The least smoothed score, by the fractional knapsack, rounded down."""
        p, q = self.outcomes(replaced)
        inexact = 1e-13 * (1 + replaced)  # more than the masses' relative error: exponentials of terms of size d ln d
        need = min(float(p.sum()), max(0.0, share(score, "score") - inexact))
        return fractional(p, q, need).cost * (1 - inexact)

    def upper(self, score: float, replaced: int) -> float:
        """The greatest smoothed score: 1 minus the least of 1 − score."""
        return min(1.0, float(nudged_up(1 - self.lower(1 - share(score, "score"), replaced), 1.0)))

    def outcomes(self, replaced: int) -> tuple[Array, Array]:
        """The masses under P and Q of the outcomes j − i = −d … d, shape (2d + 1,) each."""
        d, v = whole(replaced, "replaced tokens"), self.vocabulary
        i, j = np.meshgrid(np.arange(d + 1), np.arange(d + 1), indexing="ij")
        inside = i + j <= d
        i, j = i[inside], j[inside]
        rest = d - i - j
        ways = gammaln(d + 1) - gammaln(i + 1) - gammaln(j + 1) - gammaln(rest + 1)
        own, other = 1 - self.noise, self.noise / (v - 1)
        common = ways + xlogy(rest, self.noise * (v - 2) / (v - 1))
        p, q = np.zeros(2 * d + 1), np.zeros(2 * d + 1)
        np.add.at(p, j - i + d, np.exp(common + xlogy(i, own) + xlogy(j, other)))
        np.add.at(q, j - i + d, np.exp(common + xlogy(i, other) + xlogy(j, own)))
        return p, q


def tokens_within(kernel: TokenKernel, score: float, floor: float, most: int = 1024) -> int | None:
    """The largest number of replaced tokens, up to ``most``, after which the smoothed score is sure to be ``floor``.

    None if the score lies below the floor already.

    >>> tokens_within(AbsorbingKernel(noise=0.95), score=0.99, floor=0.5)
    13
    """
    if share(score, "score") < share(floor, "floor"):
        return None
    return first_count(lambda d: d >= most or kernel.lower(score, d + 1) < floor, least=0)


def _noise(noise: float) -> None:
    if not 0 < noise <= 1:
        raise InputError(f"token noise {noise}", found="not in (0, 1]", advice="0.9, say: the share of tokens changed")
