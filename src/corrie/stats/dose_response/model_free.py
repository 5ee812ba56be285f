"""A radius that assumes only that the retained share falls with σ (no dip before it) – from blocks at scattered σ.

With D(ρ) = (X − c) − ρ (X0 − c) per outcome, E D ≥ 0 ⇔ R(σ) ≥ ρ. If R falls, a window of blocks at σ and above whose
mean D is above 0 shows R ≥ ρ at its smallest σ, and a window of blocks at σ and below whose mean D is below 0 shows
R < ρ at its largest. The lower end tests windows upward from the smallest σ and stops at the first that does not
reject, the upper end downward: fixed sequences, so each needs no union (as in :mod:`corrie.stats.model_free_radius`).
Variances are two-way, over directions and examples, with Student's t for the fewer of them and the floor of a binomial.
"""

from __future__ import annotations

import math

import numpy as np
from scipy.special import stdtrit

from corrie.stats.dose_response.blocks import ScoredBlocks
from corrie.stats.dose_response.dispersion import two_way
from corrie.stats.edge import first_crossing

WINDOW = 4
"""Directions that a window needs, and starts apart by half of it."""


def model_free_interval(
    blocks: ScoredBlocks, chance: float, retention: float, confidence: float
) -> tuple[float, float]:
    """Limits of log radius: −inf and inf where nothing is excluded."""
    error = (1 - confidence) / 2
    values = (blocks.after - chance) - retention * (blocks.before - chance)
    low, high = -math.inf, math.inf
    for rows in _windows(blocks, 1):
        if not _t(values[rows], blocks, rows, 1) > _critical(blocks, rows, error):
            break
        low = float(blocks.log_sigma[rows].min())
    for rows in _windows(blocks, -1):
        if not _t(values[rows], blocks, rows, -1) > _critical(blocks, rows, error):
            break
        high = float(blocks.log_sigma[rows].max())
    return low, high


def model_free_middle(blocks: ScoredBlocks, held: float, retention: float) -> float | None:
    """Where the falling curve nearest to the scores (isotonic least squares) crosses the retention, in log σ.

    R at a place is 1 + mean(X − X0)/(J0 − c), ``held`` = J0 − c. None where the curve does not cross within the range.
    """
    from scipy.optimize import isotonic_regression  # slow to load, and most fits need it not

    count = np.bincount(blocks.place)
    change = np.bincount(blocks.place, blocks.after - blocks.before) / count
    falling = isotonic_regression(1 + change / held, weights=count, increasing=False).x
    return first_crossing(blocks.places, falling, retention)


def _windows(blocks: ScoredBlocks, way: int) -> list[np.ndarray]:
    """Rows of each window in the order of testing; a window holds whole places and at least ``WINDOW`` directions."""
    places = range(blocks.places.size)[::way]
    found = []
    for start in places:
        rows = np.zeros(len(blocks), bool)
        for place in range(start, blocks.places.size if way > 0 else -1, way):
            rows |= blocks.place == place
            if np.unique(blocks.direction[rows]).size >= WINDOW:
                found.append(np.flatnonzero(rows))
                break
    return found


def _t(values: np.ndarray, blocks: ScoredBlocks, rows: np.ndarray, way: int) -> float:
    n, m = np.unique(blocks.direction[rows]).size, np.unique(blocks.example[rows]).size
    centred = values - values.mean()
    variance = two_way(centred, blocks.direction[rows], blocks.example[rows]) * n / (n - 1) * m / max(m - 1, 1)
    floor = 0.05 * values.size
    return way * float(values.sum()) / math.sqrt(max(variance, floor))


def _critical(blocks: ScoredBlocks, rows: np.ndarray, error: float) -> float:
    fewer = min(np.unique(blocks.direction[rows]).size, np.unique(blocks.example[rows]).size)
    return float(stdtrit(fewer - 1, 1 - error))
