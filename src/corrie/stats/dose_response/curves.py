"""Many candidate curves at once: parameters, and what they say of both strata and of the retained share.

Idea
----
Along x = log σ an example first may become *undecided* (share G, an early step), then it *breaks* (share F, the cliff),
after which its outcome is a lucky hit with probability c. With λ and β the chances that an undecided example that was
right is wrong, and one that was wrong is right,

    A(x) = P(right | unmoved right) = (1 − F)(1 − λ G) + F c,
    B(x) = P(right | unmoved wrong) = (1 − F) β G + F c.

With J0 the unmoved score, J̄ = J0 A + (1 − J0) B, and so

    R(x) = (J̄ − c)/(J0 − c) = (1 − F)(1 − κ G),        κ = (J0 λ − (1 − J0) β)/(J0 − c):

*gross* flips are λ and β, the *net* loss of the early step is κ, which is 0 where they cancel and negative where a
score rises first. Three kinds of early step:

single   λ = β = 0: one cliff
early    a share e breaks early for good: λ = e (1 − c), β = e c, so that κ = e. A shoulder, two cliffs, or directions
         that leave early
churn    λ and β free
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from corrie.stats.arguments import Array
from corrie.stats.dose_response.families import broken

STEPS = ("single", "early", "churn")


@dataclass(frozen=True, eq=False)
class Curves:
    """n candidates.

    family   number into ``FAMILIES``, shape (n,)
    step     number into ``STEPS``, shape (n,)
    values   shape (n, 6): m, log w, log gap, log w_G, then logits of two shares: e and – for *early*, λ and β for
             *churn*. The cliff lies at m with width w, the early step at m − gap with width w_G
    chance   c
    """

    family: NDArray[np.int64]
    step: NDArray[np.int64]
    values: Array
    chance: float

    @property
    def shares(self) -> tuple[Array, Array]:
        """λ and β, shape (n,)."""
        first, second = (1 / (1 + np.exp(-self.values[:, 4 + i])) for i in (0, 1))
        early, churn = self.step == 1, self.step == 2
        lose = np.where(early, first * (1 - self.chance), np.where(churn, first, 0.0))
        gain = np.where(early, first * self.chance, np.where(churn, second, 0.0))
        return lose, gain

    def steps(self, places: Array) -> tuple[Array, Array]:
        """F and G at the places, (k,) for all curves or (n, k), shape (n, k) each, in the places' precision."""
        m, log_w, log_gap, log_w_early = (self.values[:, i, None] for i in range(4))
        exact = places.dtype
        cliff = broken(self.family, (places - m.astype(exact)) * np.exp(-log_w).astype(exact))
        early = np.zeros_like(cliff)
        some = self.step > 0
        if some.any():
            where = places if places.ndim == 1 else places[some]
            place, narrow = (m - np.exp(log_gap))[some], np.exp(-log_w_early[some])
            early[some] = broken(self.family[some], (where - place.astype(exact)) * narrow.astype(exact))
        return cliff, early

    def both(self, places: Array) -> tuple[Array, Array]:
        """P(right) at the places of examples that were wrong and that were right before, shape (n, k) each."""
        cliff, early = self.steps(places)
        lose, gain = (share[:, None].astype(places.dtype) for share in self.shares)
        lucky = cliff * self.chance
        whole = np.subtract(1, cliff, out=cliff)
        return whole * gain * early + lucky, whole * (1 - lose * early) + lucky

    def strata(self, places: Array) -> Array:
        """Both of them, shape (n, k, 2): of examples that were wrong (0) and right (1) before."""
        return np.stack(self.both(places), -1)

    def retained(self, places: Array, score: Array) -> Array:
        """R at the places, shape (n, k), for unmoved scores J0, shape (n,)."""
        cliff, early = self.steps(places)
        return (1 - cliff) * (1 - self.net(score)[:, None] * early)

    def net(self, score: Array) -> Array:
        """κ, what the early step alone takes of R, shape (n,)."""
        lose, gain = self.shares
        return (score * lose - (1 - score) * gain) / (score - self.chance)
