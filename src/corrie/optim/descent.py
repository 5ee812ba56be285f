"""Gradient descent that spends as little distance as it can."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer

from corrie.errors import InputError, PrecisionWarning
from corrie.optim.ball import project
from corrie.optim.distance import length_of_all
from corrie.records.rules import check_radius


class BallDescent(Optimizer):
    r"""Plain or normalised gradient descent inside a ball around where it began.

    A certificate speaks about a distance r, so a fine-tune under one should learn as much as possible per unit of L2.
    For that the gradient's own direction is the best there is, locally:

    .. math:: θ ← Π_r(θ − η\, g/‖g‖_2) \quad\text{(normalised)}, \qquad θ ← Π_r(θ − η\, g) \quad\text{(plain)},

    with g the gradient over *all* parameters of the optimizer and Π_r the projection to {‖θ − θ0‖₂ ≤ r}
    (:class:`~corrie.optim.Ball`). Normalised, η is the L2 length of each step, the same for every loss scale. Adam, in
    comparison, moves every coordinate by about η, hence η√d, wherever its gradient points.

    No momentum: it prolongs the path. Groups may have their own ``lr``; the ball is one over all groups.

    Args:
        params: as of any torch optimizer.
        lr: η; with ``normalised`` in units of distance.
        radius: r, L2; None for no ball (then no copy of θ0 is kept).
        normalised: divide by the gradient's norm (a gradient of 0 moves nothing).

    θ0 is where the parameters are at the first step; it is part of the state dict, so a resumed run keeps its ball.

    Raises:
        InputError: the step or the radius is negative or no number, a group wants another radius than the first (the
            ball is one over all groups), or a gradient is sparse.

    Source: ``theory.md`` section 6 of this project (the distance a fine-tune needs depends on the optimizer).

    >>> weight = torch.nn.Parameter(torch.zeros(2))
    >>> descent = BallDescent([weight], lr=0.5, radius=2.0)
    >>> for _ in range(10):
    ...     descent.zero_grad()
    ...     (weight - torch.tensor([30.0, 40.0])).norm().backward()
    ...     descent.step()
    >>> [round(x, 3) for x in weight.tolist()]         # the point of the ball nearest to (30, 40)
    [1.2, 1.6]
    """

    _checked_precision = False

    def __init__(
        self, params: Iterable[Any], lr: float = 0.01, *, radius: float | None = None, normalised: bool = True
    ) -> None:
        if not (math.isfinite(lr) and lr >= 0):
            raise InputError(f"lr {lr}", found="it is no step size", advice="lr=0.01")
        if radius is not None:
            check_radius(radius)
        super().__init__(params, {"lr": lr, "radius": radius, "normalised": normalised})

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """As of any optimizer; the ball is the first group's."""
        first = self.param_groups[0]["radius"] if self.param_groups else param_group.get("radius")
        wanted = param_group.get("radius", first)
        if wanted is not None:
            check_radius(wanted)
        if wanted != first:
            raise InputError(
                f"a group of radius {wanted} beside one of {first}",
                found="the ball is one over all groups",
                advice="Ball(group, radius).hold(optimizer) for a group of its own",
            )
        super().add_param_group(param_group)

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # type: ignore[override]
        """One step, then the projection. Parameters without a gradient stay where they are."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        radius = self.param_groups[0]["radius"]
        everything = [p for group in self.param_groups for p in group["params"]]
        if radius is not None:
            for parameter in everything:
                if "start" not in self.state[parameter]:
                    self.state[parameter]["start"] = parameter.detach().clone()
        if any(p.grad is not None and p.grad.layout != torch.strided for p in everything):
            raise InputError("BallDescent.step()", found="a gradient is sparse", advice="nn.Embedding(…, sparse=False)")
        norm = length_of_all(p.grad for p in everything if p.grad is not None)
        low = [p for p in everything if p.grad is not None and p.element_size() < 4]
        before = None if self._checked_precision else [p.detach().clone() for p in low]
        for group in self.param_groups:
            rate = group["lr"] / norm if group["normalised"] and norm > 0 else group["lr"]
            for parameter in group["params"]:
                if parameter.grad is not None:
                    parameter.add_(parameter.grad, alpha=-rate)
        if before and norm > 0 and all(group["lr"] > 0 for group in self.param_groups):
            self._checked_precision = True
            self._warn_of_swallowed_step(before, low)
        if radius is not None:
            project(everything, self.centers(), radius)
        return loss

    @staticmethod
    def _warn_of_swallowed_step(before: list[Tensor], after: list[Tensor]) -> None:
        moved = sum(int((old != new).sum()) for old, new in zip(before, after, strict=True))
        elements = sum(int((new.grad != 0).sum()) for new in after if new.grad is not None)
        if moved < 0.1 * elements:
            warnings.warn(
                f"BallDescent's first step moves {moved:,} of {elements:,} low-precision weights: their precision "
                "swallows the rest. Keep the weights in float32 (autocast runs the layers in low precision), or take a "
                "larger lr.",
                PrecisionWarning,
                stacklevel=4,
            )

    def centers(self) -> list[Tensor]:
        """θ0, in the order of the parameters (empty before the first step, or without a ball)."""
        everything = [p for group in self.param_groups for p in group["params"]]
        return [self.state[p]["start"] for p in everything if "start" in self.state[p]]
