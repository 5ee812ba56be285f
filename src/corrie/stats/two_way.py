"""A retained share whose draws are crossed: every direction meets every example.

Idea
----
Two things are drawn, directions i = 1…n and examples j = 1…m, and every pair is scored. The outcomes of one direction
are not independent (they share the move), nor are those of one example (they share the question). With the paired
quantity at retention r,

    D_ij(r) = (X_ij − c) − r (X_0j − c),        E D(r) ≥ 0  ⇔  the score above chance keeps a share of r or more,

the variance of its mean D̄ is estimated by

    V(r) = n/(n−1) Σ_i (Σ_j e_ij)²/N²  +  m/(m−1) Σ_j (Σ_i e_ij)²/N²,        e = D − D̄,  N pairs,

which is s²_rows/n + s²_columns/m where no pair is missing. In D_ij = μ + A_i + B_j + ε_ij its expectation is
σ²_A/n + σ²_B/m + 2σ²_ε/(nm), while Var D̄ counts σ²_ε once: V errs to the safe side.

Two corrections keep it honest when it is small.

* A floor under the examples' part. On a plateau no example changes and s²_columns is near 0, though 100 examples
  cannot exclude that two in 100 break. The floor is what s²_columns would be if the share r were just kept by losing
  whole examples (a score test in place of a Wald test): a share φ = |1−r| (J0−c)/J0 of them scores 0,

      v(r) = κ [ φ E(r X_0 + (1−r) c)² + (1−φ)(1−r)² E(X_0 − c)² ].

  κ ≤ 1 says how far different directions break the *same* examples: the largest ratio of s²_columns to the bracket,
  both at r = the retained share, over the σ that retain between 0.1 and 0.9; 1 where there is none. Assumed: what
  breaks first is no more the same in all directions than what breaks later.
* Student's t with Satterthwaite's degrees of freedom, V² / (V_rows²/(n−1) + V_columns²/(m−1)): few directions count
  as few.

Row means so skewed that n of them hide the rest are the business of :mod:`corrie.stats.shifted_lines`.

Sources: Cameron, Gelbach & Miller 2011 (two-way clustering); Owen 2007 (crossed random effects); Satterthwaite 1946.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from corrie.stats.arguments import Array

FALLING = (0.1, 0.9)
"""Retained shares at which κ is measured: enough examples have changed, enough are left."""


@dataclass(frozen=True, slots=True)
class TwoWay:
    """The moments of crossed outcomes at k values of σ, enough for the test at any retention r.

    kept, held   means of X − c and of X_0 − c over the scored pairs, shape (k,)
    square       mean of (X_0 − c)² over the scored pairs, shape (k,)
    rows         the directions' part of V, as coefficients of 1, r and r², shape (3, k)
    columns      the examples' part without its floor, likewise
    n, m         directions and examples with a scored pair, shape (k,)
    chance       c
    overlap      κ
    """

    kept: Array
    held: Array
    square: Array
    rows: Array
    columns: Array
    n: Array
    m: Array
    chance: float
    overlap: float = 1.0

    @classmethod
    def of(cls, baseline: Array, moved: Array, chance: float) -> TwoWay:
        """The moments of ``moved``, shape (n, k, m), against ``baseline``, shape (m,); NaN is missing.

        >>> flat = TwoWay.of(np.array([1.0, 1.0, 0.0]), np.ones((2, 1, 3)) * np.array([1.0, 0.0, 0.0]), chance=0.0)
        >>> flat.retained
        array([0.5])
        """
        scored = np.isfinite(moved) & np.isfinite(baseline)
        before = np.where(scored, baseline - chance, 0.0)
        after = np.where(scored, moved - chance, 0.0)
        with np.errstate(invalid="ignore", divide="ignore"):
            pairs = scored.sum((0, 2))
            kept, held = after.sum((0, 2)) / pairs, before.sum((0, 2)) / pairs
            rows, n = _cluster_variance(scored.sum(2), after.sum(2), before.sum(2), kept, held)
            columns, m = _cluster_variance(scored.sum(0).T, after.sum(0).T, before.sum(0).T, kept, held)
            square = (before**2).sum((0, 2)) / pairs
        moments = cls(kept, held, square, rows, columns, n, m, chance)
        return replace(moments, overlap=moments._measured_overlap())

    def _measured_overlap(self) -> float:
        r = self.retained
        falling = (r > FALLING[0]) & (r < FALLING[1])
        if not falling.any():
            return 1.0
        ratio = _quadratic(self.columns, r)[falling] / self._lost_whole(r)[falling]
        return float(np.clip(np.nanmax(ratio, initial=0.0), 0.0, 1.0))

    @property
    def retained(self) -> Array:
        """(J̄ − c)/(J0 − c), shape (k,)."""
        with np.errstate(invalid="ignore", divide="ignore"):
            return self.kept / self.held

    def _lost_whole(self, r: Array | float) -> Array:
        """v(r)/κm: the examples' part if the share r were kept by losing whole examples, the same everywhere."""
        c, held, square = self.chance, self.held, self.square
        lost = np.clip(np.abs(1 - r) * held / (held + c), 0.0, 1.0)
        gone = r**2 * square + 2 * r * c * held + c**2  # E (r (X_0 − c) + c)²
        return (lost * gone + (1 - lost) * (1 - r) ** 2 * square) / self.m

    def parts(self, r: Array | float) -> tuple[Array, Array]:
        """The directions' and the examples' part of V(r), the second with its floor; r broadcasts against (k,)."""
        with np.errstate(invalid="ignore", divide="ignore"):
            floor = self.overlap * self._lost_whole(r)
            return np.maximum(_quadratic(self.rows, r), 0.0), np.maximum(_quadratic(self.columns, r), floor)

    def statistic(self, r: Array | float) -> Array:
        """D̄(r)/√V(r); NaN where there is one direction or one example only, which show no spread."""
        rows, columns = self.parts(r)
        with np.errstate(invalid="ignore", divide="ignore"):
            value = (self.kept - r * self.held) / np.sqrt(rows + columns)
        return np.where((self.n > 1) & (self.m > 1) & (self.held > 0), value, np.nan)

    def critical(self, r: float, error: float) -> Array:
        """Student's t at one-sided ``error`` with Satterthwaite's degrees of freedom at r, shape (k,)."""
        from scipy.special import stdtrit

        rows, columns = self.parts(r)
        with np.errstate(invalid="ignore", divide="ignore"):
            freedom = (rows + columns) ** 2 / (rows**2 / (self.n - 1) + columns**2 / (self.m - 1))
        return stdtrit(np.maximum(freedom, 1.0), 1 - error)

    def limits(self, r: float, error: float) -> tuple[Array, Array]:
        """Lower and upper limit of the retained share at each σ by itself, one-sided ``error`` each.

        The test is inverted: between the estimate and the end of what is possible, the first share that it rejects
        (with the degrees of freedom at r), so a limit lies beyond r where the test at r rejects.
        """
        critical, sign = self.critical(r, error), np.array([[1.0], [-1.0]])
        with np.errstate(invalid="ignore", divide="ignore"):
            outside = np.stack([-self.chance / self.held, (1 - self.chance) / self.held])
        inside = np.clip(np.stack([self.retained, self.retained]), outside[0], outside[1])
        steps = np.linspace(0.0, 1.0, 33)[:, None, None]
        for _ in range(3):  # each round cuts the bracket to a thirty-second
            tried = inside + (outside - inside) * steps
            excess = sign * self.statistic(tried) - critical
            first = np.argmax(excess > 0, axis=0)
            first = np.where(first > 0, first, steps.size - 1)[None]
            inside, outside = (np.take_along_axis(tried, k, 0)[0] for k in (first - 1, first))
        unknown = np.isnan(self.statistic(r))
        return np.where(unknown, np.nan, outside[0]), np.where(unknown, np.nan, outside[1])


def _quadratic(coefficients: Array, r: Array | float) -> Array:
    return coefficients[0] + r * (coefficients[1] + r * coefficients[2])


def _cluster_variance(count: Array, after: Array, before: Array, kept: Array, held: Array) -> tuple[Array, Array]:
    """One part of V from the sums of each cluster (row or column), arrays (clusters, k); and the number of clusters."""
    after, before = after - count * kept, before - count * held
    clusters = (count > 0).sum(0)
    scale = clusters / (clusters - 1) / count.sum(0) ** 2
    squares = np.stack([(after * after).sum(0), -2 * (after * before).sum(0), (before * before).sum(0)])
    return squares * scale, clusters
