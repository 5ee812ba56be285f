"""The least a score can be under Q when its mean under P is known: a knapsack.

Idea
----
P and Q are two laws on finitely many outcomes z, the smoothing noise at θ and at θ'. Of all scores with E_P J ≥ p,
which has the least E_Q J? Choosing J means buying P-mass at the price of Q-mass:

    minimise Σ q_z J_z    subject to    Σ p_z J_z ≥ p,

over J_z in [0, 1] (*fractional*: J may be a probability) or J_z in {0, 1} (*zero-one*: J is a deterministic answer).

Fractional: buy outcomes in order of price per mass q_z/p_z until the budget p is filled, the last one in part. This is
Neyman & Pearson's lemma. Proof: let c be the ratio at which the budget fills and J* that purchase. Then
(J_z − J*_z)(q_z − c p_z) ≥ 0 for every z and every J in [0, 1]; summing, E_Q J − E_Q J* ≥ c (E_P J − E_P J*) ≥ 0. ∎
With Gaussian noise the outcomes have no atoms and this is the tight bound Φ(Φ⁻¹(p) − r/σ).

Zero-one: at least as much, for {0, 1} lies in [0, 1]; the gap is at most the q of one outcome. Found by branch and
bound, with the fractional value of the outcomes still undecided as the bound. If the search is cut short, what is
returned is the least bound of the open branches: a valid lower bound, marked as not exact. The outcomes must be the
single ones that J sees: a sum of several (:meth:`corrie.stats.UniformKernel.outcomes`) may be bought in part, and is
for the fractional form only.

Source: Chen et al. 2025 (2501.19040) for certificates as knapsacks; Dantzig 1957; Neyman & Pearson 1933.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from corrie.errors import InputError
from corrie.stats.arguments import Array, not_negative, share, whole
from corrie.stats.rounding import nudged_down

Indices = NDArray[np.intp]

_SLACK = 1e-14
"""The budget is cut by this mass (and as much for each hundred outcomes), which can only lower the cost: sums of masses
are exact to less, and the last bit of a budget may have an enormous price."""


@dataclass(frozen=True, slots=True)
class Purchase:
    """The cheapest way to buy a mass.

    cost     E_Q J, rounded down
    taken    J_z for each outcome, in the given order (the best found, where not exact)
    exact    whether no cheaper one exists; otherwise ``cost`` is a lower bound of the least cost
    """

    cost: float
    taken: tuple[float, ...]
    exact: bool

    def __str__(self) -> str:
        return f"E_Q J {'=' if self.exact else '≥'} {self.cost:.6g}, the least for this E_P J"


def fractional(p_mass: ArrayLike, q_mass: ArrayLike, budget: float) -> Purchase:
    """The least E_Q J over J in [0, 1] with E_P J ≥ ``budget``.

    Args:
        p_mass, q_mass: the probability of each outcome under P and under Q, shape (outcomes,). They need not
            sum to 1, but what is left out has no part in J: leave out no outcome that has mass under P.
        budget: in [0, 1]; at most the sum of ``p_mass``.

    Raises:
        InputError: negative masses, shapes that do not fit, a budget that cannot be met.

    >>> print(fractional([0.5, 0.3, 0.2], [0.2, 0.3, 0.5], budget=0.65))
    E_Q J = 0.35, the least for this E_P J
    """
    p, q = _masses(p_mass, q_mass)
    need = _budget(budget, p)
    taken = np.zeros_like(p)
    for z in _by_price(p, q):
        if need <= 0:
            break
        taken[z] = min(1.0, need / p[z])
        need -= p[z]
    return Purchase(float(nudged_down(taken @ q)), tuple(taken.tolist()), exact=True)


def zero_one(p_mass: ArrayLike, q_mass: ArrayLike, budget: float, *, branches: int = 20_000) -> Purchase:
    """The least E_Q J over J in {0, 1} with E_P J ≥ ``budget``.

    Args:
        p_mass, q_mass, budget: as for :func:`fractional`.
        branches: how many branches are opened before the search is cut short.

    Raises:
        InputError: as for :func:`fractional`.

    >>> print(zero_one([0.5, 0.3, 0.2], [0.2, 0.3, 0.5], budget=0.65))
    E_Q J = 0.5, the least for this E_P J
    """
    p, q = _masses(p_mass, q_mass)
    need = _budget(budget, p)
    whole(branches, "branches", least=1)
    order = _by_price(p, q)
    p_sorted, q_sorted = p[order], q[order]
    bought, spent = np.append(0.0, np.cumsum(p_sorted)), np.append(0.0, np.cumsum(q_sorted))

    def relaxed(start: int, missing: float) -> float:
        """The fractional cost of filling ``missing`` from outcome ``start`` on; infinite if it cannot be done."""
        if missing <= 0:
            return 0.0
        end = int(np.searchsorted(bought, bought[start] + missing))
        if end >= bought.size or start == p_sorted.size:
            return np.inf
        part = min(1.0, (missing - (bought[end - 1] - bought[start])) / p_sorted[end - 1])
        return spent[end - 1] - spent[start] + part * q_sorted[end - 1]

    # best first: (bound, cost so far, next outcome, missing mass, chosen)
    queue: list[tuple[float, float, int, float, tuple[int, ...]]] = [(relaxed(0, need), 0.0, 0, need, ())]
    for _ in range(branches):
        bound, cost, start, missing, chosen = heapq.heappop(queue)
        if missing <= 0:
            return _purchase(bound, order[list(chosen)], q, exact=True)
        for take in (True, False):
            left, paid = (missing - p_sorted[start], cost + q_sorted[start]) if take else (missing, cost)
            least = paid + relaxed(start + 1, left)
            if np.isfinite(least):
                heapq.heappush(queue, (least, paid, start + 1, left, (*chosen, start) if take else chosen))
    return _purchase(queue[0][0], order[list(queue[0][4])], q, exact=False)


def _purchase(cost: float, chosen: Indices, q: Array, exact: bool) -> Purchase:
    taken = np.zeros_like(q)
    taken[chosen] = 1.0
    # bounds are differences of sums of q: they are exact to a part of the whole sum
    return Purchase(max(0.0, float(nudged_down(cost, q.sum()))), tuple(taken.tolist()), exact)


def _by_price(p: Array, q: Array) -> Indices:
    """Outcomes with mass under P, cheapest per mass first."""
    some = np.flatnonzero(p > 0)
    with np.errstate(over="ignore"):
        return some[np.argsort(q[some] / p[some], kind="stable")]


def _masses(p_mass: ArrayLike, q_mass: ArrayLike) -> tuple[Array, Array]:
    p, q = not_negative(p_mass, "masses"), not_negative(q_mass, "masses")
    if p.ndim != 1 or p.shape != q.shape or p.size == 0:
        raise InputError(f"masses of shapes {p.shape} and {q.shape}", found="no pairs", advice="one each per outcome")
    return p, q


def _budget(budget: float, p: Array) -> float:
    need = share(budget, "budget")
    if need > p.sum() * (1 + 1e-9):
        raise InputError(f"a budget of {budget}", found=f"masses of only {p.sum():.6g}", advice="all the outcomes")
    return min(need, float(p.sum())) - _SLACK * (1 + p.size / 100)
