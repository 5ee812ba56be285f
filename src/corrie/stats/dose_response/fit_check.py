"""Does the family of curves fit the scored blocks?

Outcomes are sorted by place into groups, apart for the two strata; e is the sum of a group's residuals, v the variance
independent outcomes would give it, φ the dispersion *within* groups (blocks against their own group's mean, so that a
wrong curve does not excuse itself). Under a right curve Σ e²/(φ v) is near χ² with (groups − fitted) degrees of
freedom.
"""

from __future__ import annotations

import numpy as np
from scipy.special import chdtrc

from corrie.stats.arguments import Array
from corrie.stats.dose_response.blocks import ScoredBlocks
from corrie.stats.dose_response.dispersion import single_outcomes

GROUPS = 8
FITTED = 3
LEAST = 2.0
"""A group whose variance is smaller says nothing."""


def fit_p_value(blocks: ScoredBlocks, expected: Array) -> float:
    """Probability of a misfit as large as this one if the curve is right (``expected``: (places, 2))."""
    stratum = (blocks.before > 0.5).astype(int)
    p = blocks.by_stratum(expected)
    residual, variance = blocks.after - p, p * (1 - p)
    rank = np.argsort(np.argsort(blocks.log_sigma, kind="stable"), kind="stable")
    group = rank * GROUPS // len(blocks) + GROUPS * stratum
    e, v = np.bincount(group, residual, 2 * GROUPS), np.bincount(group, variance, 2 * GROUPS)
    count = np.bincount(group, minlength=2 * GROUPS)
    used = v >= LEAST
    freedom = int(used.sum()) - FITTED
    if freedom < 1:
        return 1.0
    own = residual - (e / np.maximum(count, 1))[group]
    within = np.bincount(np.unique(blocks.direction, return_inverse=True)[1], own)
    directions = within.size
    lost = min(GROUPS, directions - 1)
    phi = max(
        single_outcomes(blocks, residual, variance),
        float((within**2).sum() / variance.sum() * directions / (directions - lost)),
    )
    return float(chdtrc(freedom, float((e[used] ** 2 / v[used]).sum()) / phi))
