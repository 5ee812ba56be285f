"""Whether a score can be told from chance.

A basin is a basin of something: a capability whose score at the unmoved model might be luck has none.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from corrie.errors import InputError
from corrie.stats.arguments import error_of, independent_values
from corrie.stats.kl import divergence


def above_chance(scores: ArrayLike, chance: float, confidence: float = 0.95) -> bool:
    """Whether the mean of independent scores in [0, 1] lies above chance, at one-sided ``confidence``.

    Scores of 0 and 1: the exact binomial test, P(Bin(m, c) ≥ successes) ≤ 1 − confidence. Others: Hoeffding's
    P(mean ≥ x) ≤ exp(−m kl(x‖c)) for x > c, with kl(x‖c) = x ln(x/c) + (1−x) ln((1−x)/(1−c)) (Hoeffding 1963, theorem
    1). Where chance is 0, any success at all settles it.

    Args:
        scores: one for each example, shape (m,), none missing.
        chance: c, in [0, 1).

    Raises:
        InputError: no score, scores outside [0, 1], a chance or confidence that is not valid.

    >>> above_chance([1] * 40 + [0] * 60, chance=0.25), above_chance([1] * 28 + [0] * 72, chance=0.25)
    (True, False)
    """
    from scipy.special import bdtrc

    x = independent_values(scores)
    if not 0 <= chance < 1:
        raise InputError(f"chance {chance}", found="no number in [0, 1)", advice="0, or 1/k for k-way choice")
    mean, error = float(x.mean()), error_of(confidence)
    if mean <= chance:
        return False
    if chance == 0:
        return True
    if np.isin(x, (0.0, 1.0)).all():
        return float(bdtrc(x.sum() - 1, x.size, chance)) <= error
    return math.exp(-x.size * divergence(mean, chance)) <= error


def examples_to_see(score: float, chance: float, confidence: float = 0.95, power: float = 0.9) -> int | None:
    """How many examples of 0 and 1 show, with this power, that a true score lies above chance (:func:`above_chance`).

    By the normal limit of both binomials,

        m = ((z_confidence (c (1−c))^½ + z_power (x (1−x))^½) / (x − c))².

    Args:
        score: x, what the score is taken to be.
        chance: c.
        confidence: of the test, one-sided.
        power: the probability that it rejects.

    Returns:
        None where the score is not above chance: no number of examples shows what is not there.

    >>> examples_to_see(0.17, 0.1), examples_to_see(0.24, 0.25)
    (194, None)
    """
    from scipy.special import ndtri

    if not score > chance:
        return None
    spread = ndtri(1 - error_of(confidence)) * math.sqrt(chance * (1 - chance))
    spread += ndtri(1 - error_of(power)) * math.sqrt(score * (1 - score))
    return math.ceil((spread / (score - chance)) ** 2)
