"""A ball around where training began, and the projection that keeps a fine-tune inside it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.optim import Optimizer
from torch.utils.hooks import RemovableHandle

from corrie.errors import ModelError
from corrie.optim.center import center_of
from corrie.optim.distance import displacement, distance, distinct
from corrie.optim.moved import check_moved
from corrie.records.rules import check_radius

_SAFETY = 2.0**-20
"""How far inside the sphere the projection aims, so that rounding does not end outside."""


@dataclass(frozen=True, slots=True)
class Projection:
    """What a projection did.

    before, after   L2 distance to the centre
    radius          of the ball

    >>> print(Projection(before=2.0, after=1.0, radius=1.0))
    pulled back to the ball: distance 2 → 1, radius 1
    """

    before: float
    after: float
    radius: float

    @property
    def moved(self) -> bool:
        """Whether the weights were outside."""
        return self.before > self.radius

    def __str__(self) -> str:
        if not self.moved:
            return f"inside the ball: distance {self.before:.4g}, radius {self.radius:.4g}"
        return f"pulled back to the ball: distance {self.before:.4g} → {self.after:.4g}, radius {self.radius:.4g}"


class Ball:
    """{θ : ‖θ − θ0‖₂ ≤ radius} over chosen tensors, θ0 being their values now.

    The projection is the nearest point of the ball, θ0 + (radius/‖θ − θ0‖)(θ − θ0): every tensor is scaled alike. It
    stops a shade inside, so that the distance *as measured on the stored weights* is at most the radius.

    Which space the ball lies in is which tensors are given: all of a model's, those of some layers, or the B matrices
    of adapters whose A is frozen – then the radius is ‖B − B0‖_F, what a certificate of that subspace speaks about.

    Args:
        tensors: the parameters (``model.parameters()``, ``choose(model, "*lora_B*")``).
        radius: L2.
        center: other values of θ0, in the same order; kept, not copied. None: a copy of the tensors as they are.

    Memory: one copy of the tensors.

    Raises:
        InputError: the radius is negative or no number, there is no tensor, or what is given is none.

    >>> weight = torch.nn.Parameter(torch.zeros(4))
    >>> ball = Ball([weight], radius=1.0)
    >>> weight.data += 1.0
    >>> print(ball.project())
    pulled back to the ball: distance 2 → 1, radius 1
    >>> bool(ball.distance() <= 1.0), [round(x, 4) for x in weight.tolist()]
    (True, [0.5, 0.5, 0.5, 0.5])
    """

    def __init__(self, tensors: Iterable[Tensor], radius: float, center: Sequence[Tensor] | None = None) -> None:
        check_radius(radius)
        given = tuple(tensors) if isinstance(tensors, Iterable) else tensors
        self.tensors = distinct(given, "Ball(tensors=…)")
        self.radius = float(radius)
        self.center = center_of(given, self.tensors, center, "ball")

    def distance(self) -> float:
        """‖θ − θ0‖₂ now."""
        return distance(self.tensors, self.center)

    def project(self) -> Projection:
        """Pull the tensors back to the ball if they are outside.

        Raises:
            ModelError: they cannot be brought inside (not a number, or weights so coarse that rounding leads out).
        """
        return project(self.tensors, self.center, self.radius)

    def hold(self, optimizer: Optimizer) -> RemovableHandle:
        """Project after every step of ``optimizer`` (a GO too), until the returned handle's ``remove()``.

        In a Trainer: ``ball.hold(trainer.create_optimizer())``.

        Raises:
            InputError: the optimizer moves none of the tensors.

        >>> weight = torch.nn.Parameter(torch.zeros(4))
        >>> optimizer = torch.optim.SGD([weight], lr=10.0)
        >>> handle = Ball([weight], radius=1.0).hold(optimizer)
        >>> weight.sum().backward()
        >>> optimizer.step()
        >>> round(float(weight.norm()), 4)
        1.0
        """
        check_moved(self.tensors, optimizer, "Ball.hold(optimizer)", "ball")
        return optimizer.register_step_post_hook(lambda *_: self.project() and None)


@torch.no_grad()
def project(tensors: Sequence[Tensor], center: Sequence[Tensor], radius: float) -> Projection:
    """The nearest point of the ball of this radius around ``center``; see :class:`Ball`."""
    before = after = distance(tensors, center)
    if not math.isfinite(before):
        raise ModelError(
            f"projection to a ball of radius {radius:g}",
            found="the weights are not finite",
            advice="a smaller learning rate, and the last checkpoint",
        )
    slack = _SAFETY
    while after > radius:
        if slack > 0.5:
            raise ModelError(
                f"projection to a ball of radius {radius:g}",
                found=f"rounding to {tensors[0].dtype} leaves it at {after:g}",
                advice="weights in float32, or a larger radius",
            )
        scale = radius * (1.0 - slack) / after
        for here, there in zip(tensors, center, strict=True):
            base = there.to(here.device, torch.promote_types(here.dtype, torch.float32))
            here.copy_(base + scale * displacement(here, there))
        after = distance(tensors, center)
        slack *= 4.0
    return Projection(before, after, radius)
