"""The mean of many smoothed scores after each of them has been attacked by itself.

Idea
----
m examples, each smoothed by noise of its own: X_ij in [0, 1] is the outcome of example j on noise draw i, all of them
independent, E X_ij = p_j. A change of example j's input, chosen for it alone, may bring p_j down to g(p_j) and no
further, where g is convex and never falls: Gaussian noise (:mod:`corrie.stats.gaussian_shift`), token noise
(:mod:`corrie.stats.token_kernels`: the least cost of a linear programme is convex in its budget). Put the examples into
groups G beforehand, p̄_G the mean of p_j over the group and L_G its lower limit from the n|G| outcomes, at error a over
the number of groups. With probability 1 − a, for every change of every example at once,

    (1/m) Σ_j p'_j  ≥  (1/m) Σ_j g(p_j)  ≥  Σ_G (|G|/m) g(p̄_G)  ≥  Σ_G (|G|/m) g(L_G).

Proof. Each example keeps g(p_j), whatever was done to the others; means add, whether the attacked outcomes depend on
one another or not. Then Jensen's inequality in each group, and g(L_G) ≤ g(p̄_G) while all limits hold. The limits are
those of means of independent values that need not be alike (Hoeffding 1963, theorem 1: :mod:`corrie.stats.hoeffding`),
a union over the groups. Only the p̄_G are estimated, so it holds for every g at once. ∎

Why groups. g(p̄) of the whole list loses what convexity gives (70 % at 0.999 and 30 % at 0.01 are 0.69 under a shift of
one σ, their mean gives 0.32). One limit for each example (:mod:`corrie.stats.per_example`) loses in the limits: 20 out
of 20 says p ≥ 0.74 at error 0.05/20, and 200 out of 200 for ten such examples together say p̄ ≥ 0.98. Groups of examples
that behaved alike on *other* draws lose little of both.

Not for examples that share their noise: there n draws are n values, and :class:`corrie.stats.ScoreLaw` judges them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from corrie.errors import InputError
from corrie.stats import hoeffding
from corrie.stats.arguments import Array, shares
from corrie.stats.multiplicity import shared_confidence
from corrie.stats.rounding import nudged_down


@dataclass(frozen=True, slots=True)
class GroupedScore:
    """Simultaneous lower limits of the mean smoothed score of each group of examples.

    sizes        examples in each group
    means        mean outcome of each
    draws        n, noise draws of each example
    confidence   that all limits hold together
    low          L_G
    """

    sizes: tuple[int, ...]
    means: tuple[float, ...]
    draws: int
    confidence: float
    low: tuple[float, ...]

    @classmethod
    def of(cls, outcomes: ArrayLike, groups: Sequence[Sequence[int]], confidence: float = 0.95) -> GroupedScore:
        """From outcomes in [0, 1], all independent, shape (n draws, m examples), and groups fixed without them.

        Raises:
            InputError: another shape, values outside [0, 1], groups that do not hold each example once, a confidence
                outside (0, 1).

        >>> score = GroupedScore.of([[1, 1, 0]] * 200, [(0, 1), (2,)])
        >>> score.means, [round(low, 3) for low in score.low], round(score.lower(lambda p: max(0.0, p - 0.3)), 3)
        ((1.0, 0.0), [0.991, 0.0], 0.461)
        """
        x = _table(outcomes)
        members = [list(group) for group in groups]
        if sorted(j for group in members for j in group) != list(range(x.shape[1])) or not all(members):
            raise InputError(f"groups of {x.shape[1]} examples", found="not each once", advice="choose_groups")
        each = shared_confidence(confidence, len(members))
        parts = [x[:, group].reshape(-1) for group in members]
        low = tuple(hoeffding.lower_limit(part, each) for part in parts)
        return cls(tuple(map(len, members)), tuple(float(p.mean()) for p in parts), len(x), confidence, low)

    def lower(self, least: Callable[[float], float]) -> float:
        """Σ_G (|G|/m) g(L_G), rounded down, for ``least`` = g: convex, never falling, at most its argument."""
        total = sum(size * least(low) for size, low in zip(self.sizes, self.low, strict=True))
        return max(0.0, float(nudged_down(total / sum(self.sizes))))

    def __str__(self) -> str:
        rows = "; ".join(
            f"{size} at {mean:.3g} (≥ {low:.3g})"
            for size, mean, low in zip(self.sizes, self.means, self.low, strict=True)
        )
        return f"{sum(self.sizes)} examples × {self.draws} draws: {rows} (confidence {self.confidence:g})"


def choose_groups(selection: ArrayLike) -> tuple[tuple[int, ...], ...]:
    """Groups of examples that behave alike, from draws that will not certify, shape (s, m).

    Three of them, where there are such examples: right on every draw, on half of them or more, on fewer.

    Raises:
        InputError: no table of values in [0, 1].

    >>> choose_groups([[1, 0, 1, 1], [1, 0, 0, 1]])
    ((0, 3), (2,), (1,))
    """
    means = _table(selection).mean(axis=0)
    sure, likely = means == 1, means >= 0.5
    return tuple(tuple(np.flatnonzero(chosen).tolist()) for chosen in (sure, likely & ~sure, ~likely) if chosen.any())


def _table(values: ArrayLike) -> Array:
    x = shares(values, "outcomes")
    if x.ndim != 2 or x.size == 0:
        raise InputError(f"outcomes of shape {x.shape}", found="no table", advice="(draws, examples)")
    return x
