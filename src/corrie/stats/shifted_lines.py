"""What lines that leave at different distances say about directions that were not drawn.

Idea
----
Just inside the radius most directions hold and a few have collapsed. Of eight, often none is among the few: their mean
is then 1 without any spread, although the mean over all directions may lie below the retention. What gives the spread
away is where the lines leave, further out. So take the lines as copies of one curve, shifted in x = log σ,

    R_i(x) = G(x − u_i),        u_i ~ N(μ, τ²) independent,

and ask for the mean over *all* directions, J̄(x) = E_u G(x − u), with what n directions leave unknown of μ and τ.

* u_i: where line i crosses a level, halfway between 1 and the lowest mean share (at least 0.5, at most ρ). A line that
  does not cross it within the range is *censored*: u_i lies beyond the last σ. A fall between two grid points could
  have been anywhere between them, which adds q² = mean_i Σ_k (Δx_k · fall_k)²/12 to the variance of the u_i.
* G: the mean of the lines that cross, each laid upon its own u_i; linear in x between grid points.
* μ and τ: their posterior under the prior dμ dτ/τ, with the likelihood of a censored normal sample. Without censoring
  this is the fiducial law, under which one-sided limits of every normal quantile μ − zτ are exact (they are the
  tolerance limits by the noncentral t); J̄ falls from such a quantile to the mean of a curve as G becomes flat.
* E_u G(x − u) is closed, as G is piecewise linear: E (y + τz − k)₊ = τ (t Φ(t) + φ(t)), t = (y − k)/τ.

Where all lines fall together this adds next to nothing to the two-way test; where they fall steeply and far apart it
is the tolerance limit of their edges.

Assumed: shifts that scatter like a normal sample on the side of early collapse, and a range in which some lines leave.
If none leaves, nothing is known of their spread and nothing is added.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from corrie.stats.arguments import Array
from corrie.stats.edge import first_crossing

WIDEST = 2.0
"""Largest τ that is considered: edges that scatter over a factor e² = 7.4 per standard deviation."""


@dataclass(frozen=True, slots=True)
class ShiftedLines:
    """One curve G and what is known of its shifts.

    knots, bends   G is flat outside its knots and its slope changes by ``bends`` at them; shape (p,)
    start          G to the left of every knot
    centre, spread, weight   μ, τ and their probability, shape (q,)
    """

    knots: Array
    bends: Array
    start: float
    centre: Array
    spread: Array
    weight: Array

    @classmethod
    def of(cls, sigmas: Array, lines: Array, retention: float) -> ShiftedLines | None:
        """From retained shares of shape (n, k), at k increasing σ. None if there is nothing to learn a spread from.

        A share that is NaN is interpolated; a line without any is left out.
        """
        x = np.log(sigmas)
        known = np.isfinite(lines)
        lines = np.array([np.interp(x, x[k], line[k]) for k, line in zip(known, lines, strict=True) if k.any()])
        if len(lines) < 2:
            return None
        level = min(retention, max(0.5, (1 + lines.mean(0).min()) / 2))
        before = x[0] - (x[1] - x[0] if x.size > 1 else math.log(2))
        full, wide = np.append(before, x), np.column_stack([np.ones(len(lines)), lines])
        crossed = [first_crossing(full, line, level) for line in wide]
        left = np.array([u is not None for u in crossed])
        if not left.any():
            return None
        shifts = np.array([u for u in crossed if u is not None])
        within = ((np.diff(full) * np.diff(wide[left], axis=1)) ** 2).sum(1).mean() / 12
        knots, curve = _laid_together(x, lines[left], shifts)
        slopes = np.concatenate([[0.0], np.diff(curve) / np.diff(knots), [0.0]])
        law = _posterior(shifts, within, censored=int((~left).sum()), end=float(x[-1]))
        return cls(knots, np.diff(slopes), float(curve[0]), *law)

    def mean(self, x: float) -> Array:
        """J̄(x) = E_u G(x − u) for each (μ, τ), shape (q,)."""
        from scipy.special import ndtr

        t = (x - self.centre[:, None] - self.knots) / self.spread[:, None]
        ramp = t * ndtr(t) + np.exp(-t * t / 2) / math.sqrt(2 * math.pi)
        return self.start + self.spread * (ramp @ self.bends)

    def doubt(self, sigma: float, retention: float, error: float, freedom: float) -> float:
        """How probable it is that the mean over all directions at σ lies below ``retention``.

        Args:
            error: standard error of the retained share from the sampling of examples, with ``freedom`` degrees.
        """
        from scipy.special import stdtr

        short = (retention - self.mean(math.log(sigma))) / max(error, 1e-12)
        return float(self.weight @ stdtr(freedom, short))


def _laid_together(x: Array, lines: Array, shifts: Array) -> tuple[Array, Array]:
    """The mean of lines moved onto one another; beyond its last point a line falls one more step as it fell before."""
    if x.size > 1:
        end = np.clip(2 * lines[:, -1] - lines[:, -2], 0.0, np.maximum(lines[:, -1], 0.0))
        x, lines = np.append(x, 2 * x[-1] - x[-2]), np.column_stack([lines, end])
    else:
        x, lines = np.append(x, x[-1] + 1.0), np.column_stack([lines, lines])
    knots = np.linspace(x[0] - shifts.max(), x[-1] - shifts.min(), 3 * x.size)
    return knots, np.mean([np.interp(knots + u, x, line) for u, line in zip(shifts, lines, strict=True)], axis=0)


def _posterior(shifts: Array, within: float, censored: int, end: float) -> tuple[Array, Array, Array]:
    """Values of μ and τ on a grid with their probabilities, for ``shifts`` seen and ``censored`` beyond ``end``."""
    from scipy.special import log_ndtr

    seen = shifts.size
    n = seen + censored
    middle = shifts.mean()
    squares = ((shifts - middle) ** 2).sum() + max(seen - 1, 0.5) * within
    scale = max(math.sqrt(squares / max(seen - 1, 1)), 1e-3)
    spread = np.exp(np.linspace(math.log(0.4 * scale), math.log(max(WIDEST, 4 * scale)), 28))[:, None]
    reach, steps = 4 / math.sqrt(n), int(8 * math.sqrt(n))
    away = np.linspace(-reach, reach + (3 if censored else 0), 2 * steps if censored else steps)
    centre = (seen * middle + censored * end) / n + spread * away
    # the prior dμ dτ/τ is uniform in log τ and μ = … + τ·away has dμ = τ d(away)
    chance = (1 - seen) * np.log(spread) - (squares + seen * (middle - centre) ** 2) / (2 * spread**2)
    if censored:
        chance = chance + censored * log_ndtr((centre - end) / spread)
    weight = np.exp(chance - chance.max())
    kept = weight > 1e-5 * weight.max()
    spread = np.broadcast_to(spread, centre.shape)
    return centre[kept], spread[kept], weight[kept] / weight[kept].sum()
