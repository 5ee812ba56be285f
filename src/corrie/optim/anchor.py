"""Decay toward where training began, instead of toward 0."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import torch
from torch import Tensor
from torch.optim import Optimizer
from torch.utils.hooks import RemovableHandle

from corrie.errors import InputError
from corrie.optim.center import center_of
from corrie.optim.distance import distance, distinct
from corrie.optim.go import GO
from corrie.optim.moved import check_moved


class Anchor:
    """θ ← θ − η λ (θ − θ0) before each step of an optimizer, η its learning rate: AdamW's decay, toward θ0.

    It is *decoupled*: what the gradient does, and what Adam's moments hold, knows nothing of it. With θ0 = 0 it is
    AdamW's own weight decay. Plain descent rests where gradient and anchor are in balance: for a loss of Hessian H,
    least at m, that is the precision-weighted mean

        θ* = (H + λ I)⁻¹ (H m + λ θ0),

    the mode of the posterior of m with a Gaussian prior of precision λ at θ0. A Ball forbids distance beyond a radius,
    an anchor prices all of it. Tensors without a gradient stay, as in AdamW.

    Args:
        tensors: the parameters (``model.parameters()``, ``choose(model, "*proj.weight")``).
        strength: λ, as ``weight_decay`` counts it.
        center: other values of θ0, in the same order; kept, not copied. None: a copy of the tensors as they are.

    Memory: one copy of the tensors.

    Raises:
        InputError: a strength that is negative or no number; there is no tensor, or what is given is none.

    Source: L2-SP (Li, Grandvalet, Davoine 2018), decoupled as in AdamW (Loshchilov, Hutter 2019).

    >>> weight = torch.nn.Parameter(torch.zeros(1))
    >>> optimizer = torch.optim.SGD([weight], lr=0.1)
    >>> handle = Anchor([weight], strength=1.0).hold(optimizer)
    >>> for _ in range(200):  # the loss ½·3·(θ − 1)² pulls to 1 with precision 3, the anchor to 0 with precision 1
    ...     optimizer.zero_grad()
    ...     (1.5 * (weight - 1).square()).sum().backward()
    ...     optimizer.step()
    >>> round(weight.item(), 4)
    0.75
    """

    def __init__(self, tensors: Iterable[Tensor], strength: float, center: Sequence[Tensor] | None = None) -> None:
        if not isinstance(strength, int | float) or not 0 <= strength < math.inf:
            raise InputError(f"Anchor(strength={strength!r})", found="it is no strength of a decay", advice="0.1")
        given = tuple(tensors) if isinstance(tensors, Iterable) else tensors
        self.tensors = distinct(given, "Anchor(tensors=…)")
        self.strength = float(strength)
        self.center = center_of(given, self.tensors, center, "anchor")
        self._of = dict(zip(self.tensors, self.center, strict=True))

    def distance(self) -> float:
        """‖θ − θ0‖₂ now."""
        return distance(self.tensors, self.center)

    def hold(self, optimizer: Optimizer) -> RemovableHandle:
        """Decay at every step of ``optimizer`` (a GO too, then at θ), until the returned handle's ``remove()``.

        In a Trainer: ``anchor.hold(trainer.create_optimizer())``.

        Raises:
            InputError: the optimizer moves none of the tensors, or decays one of them toward 0 by itself.
        """
        asked = "Anchor.hold(optimizer)"
        check_moved(self._of, optimizer, asked, "anchor")
        for group in optimizer.param_groups:
            if group.get("weight_decay") and not self._of.keys().isdisjoint(group["params"]):
                raise InputError(
                    asked,
                    found=f"its weight_decay={group['weight_decay']:g} pulls the same tensors to 0",
                    advice="weight_decay=0",
                )
        base = optimizer.base if isinstance(optimizer, GO) else optimizer
        return base.register_step_pre_hook(lambda moving, *_: self._decay(moving))

    @torch.no_grad()
    def _decay(self, optimizer: Optimizer) -> None:
        for group in optimizer.param_groups:
            share = float(group["lr"]) * self.strength
            for parameter in group["params"]:
                center = self._of.get(parameter)
                if center is not None and parameter.grad is not None:
                    parameter.add_(center.to(parameter.device, parameter.dtype) - parameter, alpha=share)
