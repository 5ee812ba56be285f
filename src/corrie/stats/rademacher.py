"""How much a small step can fit by chance: the Rademacher complexity of the linearised model.

Idea
----
Near θ0 a real-valued output is f(x; θ) ≈ f(x; θ0) + ⟨g(x), θ − θ0⟩, g its gradient. Over all θ within distance r, the
best fit to n random signs s_i is on average

    R_n = E sup_{‖v‖ ≤ r} (1/n) Σ s_i ⟨g_i, v⟩ = (r/n) E ‖Σ s_i g_i‖ ≤ (r/n) √(Σ ‖g_i‖²) ≤ r G / √n,     G = max ‖g_i‖.

Proof. The supremum is attained along Σ s_i g_i; by Jensen its expected norm is at most the root of E‖Σ s_i g_i‖²,
which is Σ ‖g_i‖², as the signs are independent with mean 0. ∎

It grows with r: width is room to fit noise too. (That a *wide basin* helps is the business of
:mod:`corrie.stats.pac_bayes`.) It is about the linearised real-valued output, or a loss that is 1-Lipschitz in it, not
about the 0-1 score.

Source: Bartlett & Mendelson 2002.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from corrie.errors import InputError
from corrie.stats.arguments import error_of, not_negative
from corrie.stats.rounding import nudged_up


def complexity(distance: float, gradient_norms: ArrayLike) -> float:
    """An upper bound of R_n: (r/n) √(Σ ‖g_i‖²), at most r G/√n.

    Args:
        distance: r ≥ 0.
        gradient_norms: ‖g_i‖ of each of the n examples, shape (n,).

    Raises:
        InputError: negative numbers, no examples.

    >>> round(complexity(2.0, [3.0] * 100), 6)
    0.6
    """
    norms = not_negative(gradient_norms, "gradient norms")
    if norms.ndim != 1 or norms.size == 0:
        raise InputError("a Rademacher complexity", found="no gradient norms", advice="one for each example")
    r = float(not_negative(distance, "distance"))
    return float(nudged_up(r / norms.size * math.sqrt(float((norms**2).sum()))))


def generalisation_gap(distance: float, gradient_norms: ArrayLike, confidence: float = 0.95) -> float:
    """How far the mean over the population can exceed that over the n examples, for all θ within r together, of a loss
    in [0, 1] that is 1-Lipschitz in the linearised output: 2 R_n + 3 √(ln(2/a)/(2n)), with probability 1 − a.

    >>> round(generalisation_gap(0.1, [1.0] * 10_000), 4)
    0.0427
    """
    n = np.size(gradient_norms)
    tail = 3 * math.sqrt(math.log(2 / error_of(confidence)) / (2 * max(n, 1)))
    return float(nudged_up(2 * complexity(distance, gradient_norms) + tail))
