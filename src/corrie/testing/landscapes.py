"""Landscapes whose basin is known in closed form: what an estimate of a radius is tested against.

Example j breaks along direction i once the step passes a threshold,

    log T_ij = log(centre) + t_j + u_i + e_ij,    t ~ N(0, s²), u ~ N(0, τ²), e ~ N(0, ω²), all independent.

Up to T_ij its score is the unmoved model's, a success with probability J0; beyond it, a lucky hit with probability c,
anew at every step. So with S² = s² + τ² + ω² and Φ the normal distribution function

    J̄_σ = c + (J0 − c) Φ((log centre − log σ)/S),        radius(ρ) = centre · exp(−S Φ⁻¹(ρ)).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import ArrayLike

from corrie.errors import InputError
from corrie.stats.arguments import Array


@dataclass(frozen=True, slots=True)
class KnownBasin:
    """A capability's landscape over random directions, with a plateau, a cliff and a known radius.

    score      J0, the unmoved model's mean score
    chance     c, the mean score after the collapse
    centre     the σ at which half of the score above chance is left
    examples   s, how far (in log σ) examples differ in where they break
    directions   τ, how far directions differ
    pairs      ω, how far an example breaks elsewhere along every direction
    tokens     1: an example succeeds or not. More: its score is the share of so many tokens that are right, each with
               a threshold of its own (its own e), as for running text

    >>> basin = KnownBasin(score=0.8, chance=0.2, centre=0.01, examples=0.3, directions=0.1)
    >>> print(basin)
    a basin of radius 0.00594 (0.95 of a score of 0.8 above chance 0.2 is kept)
    >>> round(basin.smoothed_score(basin.radius(0.95)), 12)  # 0.2 + 0.95 · 0.6
    0.77
    >>> baseline, moved = basin.draw(8, 100, [0.003, 0.006, 0.012], np.random.default_rng(0))
    >>> baseline.shape, moved.shape
    ((100,), (8, 3, 100))
    """

    score: float = 0.8
    chance: float = 0.0
    centre: float = 1.0
    examples: float = 0.3
    directions: float = 0.1
    pairs: float = 0.0
    tokens: int = 1

    def __post_init__(self) -> None:
        spreads = (self.examples, self.directions, self.pairs)
        if not 0 <= self.chance < self.score <= 1:
            raise InputError(f"a score of {self.score} and a chance of {self.chance}", advice="0 ≤ chance < score ≤ 1")
        if not self.centre > 0 or min(spreads) < 0 or not any(spreads):
            raise InputError("a known basin", found=f"centre {self.centre}, spreads {spreads}", advice="positive ones")
        if self.tokens < 1:
            raise InputError("a known basin", found=f"{self.tokens} tokens", advice="at least one")

    def __str__(self) -> str:
        return (
            f"a basin of radius {self.radius():.3g} "
            f"(0.95 of a score of {self.score:g} above chance {self.chance:g} is kept)"
        )

    @property
    def spread(self) -> float:
        """S, the standard deviation of a log-threshold."""
        return math.hypot(self.examples, self.directions, self.pairs)

    def radius(self, retention: float = 0.95) -> float:
        """The σ up to which a share of at least ``retention`` in (0, 1) of the score above chance is kept."""
        if not 0 < retention < 1:
            raise InputError(f"a retention of {retention}", advice="a share in (0, 1), such as 0.95")
        return self.centre * math.exp(-self.spread * NormalDist().inv_cdf(retention))

    def smoothed_score(self, sigma: float) -> float:
        """J̄_σ, the mean score over all directions and examples at step σ ≥ 0."""
        if sigma == 0:
            return self.score
        kept = NormalDist().cdf((math.log(self.centre) - math.log(sigma)) / self.spread)
        return self.chance + (self.score - self.chance) * kept

    def draw(self, directions: int, examples: int, sigmas: ArrayLike, rng: np.random.Generator) -> tuple[Array, Array]:
        """Scores of so many examples, unmoved, shape (m,), and along so many directions, shape (n, k, m)."""
        steps = np.log(np.asarray(sigmas, float))
        n, m, k = directions, examples, steps.size
        success = rng.random((m, self.tokens)) < self.score
        threshold = math.log(self.centre) + rng.normal(0.0, self.examples, (1, m, 1))
        threshold = threshold + rng.normal(0.0, self.directions, (n, 1, 1))
        if self.pairs:
            threshold = threshold + rng.normal(0.0, self.pairs, (n, m, self.tokens))
        holds = steps[None, :, None, None] <= threshold[:, None]
        lucky = rng.random((n, k, m, self.tokens)) < self.chance if self.chance else False
        return success.mean(1), np.where(holds, success, lucky).mean(3)
