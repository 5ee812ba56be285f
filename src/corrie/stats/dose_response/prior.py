"""What is believed of a basin before it is scored: weak, unit-free, the same for every task.

m          uniform over what was tried, and a factor of e² beyond on either side
w, w_G     half the distance from 16 % to 84 % in log σ: log-normal around 0.2, within a factor of 10 (95 %)
gap        from the early step to the cliff, in log σ: log-normal around 0.8 (a factor of 2.2), within a factor of 4
e, λ, β    logit normal around 0.15, from 0.01 to 0.75 (95 %)
family     each one third; steps: single 0.4, early 0.35, churn 0.25
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from corrie.stats.arguments import Array
from corrie.stats.dose_response.curves import STEPS, Curves
from corrie.stats.dose_response.families import FAMILIES

MARGIN = 2.0
MEANS = np.array([np.nan, np.log(0.2), np.log(0.8), np.log(0.2), -1.7, -1.7])
SPREADS = np.array([np.nan, 1.2, 0.7, 1.2, 1.4, 1.4])
STEP_SHARES = np.array([0.4, 0.35, 0.25])
USED = np.array([[1, 1, 0, 0, 0, 0], [1, 1, 1, 1, 1, 0], [1, 1, 1, 1, 1, 1]], bool)
"""Which parameters a kind of early step uses; the others keep their prior and do not matter."""


def draw(count: int, low: float, high: float, chance: float, rng: np.random.Generator) -> Curves:
    """Candidates from the prior; the range tried is [low, high] in log σ."""
    values = MEANS + SPREADS * rng.normal(size=(count, 6))
    values[:, 0] = rng.uniform(low - MARGIN, high + MARGIN, count)
    step = rng.choice(len(STEPS), count, p=STEP_SHARES)
    return Curves(rng.integers(0, len(FAMILIES), count), step, values, chance)


def log_density(step: NDArray[np.int64], values: Array, low: float, high: float) -> Array:
    """Logarithm of the prior of parameters given the kind of step, up to a constant, shape (n,)."""
    inside = (values[:, 0] >= low - MARGIN) & (values[:, 0] <= high + MARGIN)
    z = (values[:, 1:] - MEANS[1:]) / SPREADS[1:]
    return np.where(inside, -0.5 * (z**2).sum(1) + np.log(STEP_SHARES)[step], -np.inf)
