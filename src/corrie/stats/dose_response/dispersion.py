"""How much more outcomes go together than independent ones: over directions, and over examples.

With residuals e = outcome − P(right) and v = P(1 − P), for clusters g (all outcomes along one direction; all of one
example)

    φ_g = Σ_g (Σ e)² / Σ v,        φ = φ_directions + φ_examples − φ_outcomes ≥ 1.

Of n clusters it is a noisy number, so it is shrunk toward 1.3 with the weight of five clusters. Graded outcomes vary
less than answers: there 1 and 1.3 are multiplied by φ_outcomes = Σ e² / Σ v, which is at most 1.
"""

from __future__ import annotations

import numpy as np

from corrie.stats.arguments import Array
from corrie.stats.dose_response.blocks import Numbers, ScoredBlocks

USUAL_DISPERSION, WEIGHT = 1.3, 5.0


def dispersion(blocks: ScoredBlocks, expected: Array) -> float:
    """φ, given P(right) by place and stratum, shape (places, 2)."""
    p = blocks.by_stratum(expected)
    residual, variance = blocks.after - p, p * (1 - p)
    directions = two_way(residual, blocks.direction, blocks.example) / variance.sum()
    clusters, single = blocks.directions, single_outcomes(blocks, residual, variance)
    return max(single, float((clusters * directions + WEIGHT * USUAL_DISPERSION * single) / (clusters + WEIGHT)))


def single_outcomes(blocks: ScoredBlocks, residual: Array, variance: Array) -> float:
    """What one outcome varies, in units of an answer's variance: 1, and less for graded ones."""
    if not blocks.graded:
        return 1.0
    return min(1.0, max(float((residual**2).sum() / variance.sum()), 1e-4))


def two_way(values: Array, direction: Numbers, example: Numbers) -> float:
    """Σ over directions (Σ values)² + Σ over examples (Σ values)² − Σ values²: variance of a sum, both clusterings.

    >>> two_way(np.array([1.0, 1.0]), np.array([0, 0]), np.array([0, 1]))
    4.0
    """
    total = sum(float((np.bincount(_numbered(by), values) ** 2).sum()) for by in (direction, example))
    return max(total - float((values**2).sum()), 0.0)


def _numbered(labels: Numbers) -> Numbers:
    return np.unique(labels, return_inverse=True)[1]
