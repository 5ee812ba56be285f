"""How far a score can fall when Gaussian noise is shifted: the arithmetic of randomized smoothing.

Idea
----
J: R^d → [0, 1] any score (measurable, nothing else), J̄_σ(θ) = E J(θ + ε), ε ~ N(0, σ²I). For every θ' at distance
‖θ' − θ‖₂ = r, with ρ = r/σ, p = J̄_σ(θ) and Φ the normal distribution function,

    Φ(Φ⁻¹(p) − ρ)  ≤  J̄_σ(θ')  ≤  Φ(Φ⁻¹(p) + ρ).                                                           (tight)

Proof. By Neyman & Pearson's lemma, of all J with E_P J = p under P = N(θ, σ²I) the one with the least mean under
Q = N(θ', σ²I) takes the points where dQ/dP is small. dQ/dP = exp(⟨x − θ, θ' − θ⟩/σ² − ρ²/2) grows along θ' − θ, so it
is the half-space {⟨x − θ, θ' − θ⟩ ≤ σ r Φ⁻¹(p)}. Its mean under Q, where that projection is N(r², σ² r²), is
Φ(Φ⁻¹(p) − ρ). The upper side is the same for 1 − J. ∎  A half-space attains it. The stronger a score, the less it can
lose: g(p) = Φ(Φ⁻¹(p) − ρ) has g(0) = 0, g(1) = 1 and is convex, for g'(p) = exp(ρz − ρ²/2) grows with z = Φ⁻¹(p).

    |J̄_σ(θ') − J̄_σ(θ)|  ≤  2Φ(ρ/2) − 1  ≤  ρ/√(2π).                                                   (Lipschitz)

Proof. The left side is at most the total variation distance of P and Q, which the half-space midway between θ and θ'
shows to be 2Φ(ρ/2) − 1; its slope is at most 1/√(2π). ∎  It is what remains of the tight bound where p is worst.

The norm may be weighted. For noise with its own σ_i on each group of weights, the change of variables θ_i/σ_i makes it
isotropic with σ = 1, so everything holds with ρ = √(Σ_i ‖θ'_i − θ_i‖²/σ_i²) (:func:`noise_distance`). And all of it may
happen in a fixed subspace: if noise and change both lie in S, restrict J to θ + S.

*The exchange law.* The upper side limits what the same smoothed model can learn: a skill can rise from p to q only with
ρ ≥ Φ⁻¹(q) − Φ⁻¹(p) (:func:`ratio_between`), and at that ρ a protected score falls at most to :func:`lower`.

Everything here speaks about the *smoothed* model, not about the point θ'. Results are rounded to the safe side
(:mod:`corrie.stats.rounding`).

Sources: Cohen, Rosenfeld & Kolter 2019 (1902.02918); Salman et al. 2019 (1906.04584).
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from corrie.errors import InputError
from corrie.stats.arguments import Array, not_negative, positive, share, shares
from corrie.stats.rounding import nudged_down, nudged_up


def lower(score: ArrayLike, ratio: ArrayLike) -> Array:
    """The least smoothed score at distance r, Φ(Φ⁻¹(score) − r/σ).

    Args:
        score: J̄_σ(θ), or a lower limit of it, in [0, 1].
        ratio: r/σ ≥ 0; broadcasts against ``score``.

    Raises:
        InputError: a score outside [0, 1], a negative ratio.

    >>> round(float(lower(0.999, 1.65)), 3)
    0.925
    """
    from scipy.special import ndtr, ndtri

    p, ratio = shares(score, "score"), not_negative(ratio, "ratio r/σ")
    with np.errstate(invalid="ignore"):
        shifted = _nudged(ndtri(p), -ratio, -1)
    # a score of 1 is 1 almost surely, which no shift can change; infinity lets everything else fall to 0
    bound = np.where(p == 1, 1.0, ndtr(np.where(np.isnan(shifted), -np.inf, shifted)))
    return nudged_down(np.minimum(bound, p))


def upper(score: ArrayLike, ratio: ArrayLike) -> Array:
    """The greatest smoothed score at distance r, Φ(Φ⁻¹(score) + r/σ).

    Args:
        score: J̄_σ(θ), or an upper limit of it, in [0, 1].
        ratio: r/σ ≥ 0; broadcasts against ``score``.

    Raises:
        InputError: a score outside [0, 1], a negative ratio.

    >>> round(float(upper(0.05, 1.65)), 2)
    0.5
    """
    from scipy.special import ndtr, ndtri

    p, ratio = shares(score, "score"), not_negative(ratio, "ratio r/σ")
    with np.errstate(invalid="ignore"):
        shifted = _nudged(ndtri(p), ratio, +1)
    bound = np.where(p == 0, 0.0, ndtr(np.where(np.isnan(shifted), np.inf, shifted)))
    return np.minimum(1.0, nudged_up(np.maximum(bound, p)))


def lipschitz(ratio: ArrayLike) -> Array:
    """The most a smoothed score can change over distance r, whatever it is: 2Φ(r/2σ) − 1.

    >>> round(float(lipschitz(1.0)), 4)
    0.3829
    """
    from scipy.special import erf

    return np.minimum(1.0, nudged_up(erf(not_negative(ratio, "ratio r/σ") / math.sqrt(8))))


def ratio_between(low: float, high: float) -> float:
    """The least r/σ over which a smoothed score can move between ``low`` and ``high``: Φ⁻¹(high) − Φ⁻¹(low).

    Read downwards it is how far a score of ``high`` is sure to stay above ``low``; read upwards, how far one must go
    to teach a skill. Rounded down. Infinite if ``high`` is 1 or ``low`` is 0, and 0 if they are equal.

    Raises:
        InputError: shares outside [0, 1], or low > high.

    >>> round(ratio_between(0.05, 0.95), 2)
    3.29
    """
    from scipy.special import ndtri

    a, b = share(low, "score"), share(high, "score")
    if a > b:
        raise InputError(f"the distance from {low} up to {high}", found="the range is reversed", advice="low ≤ high")
    if a == b:
        return 0.0
    za, zb = float(ndtri(a)), float(ndtri(b))
    return max(0.0, float(nudged_down(zb - za, abs(za) + abs(zb))))


def certified_radius(score: float, floor: float, sigma: float) -> float | None:
    """The largest distance r at which the smoothed score is sure to be ``floor`` or more: σ (Φ⁻¹(score) − Φ⁻¹(floor)).

    Args:
        score: a lower limit of J̄_σ(θ), in [0, 1].
        floor: what is to be kept, in [0, 1].
        sigma: σ > 0.

    Returns:
        r, rounded down; infinite for a floor of 0 or a score of 1; None if the score is below the floor already.

    Raises:
        InputError: shares outside [0, 1], σ ≤ 0.

    >>> round(certified_radius(0.999, 0.5, sigma=0.25), 6), certified_radius(0.4, 0.5, sigma=0.25) is None
    (0.772558, True)
    """
    s = float(positive(sigma, "sigma"))
    if share(score, "score") < share(floor, "floor"):
        return None
    if floor == 0 or score == 1:
        return math.inf
    return float(nudged_down(s * ratio_between(floor, score)))


def noise_distance(distances: ArrayLike, sigmas: ArrayLike) -> float:
    """r/σ for noise with a σ of its own on each group of weights: √(Σ (distance_i / σ_i)²), rounded up.

    Args:
        distances: the L2 distance that each group moves, shape (groups,).
        sigmas: each group's σ > 0, shape (groups,) or one for all.

    Raises:
        InputError: a negative distance, a σ that is not positive, shapes that do not fit.

    >>> round(noise_distance([3.0, 4.0], [1.0, 1.0]), 6), round(noise_distance([3.0, 4.0], [1.0, 2.0]), 6)
    (5.0, 3.605551)
    """
    moved, noise = not_negative(distances, "distances"), positive(sigmas, "sigma")
    try:
        ratios = moved / noise
    except ValueError:
        raise InputError(f"{moved.size} distances", found=f"{noise.size} σ", advice="one for each group") from None
    return float(nudged_up(math.hypot(*ratios.ravel().tolist())))


def _nudged(z: Array, shift: Array, way: int) -> Array:
    """z + shift, four units in the last place of its terms the safe way: far out, Φ is steep in it."""
    size = np.abs(z) + np.abs(shift)
    return z + shift + way * np.where(np.isfinite(size), 2.0**-50 * size, 0.0)
