"""What a basin's width says about new examples: PAC-Bayes for a fine-tuned model.

Idea
----
Prior N(θ0, σ²I), fixed before the n examples were seen; posterior N(θ, σ²I), any θ the examples led to. Their
divergence is KL = r²/(2σ²), r = ‖θ − θ0‖: a wide basin allows a large σ, and a large σ makes r cheap. With Ĵ the
posterior's mean score on the n independent examples and J̄ on their population, for *all* θ together with probability
1 − a,

    kl(Ĵ ‖ J̄) ≤ (KL + ln(2√n/a)) / n.

Proof (Seeger 2002, Maurer 2004). For fixed weights, E exp(n kl(Ĵ‖J)) ≤ 2√n over the examples; average over the prior,
apply Markov's inequality, then the change of measure E_post f ≤ KL + ln E_prior exp f to f = n kl, and Jensen, kl being
convex. KL of two Gaussians of equal covariance: E_post [‖x−θ0‖² − ‖x−θ‖²]/(2σ²) = r²/(2σ²). ∎

Three things it is not. It is about the *smoothed* model. σ and θ0 must not depend on the n examples; trying several σ
costs a union (``choices``). And Ĵ is itself estimated by draws: give a lower limit of it and add the errors.

:func:`lower_limit` and :func:`upper_limit` of J̄ are the two sides of the kl ball.
"""

from __future__ import annotations

import math

from corrie.stats.arguments import error_of, not_negative, share, whole
from corrie.stats.kl import lower_inverse, upper_inverse


def lower_limit(score: float, examples: int, ratio: float, confidence: float = 0.95, choices: int = 1) -> float:
    """A lower limit of the smoothed score on the population.

    Args:
        score: Ĵ, the smoothed model's mean score on the examples (or a lower limit of it).
        examples: n, independent, in no part of the prior.
        ratio: r/σ, the distance from θ0 over the noise (:func:`~corrie.stats.gaussian_shift.noise_distance`).
        choices: how many σ were open to choice.

    Raises:
        InputError: a score outside [0, 1], no examples, a negative ratio, a confidence outside (0, 1).

    >>> round(lower_limit(0.9, examples=1000, ratio=2.0), 3)
    0.855
    """
    return lower_inverse(share(score, "score"), budget(examples, ratio, confidence, choices))


def upper_limit(score: float, examples: int, ratio: float, confidence: float = 0.95, choices: int = 1) -> float:
    """An upper limit of the smoothed score on the population, from Ĵ or an upper limit of it.

    >>> round(upper_limit(0.1, examples=1000, ratio=2.0), 3)
    0.145
    """
    return upper_inverse(share(score, "score"), budget(examples, ratio, confidence, choices))


def budget(examples: int, ratio: float, confidence: float = 0.95, choices: int = 1) -> float:
    """The nats per example between Ĵ and J̄: ((r/σ)²/2 + ln(2√n · choices/a)) / n."""
    n, error = whole(examples, "examples", least=1), error_of(confidence)
    divergence = float(not_negative(ratio, "ratio r/σ")) ** 2 / 2
    return (divergence + math.log(2 * math.sqrt(n) * whole(choices, "choices", least=1) / error)) / n
