"""The worst direction at a distance: climb a loss on the sphere ‖δ‖ = r around the model.

Idea
----
The worst-case landscape is the curve along the δ that raises the loss most at a given distance,

    max L(θ0 + δ)  over  ‖δ‖₂ = r.

Projected gradient ascent with normalised steps, δ ← r·(δ + ηr ĝ)/‖δ + ηr ĝ‖ with ĝ = ∇L(θ0 + δ)/‖∇L(θ0 + δ)‖: on a
quadratic it is a power iteration on I + c·H, so it goes to the top of the Hessian; in general it stops where δ and ∇L
are parallel. η is halved whenever a step lowered the loss. It starts at the gradient of the unmoved model (the
*one-step* direction) and, for restarts, at random points of the sphere; the highest point on the way of any of them
wins. What is found is a lower bound of the true worst case.

The direction is returned with norm √d, so that along it α is the σ of the random noise that is as long: one axis for
worst-case and most-case curves. Its record is made by saving it (:func:`corrie.weights.saved.save_direction`).

Memory: the model, a pristine copy, gradients, and one direction. So the highest point is not kept but climbed to again
where it is not the last one; the start at the gradient, which usually wins, is climbed last.

Source: theory.md section 2; Madry et al. 2018 (1706.06083) for the projected ascent, there in input space.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from corrie.errors import InputError
from corrie.weights.gradients import Gradients, LossAndGrad, gradients
from corrie.weights.noise import gaussian_noise
from corrie.weights.perturbed import Moving, moving
from corrie.weights.selection import Selection, squared_norm

_GRADIENT = -1
"""The start at the unmoved model's gradient, among seeds."""


@dataclass(frozen=True, slots=True)
class Climb:
    """One start's way up.

    start   ``gradient``, or ``random`` and its seed
    losses  at the start (already at the distance) and after every step
    """

    start: str
    losses: tuple[float, ...]

    def __str__(self) -> str:
        return f"{self.start}: {self.losses[0]:.4g} → {max(self.losses):.4g} in {len(self.losses) - 1} steps"


@dataclass(frozen=True, eq=False)
class WorstCase:
    """The direction that was found.

    tensors    name → δ's part, float32, ‖δ‖ = √d
    distance   r, the L2 distance it was searched at
    alpha      r/√d: the step along δ that goes this far, and the σ of the random noise that does
    before     the loss of the unmoved model
    loss       the loss at the distance
    climbs     every start, in the order in which they were climbed
    """

    tensors: Mapping[str, Tensor]
    distance: float
    alpha: float
    before: float
    loss: float
    climbs: tuple[Climb, ...]

    def __str__(self) -> str:
        starts = f"{len(self.climbs)} start{'s' * (len(self.climbs) != 1)}"
        return (
            f"Worst of {starts} at L2 distance {self.distance:.4g} (α = {self.alpha:.3g}): "
            f"loss {self.before:.4g} → {self.loss:.4g}"
        )


def worst_case(
    selection: Selection,
    loss_and_grad: LossAndGrad,
    distance: float,
    *,
    steps: int = 20,
    restarts: int = 0,
    step: float = 0.5,
    seed: int = 0,
) -> WorstCase:
    """The direction of norm √d along which the loss is highest at an L2 distance, as far as climbing finds it.

    Args:
        selection: the tensors that move.
        loss_and_grad: the loss at the present weights, adding its gradient (:mod:`corrie.weights.gradients`).
        distance: r > 0.
        steps: of each climb; 0 gives the one-step gradient (or random) direction itself.
        restarts: further starts, at random points of the sphere.
        step: η, the first steps' length as a share of r.
        seed: of the first random start.

    Raises:
        InputError: a distance, step or number that is not valid; a loss that is not a number.
        RestoreError: the weights could not be put back bit for bit.

    >>> from torch import nn
    >>> from corrie.weights.selection import select
    >>> layer = nn.Linear(2, 1, bias=False)
    >>> def loss_and_grad() -> float:
    ...     value = (layer.weight @ torch.tensor([3.0, 4.0])).sum()
    ...     value.backward()
    ...     return value.item()
    >>> found = worst_case(select(layer), loss_and_grad, 1.0)
    >>> (found.tensors["weight"] / math.sqrt(2)).round(decimals=4), round(found.loss - found.before, 4)
    (tensor([[0.6000, 0.8000]]), 5.0)
    """
    if not (math.isfinite(distance) and distance > 0):
        raise InputError(f"distance {distance:g}", found="not a length", advice="a positive L2 distance")
    if steps < 0 or restarts < 0 or not 0 < step <= 1:
        raise InputError(
            f"{steps} steps, {restarts} restarts, step {step:g}",
            found="a number that is not valid",
            advice="20, 0, 0.5",
        )
    with moving(selection) as weights, gradients(selection, loss_and_grad) as slope:
        before = slope.add()
        delta = {n: torch.empty_like(t, dtype=torch.float32) for n, t in weights.pristine.items()}
        climbing = _Climbing(weights, slope, delta, distance, step)
        seeds = [*range(seed, seed + restarts), _GRADIENT]
        if slope.norm() == 0.0:
            seeds[-1] = seed + restarts
        climbs = [climbing.run(start, steps) for start in seeds]
        loss = climbs[-1].losses[-1]
        highest = max(range(len(climbs)), key=lambda i: max(climbs[i].losses))
        if max(climbs[highest].losses) > loss:
            ways = climbs[highest].losses
            loss = climbing.run(seeds[highest], ways.index(max(ways))).losses[-1]
    dimension = sum(t.numel() for t in delta.values())
    _scale(delta, math.sqrt(dimension))
    return WorstCase(
        tensors=delta,
        distance=distance,
        alpha=distance / math.sqrt(dimension),
        before=before,
        loss=loss,
        climbs=tuple(climbs),
    )


class _Climbing:
    """The buffers of a search, used again for every start."""

    def __init__(
        self, weights: Moving, slope: Gradients, delta: dict[str, Tensor], distance: float, step: float
    ) -> None:
        self._weights, self._slope, self._delta = weights, slope, delta
        self._distance, self._step = distance, step

    def run(self, start: int, steps: int) -> Climb:
        """From a start so many steps up; δ is left in the buffer with norm r."""
        self._begin(start)
        losses = [self._look()]
        share = self._step
        for _ in range(steps):
            norm = self._slope.norm()
            if norm == 0.0:
                break
            for name, gradient in self._slope:
                self._delta[name].add_(gradient, alpha=share * self._distance / norm)
            _scale(self._delta, self._distance)
            losses.append(self._look())
            if losses[-1] < losses[-2]:
                share /= 2
        return Climb(start="gradient" if start == _GRADIENT else f"random {start}", losses=tuple(losses))

    def _begin(self, start: int) -> None:
        if start == _GRADIENT:
            self._weights.home()
            self._slope.clear()
            self._slope.add()
            for delta in self._delta.values():
                delta.zero_()
            for name, gradient in self._slope:
                self._delta[name].copy_(gradient)
        else:
            for name, delta in self._delta.items():
                delta.copy_(torch.from_numpy(gaussian_noise(start, name, delta.numel())).reshape(delta.shape))
        _scale(self._delta, self._distance)

    def _look(self) -> float:
        """The loss at θ0 + δ; its gradient is left in ``grad``."""
        self._weights.by(self._delta)
        self._slope.clear()
        return self._slope.add()


def _scale(tensors: Mapping[str, Tensor], norm: float) -> None:
    """Give δ this norm."""
    scale_to(list(tensors.values()), norm)


def scale_to(tensors: Sequence[Tensor], norm: float) -> None:
    """Multiply tensors, in place, so that together they have this L2 norm."""
    present = math.sqrt(sum(squared_norm(t) for t in tensors))
    for tensor in tensors:
        tensor.mul_(norm / present)
