"""How far a basin reaches: its radius, with an interval that carries directions and examples.

Idea
----
J̄_σ is the mean score over random directions at step σ and over examples, J0 the unmoved model's score, c the chance
score. The *radius* at retention ρ is the largest σ such that J̄_σ' ≥ c + ρ (J0 − c) for all σ' ≤ σ. With a = 1 −
confidence, on the grid of σ that was tried:

* the lower end tests upward, "J̄_σ < c + ρ (J0 − c)" at each σ with error a/2, and is the last σ before the first test
  that does not reject. It is wrong only if the first σ beyond the radius is rejected: one test, no union over the grid;
* the upper end tests downward from the largest σ, "J̄_σ ≥ c + ρ (J0 − c)", and is the last σ that rejects. It is
  wrong only if the largest σ at which that is true is rejected: one test again.

Each test is on the paired D_ij = X_ij − ρ X_0j − (1−ρ) c, with two-way variance (:mod:`corrie.stats.two_way`). The
lower end must also pass a test that knows how far apart single lines leave (:mod:`corrie.stats.shifted_lines`).

What the interval assumes
-------------------------
Of examples: that they are independent draws of what the benchmark stands for, and that those that break first are no
more the same ones in every direction than those that break later (κ, :mod:`corrie.stats.two_way`).

Of directions: that they are independent draws, and differ mainly in *how far* each can be followed, by distances that
scatter on a log scale like a normal sample. Eight directions that hold do not exclude a rare kind of direction that
collapses much earlier, when none of that kind was drawn: with one in twenty, eight draws miss it two times in three.
Simulated with 8 directions × 100 examples: where 6, 10, 20 % of directions leave at half the distance of the others,
the interval misses the radius in 56, 40, 15 % of runs and not in 5 %. A kind that makes up a share q is missing from n
draws with probability (1−q)ⁿ: at 31.3 %, 5 % for eight. What can be said of most directions without this assumption is
:class:`corrie.stats.PlannedFraction`'s to say, and needs many more of them.

Of the grid: that it was not laid by looking at these scores, that the mean does not dip below the retention between two
neighbouring σ and come back (the interval is for the radius *on the grid*), and that it reaches beyond the radius. If
no line leaves within it, their spread cannot be seen, and the lower end rests on the two-way test alone.

How many examples: with none lost so far, the lower end needs about m ≥ 4κ/((1−ρ)(J0−c)), with κ in (0, 1] the share in
which different directions break the same examples: 133 κ for ρ = 0.95, J0 − c = 0.6. With fewer it is 0.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from corrie.errors import InputError
from corrie.stats.arguments import Array
from corrie.stats.chance import above_chance
from corrie.stats.edge import first_crossing
from corrie.stats.shifted_lines import ShiftedLines
from corrie.stats.two_way import TwoWay

RadiusStatus = Literal["found", "beyond_range", "before_first_step", "absent"]

INDICATIVE_DIRECTIONS = 8
INDICATIVE_EXAMPLES = 100
"""Fewer directions or examples than this make a radius *indicative*."""


@dataclass(frozen=True, slots=True)
class RadiusEstimate:
    """A basin's radius in σ, with its interval and the curve it was read from.

    status         found; beyond_range (the mean curve never leaves, up to the largest σ); before_first_step (it has
                   left at the smallest); absent (J0 cannot be told from chance: no basin)
    sigma          where the mean curve first falls below ρ, linear between grid points; None unless found
    low, high      the interval: grid σ, or 0.0 and infinity where the data exclude nothing on that side. Where found,
                   low < sigma < high; beyond_range has high = ∞, before_first_step has low = 0
    sigmas         the grid, without σ at which nothing was scored
    retained       (J̄ − c)/(J0 − c) at each σ, over all scored pairs
    retained_low, retained_high   limits of it at each σ by itself, at ``confidence``; NaN where only one direction
                   or one example was scored, which shows no spread
    edges          for each direction, where its own line leaves (linear interpolation, from 1 at σ = 0); None beyond
                   its range or without scores
    directions, examples   how many were scored
    baseline       J0
    indicative     fewer than 8 directions or 100 examples

    The retained shares of an absent capability are NaN: there is nothing to retain.
    """

    status: RadiusStatus
    sigma: float | None
    low: float
    high: float
    sigmas: tuple[float, ...]
    retained: tuple[float, ...]
    retained_low: tuple[float, ...]
    retained_high: tuple[float, ...]
    edges: tuple[float | None, ...]
    directions: int
    examples: int
    baseline: float
    chance: float
    retention: float
    confidence: float
    indicative: bool

    def __str__(self) -> str:
        size = f"{self.directions} direction{'s' * (self.directions != 1)} × {self.examples} examples"
        size += ", indicative" * self.indicative
        if self.status == "absent":
            return f"no basin: a score of {self.baseline:.3g} cannot be told from chance, {self.chance:.3g} ({size})"
        place = {
            "found": f"σ ≤ {self.sigma:.3g}" if self.sigma is not None else "",
            "beyond_range": f"σ beyond {self.sigmas[-1]:.3g}, the largest tried",
            "before_first_step": f"σ < {self.sigmas[0]:.3g}, the smallest tried",
        }[self.status]
        high = "∞)" if math.isinf(self.high) else f"{self.high:.3g}]"
        return (
            f"{place} [{self.low:.3g}, {high} where {self.retention:.4g} of the score above chance is kept "
            f"({size}, confidence {self.confidence:.4g})"
        )


def basin_radius(
    sigmas: ArrayLike,
    baseline: ArrayLike,
    moved: ArrayLike,
    *,
    chance: float,
    retention: float = 0.95,
    confidence: float = 0.95,
) -> RadiusEstimate:
    """The basin radius of one capability, from its scores along random directions.

    See this module's docstring for the definition and for what the interval assumes.

    Args:
        sigmas: the steps that were tried, increasing and positive, shape (k,).
        baseline: each example's score at the unmoved model, in [0, 1], NaN where unscored, shape (m,).
        moved: the scores along each direction, shape (n directions, k, m), NaN where unscored or not tried.
        chance: c in [0, 1), the score of a model that knows nothing.
        retention: ρ in (0, 1], the share of the score above chance that must be kept.
        confidence: that the interval holds the radius.

    Raises:
        InputError: shapes that do not fit, scores outside [0, 1], nothing scored, a σ that is not positive or not in
            order, a chance, retention or confidence that is not valid.

    >>> baseline = np.ones(200)
    >>> thresholds = np.linspace(1.0, 3.0, 200)  # the σ at which each example breaks, in every direction
    >>> sigmas = np.array([0.5, 1.0, 1.5, 2.0])
    >>> moved = np.repeat((thresholds >= sigmas[:, None])[None].astype(float), 8, axis=0)
    >>> print(basin_radius(sigmas, baseline, moved, chance=0.0))
    σ ≤ 1.1 [1, 1.5] where 0.95 of the score above chance is kept (8 directions × 200 examples, confidence 0.95)
    """
    grid, base, scores = _checked(sigmas, baseline, moved, chance, retention, confidence)
    paired = np.isfinite(scores) & np.isfinite(base)
    if not paired.any():
        raise InputError("a basin radius", found="no example scored both before and after a move", advice="score some")
    tried = paired.any((0, 2))
    grid, scores, paired = grid[tried], scores[:, tried], paired[:, tried]
    known = base[np.isfinite(base)]
    directions, score = int(paired.any((1, 2)).sum()), float(known.mean())
    few = directions < INDICATIVE_DIRECTIONS or known.size < INDICATIVE_EXAMPLES
    facts = (directions, known.size, score, chance, retention, confidence, few)
    places = tuple(grid.tolist())
    if not above_chance(known, chance, confidence):
        nothing, never = (math.nan,) * grid.size, (None,) * len(scores)
        return RadiusEstimate("absent", None, 0.0, math.inf, places, nothing, nothing, nothing, never, *facts)

    error = (1 - confidence) / 2
    moments = TwoWay.of(base, scores, chance)
    statistic, critical = moments.statistic(retention), moments.critical(retention, error)
    lines = _lines(base, scores, paired, score - chance)
    shifted = ShiftedLines.of(grid, lines, retention)
    examples = np.sqrt(moments.parts(retention)[1]) / moments.held

    def keeps(k: int) -> bool:
        if not statistic[k] > critical[k]:
            return False
        return shifted is None or shifted.doubt(grid[k], retention, examples[k], moments.m[k] - 1) <= error

    low, high = 0.0, math.inf
    for k in range(grid.size):
        if not keeps(k):
            break
        low = float(grid[k])
    for k in reversed(range(grid.size)):
        if not statistic[k] < -critical[k]:
            break
        high = float(grid[k])

    curve = moments.retained
    sigma = first_crossing(grid, curve, retention)
    status: RadiusStatus = "found" if sigma is not None else "beyond_range"
    if curve[0] < retention:
        status, sigma = "before_first_step", None
    below, above = moments.limits(retention, error)
    edges = tuple(first_crossing([0.0, *places], [1.0, *line], retention) for line in lines)
    retained, retained_low, retained_high = (tuple(values.tolist()) for values in (curve, below, above))
    return RadiusEstimate(status, sigma, low, high, places, retained, retained_low, retained_high, edges, *facts)


def _lines(base: Array, scores: Array, paired: NDArray[np.bool_], held: float) -> Array:
    """Each direction's own retained share, 1 + mean(X − X_0)/(J0 − c) over its scored examples, shape (n, k)."""
    change = np.where(paired, scores - base, 0.0).sum(2)
    with np.errstate(invalid="ignore", divide="ignore"):
        return 1 + change / paired.sum(2) / held


def _checked(
    sigmas: ArrayLike, baseline: ArrayLike, moved: ArrayLike, chance: float, retention: float, confidence: float
) -> tuple[Array, Array, Array]:
    grid, base, scores = np.asarray(sigmas, float), np.asarray(baseline, float), np.asarray(moved, float)
    asked = "a basin radius"
    if grid.ndim != 1 or base.ndim != 1 or scores.shape != (len(scores), grid.size, base.size):
        raise InputError(
            asked,
            found=f"shapes that do not fit: sigmas {grid.shape}, baseline {base.shape}, moved {scores.shape}",
            advice="(k,), (m,) and (directions, k, m)",
        )
    if grid.size == 0 or not np.isfinite(grid).all() or grid[0] <= 0 or (np.diff(grid) <= 0).any():
        raise InputError(asked, found=f"the steps {grid.tolist()}", advice="positive steps in increasing order")
    if not 0 <= chance < 1:
        raise InputError(asked, found=f"a chance score of {chance}", advice="0, or 1/k for k-way choice")
    if not 0 < retention <= 1:
        raise InputError(asked, found=f"a retention of {retention}", advice="a share in (0, 1], such as 0.95")
    if not 0 < confidence < 1:
        raise InputError(asked, found=f"a confidence of {confidence}", advice="a number between 0 and 1, such as 0.95")
    for name, values in (("baseline", base), ("moved", scores)):
        if ((values < 0) | (values > 1)).any():
            raise InputError(asked, found=f"{name} scores outside [0, 1]", advice="scores from 0 (bad) to 1 (good)")
    return grid, base, scores
