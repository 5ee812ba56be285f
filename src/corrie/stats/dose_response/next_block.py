"""What one more block would take off a radius' interval.

Idea
----
Over the posterior's particles, ψ = log radius and the block's mean outcomes p_b(x) of the two strata vary together. To
first order (linear Bayes), seeing the block's share y_b of n_b examples, with noise variance φ' E p_b(1−p_b)/n_b, takes

    Var ψ → Var ψ − kᵀ S⁻¹ k,      k_b = Cov(ψ, p_b(x)),  S = Cov(p(x)) + diag(noise),

and the interval's log-width shrinks with the root of that. φ' = 1 + (size − 1) ι for a block of its own direction, ι
the correlation inside a direction (from the dispersion φ seen in blocks of this size); a block along a direction with b
blocks already carries only the new part of it: (b+1 blocks' information) − (b blocks').

:class:`NextBlocks` also conditions on blocks that were chosen but not scored yet, so a round of eight is chosen one
after the other and they do not all go to one place. It is a pure function of the posterior.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from corrie.stats.arguments import Array
from corrie.stats.dose_response.posterior import Posterior
from corrie.stats.dose_response.prior import MARGIN
from corrie.stats.dose_response.radii import first_falls


class NextBlocks:
    """Candidate σ for the next blocks of one task.

    >>> from corrie.testing.worlds import World
    >>> from corrie.stats.dose_response import ScoredBlocks, dose_response
    >>> run, j = World().run(np.random.default_rng(0)), np.arange(10)
    >>> drawn = [(s, i, j, run.before[j], run.score(i, s, j)) for i, s in enumerate([0.002, 0.006, 0.01, 0.02])]
    >>> found = dose_response(ScoredBlocks.of(drawn), right=280, known=400, chance=0.25)
    >>> candidates = NextBlocks(found.posterior, [0.003, 0.006, 0.009, 0.03], retention=0.8)
    >>> gain = candidates.reduction()
    >>> candidates.take(int(gain.argmax()))
    >>> bool(candidates.reduction().max() < gain.max())
    True
    """

    def __init__(
        self,
        posterior: Posterior,
        sigmas: ArrayLike,
        *,
        retention: float,
        size: int = 10,
    ) -> None:
        places = np.log(np.asarray(sigmas, float))
        ends = places.min() - MARGIN, places.max() + MARGIN
        log_radius = first_falls(posterior.retained, *ends, (retention,))[0]
        p = posterior.strata(places)
        table = np.concatenate((log_radius[:, None], p[..., 0], p[..., 1]), 1)
        self._cov = np.cov(table.T)
        self._k, self._size = places.size, size
        score = float(posterior.score.mean())
        single = min(posterior.dispersion, 1.0)
        self._noise = single * np.moveaxis((p * (1 - p)).mean(0), -1, 0) / (size * np.array([[1 - score], [score]]))
        self._icc = min(max((posterior.dispersion - 1) / max(size - 1, 1), 0.0), 1.0)

    @property
    def width(self) -> float:
        """Standard deviation of log radius now, blocks taken included."""
        return float(np.sqrt(max(self._cov[0, 0], 0.0)))

    def reduction(self, blocks_there: int = 0) -> Array:
        """Expected fall of the standard deviation of log radius for a block at each candidate, shape (k,).

        Args:
            blocks_there: blocks already scored along the direction, near that σ; 0 for a new direction.
        """
        wrong, right = self._where(np.arange(self._k))
        noise = self._noise_of(blocks_there)
        a, d, b = self._cov[wrong, wrong] + noise[0], self._cov[right, right] + noise[1], self._cov[wrong, right]
        k0, k1 = self._cov[wrong, 0], self._cov[right, 0]
        gains = (d * k0**2 - 2 * b * k0 * k1 + a * k1**2) / (a * d - b**2)
        now = self._cov[0, 0]
        return np.sqrt(now) - np.sqrt(np.maximum(now - gains, 0.0))

    def take(self, candidate: int, blocks_there: int = 0) -> None:
        """Count a block at a candidate as if it were scored as expected."""
        where = list(self._where(candidate))
        noisy = self._cov[np.ix_(where, where)] + np.diag(self._noise_of(blocks_there)[:, candidate])
        self._cov = self._cov - self._cov[:, where] @ np.linalg.solve(noisy, self._cov[where])

    def _where(self, candidate: Any) -> tuple[Any, Any]:
        """Rows of the covariance that hold both strata."""
        return 1 + candidate, 1 + self._k + candidate

    def _noise_of(self, blocks_there: int) -> Array:
        """Variances of a block's two shares at every candidate, (2, k)."""

        def information(blocks: int) -> float:
            return blocks / (1 + (blocks * self._size - 1) * self._icc)

        share = information(blocks_there + 1) - information(blocks_there)
        return self._noise / max(share, 1e-6) + 1e-9
