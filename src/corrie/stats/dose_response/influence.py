"""How far a radius would move if other directions or other examples had been drawn: the infinitesimal jackknife.

In a posterior with power p, giving outcome r a little more weight moves the mean of ψ = log radius by p Cov(ψ, ℓ_r) per
unit of weight, ℓ_r its log-likelihood. So with I_r = p [Cov(ψ, ℓ_r) − its expectation under the fitted curve],

    Var ψ̂ ≈ Σ_directions (Σ I)² + Σ_examples (Σ I)² − Σ I²,

both clusterings, whatever their cause: the factor (n/(n−4))^½ pays for the fitted parameters, Student's quantile for
few directions. Where this exceeds the posterior's own variance, the interval is stretched about its median.

On a sharp cliff one or two directions decide, and the fit follows their luck without a residual. So directions are
taken to leave at distances that scatter by at least τ0 = 0.06 in log σ, which adds τ0²/n', n' the number of directions
that decide: (Σ g)²/Σ g² with g_i = Σ P(1−P) (dI)², what the outcomes of direction i are expected to move.

Source: Giordano & Broderick 2023, *The Bayesian infinitesimal jackknife for variance*; Cameron, Gelbach & Miller 2011.
"""

from __future__ import annotations

import math

import numpy as np
from scipy.special import ndtri, stdtrit

from corrie.stats.arguments import Array
from corrie.stats.dose_response.blocks import ScoredBlocks
from corrie.stats.dose_response.dispersion import two_way

LEAST_SCATTER = 0.06


def stretch(blocks: ScoredBlocks, power: float, p: Array, log_radius: Array, error: float) -> float:
    """The factor ≥ 1 by which an interval with ``error`` on each side is stretched.

    Args:
        blocks: what was scored.
        power: of the posterior.
        p: P(right) at the blocks' places under each curve, (curves, places, 2).
        log_radius: of each curve.
        error: on each side.
    """
    centred = log_radius - log_radius.mean()
    variance = float((centred**2).mean())
    clusters = blocks.directions
    freedom = max(clusters - 4, 2)
    tails = float(stdtrit(freedom, 1 - error) / ndtri(1 - error))
    if variance < 1e-12:
        return tails
    wins, loses = (np.einsum("n,nkb->kb", centred, part) / centred.size for part in (np.log(p), np.log1p(-p)))
    mean = p.mean(0)
    expected = mean * wins + (1 - mean) * loses
    won, lost = blocks.by_stratum(wins), blocks.by_stratum(loses)
    seen = np.einsum("nbo,nbo->n", blocks.parts, np.stack((loses, wins), -1)[blocks.place])
    moved = power * (seen - blocks.by_stratum(expected))
    jackknife = two_way(moved, blocks.direction, blocks.example) * clusters / freedom
    p_at = blocks.by_stratum(mean)
    expected_move = p_at * (1 - p_at) * (won - lost) ** 2
    deciding = np.bincount(np.unique(blocks.direction, return_inverse=True)[1], expected_move)
    scatter = LEAST_SCATTER**2 * float((deciding**2).sum() / max(deciding.sum(), 1e-300) ** 2)
    return tails * math.sqrt(max(1.0, jackknife / variance) + scatter / variance)
