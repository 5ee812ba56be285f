"""How much more outcomes go together than independent ones: over directions, and over examples.

With residuals e = outcome − P(right) and v = P(1 − P), for clusters g (all outcomes along one direction; all of one
example)

    φ_g = Σ_g (Σ e)² / Σ v,        φ = φ_directions + φ_examples − φ_outcomes ≥ 1.

Of n clusters it is a noisy number, so it is shrunk toward 1.3 with the weight of five clusters.
"""

from __future__ import annotations

import numpy as np

from corrie.stats.arguments import Array
from corrie.stats.dose_response.blocks import Numbers, ScoredBlocks

USUAL, WEIGHT = 1.3, 5.0


def dispersion(blocks: ScoredBlocks, expected: Array) -> float:
    """φ, given P(right) by place and stratum, shape (places, 2)."""
    p = expected[blocks.place, blocks.before.astype(int)]
    residual, variance = blocks.after - p, p * (1 - p)
    directions = two_way(residual, blocks.direction, blocks.example) / variance.sum()
    clusters = blocks.directions
    return max(1.0, float((clusters * directions + WEIGHT * USUAL) / (clusters + WEIGHT)))


def two_way(values: Array, direction: Numbers, example: Numbers) -> float:
    """Σ over directions (Σ values)² + Σ over examples (Σ values)² − Σ values²: variance of a sum, both clusterings.

    >>> two_way(np.array([1.0, 1.0]), np.array([0, 0]), np.array([0, 1]))
    4.0
    """
    total = sum(float((np.bincount(_numbered(by), values) ** 2).sum()) for by in (direction, example))
    return max(total - float((values**2).sum()), 0.0)


def _numbered(labels: Numbers) -> Numbers:
    return np.unique(labels, return_inverse=True)[1]
