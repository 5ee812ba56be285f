"""The default certificate: what the whole law of a score promises after a shift.

Idea
----
Draw ε_1 … ε_n, score *all* examples on each draw, and keep the scores J_i = J(θ + ε_i): independent, one for each draw.
Fix thresholds 0 < τ_1 < … < τ_K ≤ 1 beforehand (from other draws), τ_0 = 0, and let p_k be the Clopper–Pearson lower
limit of P(J ≥ τ_k), each at error a/K. With g(p) = Φ(Φ⁻¹(p) − r/σ), with probability 1 − a over the draws, for every
θ' at distance r and *every* r at once,

    E J(θ' + ε) ≥ Σ_k (τ_k − τ_{k−1}) g(p_k),            P(J(θ' + ε) ≥ τ_k) ≥ g(p_k) for each k.

Proof. J ≥ Σ_k (τ_k − τ_{k−1}) 1{J ≥ τ_k} (the sum is the largest threshold that J reaches); each indicator is a score
in [0, 1] whose mean at θ is at least p_k, so its mean at θ' is at least g(p_k) (:mod:`corrie.stats.gaussian_shift`, g
increasing). The draws enter only through the K limits, which hold together with probability 1 − a; r does not enter. ∎

The upper side: J ≤ τ_1 + Σ_{k ≥ 1} (τ_{k+1} − τ_k) 1{J ≥ τ_k} with τ_{K+1} = 1, so with upper limits p_k of P(J ≥ τ_k)
and g⁺(p) = Φ(Φ⁻¹(p) + r/σ), E J(θ' + ε) ≤ τ_1 + Σ_k (τ_{k+1} − τ_k) g⁺(p_k).

Why it is the default. Inside a basin J hardly varies from draw to draw: a threshold just below it is reached almost
always, and g is kind to p near 1. In the population [derived]

    law of the score  ≥  per example  ≥  aggregate:
    ∫₀¹ g(P(J ≥ t)) dt  ≥  mean_j g(p_j)  ≥  g(mean_j p_j),       J = mean_j X_j,  p_j = E X_j.

Proof. Right: g is convex (Jensen). Left: for a score Y let S(Y) = ∫₀¹ g(P(Y ≥ t)) dt = ∫₀¹ g'(1−u) F_Y⁻¹(u) du, the
quantiles of Y weighted by w(u) = g'(1−u), which *decreases*, g being convex. (Take g with bounded slope first, and then
the limit.) With H_Y(u) = ∫_u^1 F_Y⁻¹, integration by parts gives S(Y) = w(0) E Y + ∫ H_Y dw, dw ≤ 0: of two scores with
the same mean, the one with the smaller H everywhere (the smaller in convex order) has the larger S. Now let
Y' = mean_j X'_j, each X'_j with the law of X_j, but all of them increasing functions of one uniform U. For any
coupling, the mean of J over an event of probability 1 − u is the mean over j of those of X_j, each at most its own
H_{X_j}(u), and Y' attains all of them at once: H_J ≤ H_Y', so S(J) ≥ S(Y'). Quantiles of functions of one U add, so
S(Y') = mean_j S(X_j), and S(X_j) = g(p_j) for X_j in {0, 1}. ∎

Sources: Cohen et al. 2019 for one threshold; Kumar et al. 2020 (2009.08061) for the law.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from corrie.errors import InputError
from corrie.stats import clopper_pearson, gaussian_shift
from corrie.stats.arguments import Array, error_of, independent_values, share, whole
from corrie.stats.bisection import last_holding
from corrie.stats.multiplicity import shared_confidence
from corrie.stats.rounding import nudged_down, nudged_up, rounded_down


@dataclass(frozen=True, slots=True)
class ScoreLaw:
    """How often a score reaches each of some thresholds, with simultaneous limits.

    thresholds   τ_1 < … < τ_K in (0, 1]
    reached      how many of the draws reached each
    draws        n, independent noise draws
    confidence   that all limits hold together
    low, high    lower and upper limits of P(J ≥ τ_k). Use one side: both together hold with error 2a
    """

    thresholds: tuple[float, ...]
    reached: tuple[int, ...]
    draws: int
    confidence: float
    low: tuple[float, ...]
    high: tuple[float, ...]

    @classmethod
    def of(cls, scores: ArrayLike, thresholds: Sequence[float], confidence: float = 0.95) -> ScoreLaw:
        """From the scores of independent noise draws, shape (n,), and thresholds that were fixed without them.

        Raises:
            InputError: a table of draws × examples, scores outside [0, 1], thresholds that are not increasing in
                (0, 1], a confidence outside (0, 1).

        >>> law = ScoreLaw.of([0.81, 0.80, 0.79, 0.82] * 100, thresholds=[0.78], confidence=0.99)
        >>> round(law.lower(0.0), 3), round(law.lower(1.0), 3), round(law.lower(2.0), 3)
        (0.771, 0.701, 0.475)
        """
        x = independent_values(scores)
        levels = _increasing(thresholds)
        each = shared_confidence(confidence, len(levels))
        reached = tuple(int((x >= level).sum()) for level in levels)
        low = tuple(clopper_pearson.lower_limit(k, x.size, each) for k in reached)
        high = tuple(clopper_pearson.upper_limit(k, x.size, each) for k in reached)
        return cls(levels, reached, x.size, confidence, low, high)

    def lower(self, ratio: float) -> float:
        """The least smoothed score at distance r = ratio · σ: Σ_k (τ_k − τ_{k−1}) g(p_k), rounded down."""
        steps = np.diff(np.concatenate([[0.0], self.thresholds]))
        return float(nudged_down(steps @ gaussian_shift.lower(self.low, ratio)))

    def upper(self, ratio: float) -> float:
        """The greatest smoothed score at distance r = ratio · σ, rounded up."""
        steps = np.diff(np.concatenate([self.thresholds, [1.0]]))
        value = nudged_up(self.thresholds[0] + steps @ gaussian_shift.upper(self.high, ratio))
        return min(1.0, float(value))

    def reach(self, floor: float) -> float | None:
        """The largest r/σ at which the smoothed score is sure to be ``floor`` or more, rounded down.

        Infinite for a floor of 0; None if the bound lies below the floor already at r = 0.
        """
        if share(floor, "floor") == 0:
            return math.inf
        if self.lower(0.0) < floor:
            return None
        farthest = 80.0  # the normal law has no mass beyond 40 standard deviations that a float could hold
        return last_holding(lambda ratio: self.lower(ratio) >= floor, 0.0, farthest)

    def __str__(self) -> str:
        rows = ", ".join(f"{k} ≥ {level:.4g}" for k, level in zip(self.reached, self.thresholds, strict=True))
        low = rounded_down(self.lower(0.0), 4)
        return f"of {self.draws} draws, {rows}; smoothed score ≥ {low:.4g} (confidence {self.confidence:g})"


def choose_thresholds(
    selection: ArrayLike,
    ratio: float,
    *,
    draws: int,
    count: int = 1,
    confidence: float = 0.95,
    step: float | None = None,
    parts: int = 1,
) -> tuple[float, ...]:
    """Thresholds that promise the highest bound at r/σ = ``ratio``, chosen on draws that will not certify.

    Candidates are the scores of the selection draws; each is judged by the bound that ``draws`` certifying draws would
    give if they reached it as often as the selection draws did (one more miss than that, to be careful). Thresholds
    are added one by one while the bound grows, up to ``count``.

    A few draws do not show how rarely the score falls lower, and just below them lie the best thresholds: a little
    lower, and reached almost always. With ``step`` every multiple of it up to the highest score is a candidate, and how
    often one is reached is predicted by Student's law for the next draw. Whatever is chosen, the bound holds: the
    certifying draws are others.

    Where an example's own score is a fraction (the share of a text's tokens), multiples of what an example is worth are
    far too coarse: with four examples nothing lies between 0.75 and 1. With ``parts`` the candidates are the multiples
    of ``step / parts``, each judged by the law that is expected (:func:`expected_law`).

    Args:
        selection: scores of independent selection draws, shape (n,).
        ratio: r/σ at which the bound is wanted.
        draws: how many certifying draws there will be.
        step: what one example is worth, 1/m.
        parts: into how many steps of its own an example's score falls: 1 where it is right or wrong.

    Raises:
        InputError: scores that are no independent values in [0, 1], none of them above 0, counts below 1.

    >>> choose_thresholds([0.8, 0.8, 0.825, 0.85, 0.7], 1.0, draws=300)
    (0.7,)
    >>> shares = [0.96, 0.95, 0.97, 0.94, 0.95, 0.96]  # of four texts' tokens
    >>> choose_thresholds(shares, 1.0, draws=100, step=1 / 4)
    (0.75,)
    >>> choose_thresholds(shares, 1.0, draws=100, step=1 / 4, parts=100)
    (0.8975,)
    """
    x, n = independent_values(selection), whole(draws, "draws", least=1)
    most, each_in = whole(count, "thresholds", least=1), whole(parts, "parts", least=1)
    if not (x > 0).any():
        raise InputError("thresholds", found="every selection draw scored 0: nothing to certify", advice="a smaller σ")
    if step is None:
        candidates = sorted(set(x[x > 0].tolist()))
        expected = {c: max(0, math.floor(n * ((x >= c).sum() / (x.size + 1)))) for c in candidates}
    elif each_in == 1:
        examples = round(1 / step)
        candidates = [k / examples for k in range(1, round(x.max() * examples) + 1)]
        expected = {c: math.floor(n * float(_predicted(x, c, step, 1))) for c in candidates}
    else:
        worth = round(1 / step) * each_in
        levels = np.arange(1, max(1, round(x.max() * worth)) + 1) / worth
        return _chosen_finely(levels, _expected(x, levels, n, step, each_in), n, ratio, most, confidence)

    def bound(levels: tuple[float, ...]) -> float:
        each = shared_confidence(confidence, len(levels))
        low = tuple(clopper_pearson.lower_limit(expected[c], n, each) for c in levels)
        return ScoreLaw(levels, tuple(expected[c] for c in levels), n, confidence, low, low).lower(ratio)

    chosen: tuple[float, ...] = ()
    while len(chosen) < min(most, len(candidates)):
        options = [tuple(sorted({*chosen, c})) for c in candidates if c not in chosen]
        best = max(options, key=bound)
        if chosen and bound(best) <= bound(chosen):
            break
        chosen = best
    return chosen


def expected_law(
    selection: ArrayLike,
    thresholds: Sequence[float],
    *,
    draws: int,
    confidence: float = 0.95,
    step: float,
    parts: int = 1,
) -> ScoreLaw:
    """The law that so many further draws can be expected to show; ``reached`` is rounded down.

    It certifies nothing: by it thresholds are chosen, and one σ may be preferred to another, before the first
    certifying draw. The next draw is expected to reach τ as often as Student's law for it says or, where that is more,
    as if k of the s selection draws had and one more had not, k/(s + 1): scores may pile up at the highest. The limits
    are Clopper and Pearson's at n times that, a count that need not be whole: by whole ones they would jump.

    Args:
        selection: scores of independent selection draws, shape (s,).
        thresholds: increasing in (0, 1].
        draws: n.
        confidence: of all limits together.
        step, parts: as of :func:`choose_thresholds`.

    Raises:
        InputError: scores that are no independent values in [0, 1], thresholds that are not increasing in (0, 1], a
            confidence outside (0, 1).

    >>> law = expected_law([0.96, 0.95, 0.97, 0.94, 0.95, 0.96], [0.9], draws=100, step=1 / 4, parts=100)
    >>> law.reached, round(law.lower(1.0), 3)
    ((99,), 0.718)
    """
    x, levels, n = independent_values(selection), _increasing(thresholds), whole(draws, "draws", least=1)
    counts, each = _expected(x, np.asarray(levels), n, step, parts), shared_confidence(confidence, len(levels))
    low, high = _limits(counts, n, each), 1 - _limits(n - counts, n, each)
    reached = tuple(int(count) for count in counts)
    return ScoreLaw(levels, reached, n, confidence, tuple(low.tolist()), tuple(high.tolist()))


def _expected(scores: Array, levels: Array, draws: int, step: float, parts: int) -> Array:
    """How many of so many further draws can be expected to reach each level."""
    seen = (scores >= levels[:, None]).sum(1) / (scores.size + 1)
    return draws * np.maximum(seen, _predicted(scores, levels, step, parts))


def _limits(counts: Array, draws: int, confidence: float) -> Array:
    """Clopper and Pearson's lower limits, also at counts that are not whole."""
    from scipy.special import betaincinv

    found = betaincinv(np.maximum(counts, 1e-12), draws - counts + 1, error_of(confidence))
    return np.where(counts > 0, found, 0.0)


def _chosen_finely(
    levels: Array, counts: Array, draws: int, ratio: float, most: int, confidence: float
) -> tuple[float, ...]:
    """One by one while the bound at the expected counts grows: a threshold τ between neighbours τ_b < τ < τ_a adds
    (τ − τ_b)(g(p) − g(p_a))."""
    chosen: list[int] = []
    reached = -math.inf
    while len(chosen) < min(most, levels.size):
        kept = gaussian_shift.lower(_limits(counts, draws, shared_confidence(confidence, len(chosen) + 1)), ratio)
        between = np.searchsorted(chosen, np.arange(levels.size))
        below, above = np.append(0.0, levels[chosen]), np.append(kept[chosen], 0.0)
        bounds = np.diff(below) @ kept[chosen] + (levels - below[between]) * (kept - above[between])
        best = int(bounds.argmax())
        if chosen and bounds[best] <= reached:
            break
        chosen, reached = sorted({*chosen, best}), float(bounds[best])
    return tuple(levels[chosen].tolist())


def _predicted(scores: Array, level: ArrayLike, step: float, parts: int) -> Array:
    """How likely the next draw is to reach ``level``, scores being multiples of ``step / parts``: Student's predictive
    law. Scores that are all alike show no spread: then it is taken to be that of an example."""
    from scipy.special import stdtr

    seen, least = float(scores.std(ddof=1)) if scores.size > 1 else 0.0, step / parts / 2
    spread = max(seen, least) if seen > 1e-12 else step / 2
    z = (scores.mean() - np.asarray(level) + least) / (spread * math.sqrt(1 + 1 / scores.size))
    return stdtr(max(scores.size - 1, 1), z)


def _increasing(thresholds: Sequence[float]) -> tuple[float, ...]:
    levels = tuple(float(level) for level in thresholds)
    if not levels or not all(a < b for a, b in zip((0.0, *levels), (*levels, math.inf), strict=True)) or levels[-1] > 1:
        raise InputError(f"thresholds {list(levels)}", found="not increasing in (0, 1]", advice="such as 0.7, 0.75")
    return levels
