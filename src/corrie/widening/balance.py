"""The widest of the models that say the same: weights rescaled until noise on each of them costs alike.

Among the rescalings that leave the function as it is (:mod:`corrie.widening.equivalents`), find the one at which noise
of one size on every weight changes the model least, to second order, with a typical weight no larger than before:

    minimise A = Σ_i F_i / s_i²    subject to    W = Σ_i w_i² s_i² ≤ W_0,      s_i: what weight i is multiplied with

F is the :mod:`~corrie.widening.sensitivity`. Each s_i is a product of factors c_k or their inverses. With all other
factors fixed the best c has a closed form: with a₊, w₊ the sums of F and w² over the weights that it multiplies, a₋, w₋
over those that it divides, and λ ≥ 0 the multiplier of the bound,

    c⁴ = (a₊ + λ w₋) / (a₋ + λ w₊)

(Osborne's balancing of a matrix is the case λ = 0.) All factors are gone through in turn, λ rising where W is too large
and falling where it is not. Both sums are convex in log c, so there is one optimum. To second order the radius in σ
grows by √(A_0/A).

On f(x) = a·b·x this finds |a| = |b|, the flattest of all pairs with that product.

No score changes, and no step of training is made: this part of a gain is *rescaling*, and is called so.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from corrie.analysis.widening import Balance
from corrie.widening.equivalents import Rescaling

_SWEEPS = 100
_ENOUGH = 1e-4
"""A sweep that changes log A by less, with the bound kept, is the last."""

_LARGEST = 64.0
"""Of a factor: a channel that is as good as dead is not blown up without end."""


def balanced(
    rescalings: Sequence[Rescaling], weights: Mapping[str, Tensor], sensitivities: Mapping[str, Tensor]
) -> tuple[list[Tensor], Balance]:
    """The factors of every rescaling, in double precision, and what they do. No tensor is changed.

    Args:
        rescalings: of the model.
        weights: name → tensor, at least those that move.
        sensitivities: name → F of each weight that moves, of its tensor's shape.

    >>> one = torch.zeros(1, dtype=torch.long)
    >>> from corrie.widening.equivalents import Side
    >>> product = Rescaling("product", 1, (Side("a", 0, one, 1), Side("b", 0, one, -1)))
    >>> weights = {"a": torch.tensor([8.0]), "b": torch.tensor([0.5])}
    >>> slopes = {"a": torch.tensor([0.25]), "b": torch.tensor([64.0])}  # of a·b: b², a²
    >>> (factor,), found = balanced([product], weights, slopes)
    >>> [round(float(x), 3) for x in (weights["a"] * factor, weights["b"] / factor)]
    [2.0, 2.0]
    """
    a = {name: f.clone() for name, f in sensitivities.items()}
    w = {name: weights[name].detach().square() for name in a}
    a_0, w_0 = _sum(a), _sum(w)
    factors = [torch.ones(r.factors, dtype=torch.float64) for r in rescalings]
    multiplier, before = a_0 / w_0 if w_0 else 0.0, math.inf
    for _ in range(_SWEEPS if a_0 > 0 else 0):
        for rescaling, present in zip(rescalings, factors, strict=True):
            times = _best(rescaling, a, w, multiplier)
            times = (present * times).clamp(1 / _LARGEST, _LARGEST) / present
            present *= times
            for side in rescaling.sides:
                if side.tensor in a:
                    by = side.spread(times, a[side.tensor]).square().to(a[side.tensor])
                    w[side.tensor].mul_(by)
                    a[side.tensor].div_(by)
        excess = _sum(w) / w_0
        multiplier *= math.sqrt(excess)
        now = math.log(_sum(a))
        if abs(now - before) < _ENOUGH and excess < 1 + _ENOUGH:
            break
        before = now
    every = torch.cat(factors) if factors else torch.ones(1)
    return factors, Balance(
        gain=math.sqrt(a_0 / _sum(a)) if a_0 > 0 else 1.0,
        typical=math.sqrt(_sum(w) / w_0) if w_0 else 1.0,
        factors=len(every) if factors else 0,
        largest=float(torch.maximum(every, 1 / every).max()),
        kinds=tuple(dict.fromkeys(r.kind for r in rescalings)),
    )


def _best(rescaling: Rescaling, a: Mapping[str, Tensor], w: Mapping[str, Tensor], multiplier: float) -> Tensor:
    """The best factors given all others; 1 where nothing that moves depends on one."""
    sums = {(part, power): torch.zeros(rescaling.factors, dtype=torch.float64) for part in "aw" for power in (1, -1)}
    for side in rescaling.sides:
        if side.tensor in a:
            sums["a", side.power] += side.gathered(a[side.tensor], rescaling.factors)
            sums["w", side.power] += side.gathered(w[side.tensor], rescaling.factors)
    above = sums["a", 1] + multiplier * sums["w", -1]
    below = sums["a", -1] + multiplier * sums["w", 1]
    free = (above > 0) & (below > 0)
    return torch.where(free, above / torch.where(free, below, torch.ones(1, dtype=torch.float64)), 1.0) ** 0.25


def _sum(tensors: Mapping[str, Tensor]) -> float:
    return math.fsum(float(t.sum(dtype=torch.float64)) for t in tensors.values())
