"""How many draws a claim needs, before any is made.

"At least a fraction f of all draws is good, with confidence 1 − a": if n draws have at most k failures, Clopper–Pearson
supports it when n bad-or-good draws at fraction f would show so few failures with probability at most a,

    P(Bin(n, 1−f) ≤ k) ≤ a,        for k = 0:  f^n ≤ a,  n ≥ ln a / ln f.

n and k are fixed beforehand: allowing one failure more after seeing the first is another, larger plan.

=================  =========  ========  ========
zero failures      a = 0.001  a = 0.01  a = 0.05
=================  =========  ========  ========
f = 99.9 %              6905      4603      2995
f = 99 %                 688       459       299
f = 90 %                  66        44        29
=================  =========  ========  ========
"""

from __future__ import annotations

import math

from corrie.errors import InputError
from corrie.stats.arguments import error_of, share, whole
from corrie.stats.bisection import first_count

_SLACK = 1 + 1e-9
"""1 − confidence is not exact in binary: a plan that meets its error to nine digits meets it."""


def supports(draws: int, failures: int, fraction: float, confidence: float) -> bool:
    """Whether so many draws with so many failures support "at least ``fraction`` is good" with ``confidence``.

    Raises:
        InputError: counts that are no counts, a fraction or confidence outside (0, 1).

    >>> supports(6905, 0, 0.999, 0.999), supports(6904, 0, 0.999, 0.999)
    (True, False)
    """
    from scipy.special import bdtr

    n, k = whole(draws, "draws"), whole(failures, "failures")
    bad, error = 1 - _inner(fraction), error_of(confidence)
    return k < n and bool(bdtr(k, n, bad) <= error * _SLACK)


def draws_for_fraction(fraction: float, confidence: float, failures: int = 0) -> int:
    """The smallest number of draws that supports the claim when at most ``failures`` of them fail.

    Args:
        fraction: of all draws that is claimed to be good, in (0, 1).
        confidence: 1 − a, in (0, 1).
        failures: how many of the draws may fail.

    Raises:
        InputError: a fraction or confidence outside (0, 1), failures that are no count.

    >>> draws_for_fraction(0.999, 0.999), draws_for_fraction(0.999, 0.999, failures=1)
    (6905, 9230)
    """
    k = whole(failures, "failures")
    return first_count(lambda n: supports(n, k, fraction, confidence), least=k + 1)


def failures_allowed(draws: int, fraction: float, confidence: float) -> int | None:
    """The most failures that so many draws may have for the claim; None if even none of them is too many.

    >>> failures_allowed(9230, 0.999, 0.999), failures_allowed(100, 0.999, 0.999) is None
    (1, True)
    """
    n = whole(draws, "draws", least=1)
    if not supports(n, 0, fraction, confidence):
        return None
    return first_count(lambda k: not supports(n, k + 1, fraction, confidence), least=0)


def draws_for_mean(gap: float, confidence: float = 0.95, spread: float = 0.5) -> int:
    """About how many draws put a lower limit of a mean within ``gap`` below it.

    Args:
        gap: in (0, 1).
        spread: the standard deviation of a draw, at most 0.5 for values in [0, 1].

    The number for which Bernstein's inequality, √(2 v ln(1/a)/n) + ln(1/a)/(3n) ≤ gap, holds. A guide for planning, no
    guarantee: the limits of :mod:`corrie.stats.betting` come near it without knowing the spread.

    >>> draws_for_mean(0.01, 0.99, spread=0.03)
    316
    """
    nats = -math.log(error_of(confidence))
    if not (0 < gap < 1 and 0 <= spread <= 0.5):
        raise InputError(f"gap {gap}, spread {spread}", found="no such plan", advice="gap in (0, 1), spread ≤ 0.5")
    root = (math.sqrt(2 * spread**2 * nats) + math.sqrt(2 * spread**2 * nats + 4 * gap * nats / 3)) / (2 * gap)
    return math.ceil(root**2)


def _inner(fraction: float) -> float:
    if not 0 < share(fraction, "fraction") < 1:
        raise InputError(f"fraction {fraction}", found="every draw or none: no finite plan", advice="0.99, say")
    return fraction
