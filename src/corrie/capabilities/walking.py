"""Going down a task's loss inside a subspace (a fine-tune), or up it (an attack), never farther than a radius.

Idea
----
Normalised gradient steps with projection to the ball ‖x‖ ≤ r, which spend as little distance as they can,

    m ← β m + (1 − β) g,      x ← Π_r(x ∓ η_t m/‖m‖),      η_t = η (1 − t/T),

with g the gradient with respect to the coordinates at x + ε: ε = 0 for the point model, or a fresh pair ±ε ~ N(0, σ²I)
a step (antithetic) for the *smoothed* one, whose mean gradient is that of the smoothed loss (``docs/theory.md``).
No weight is written: the coordinates enter through the batch (:mod:`corrie.subspaces.row_space`), and what lies below
the first layer that changes is computed once a batch (:mod:`corrie.weights.equal_rows`).
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from corrie.capabilities.loss_gradient import TaskLoss
from corrie.errors import InputError
from corrie.records.subspace import SubspaceNoise
from corrie.subspaces.row_space import LowRankSpace
from corrie.subspaces.space import Coords, draw_noise, length, rounded
from corrie.weights.equal_rows import trunk_kept

MOMENTUM = 0.8
"""β."""


@dataclass(frozen=True, eq=False)
class Walk:
    """Where a walk ended.

    coordinates  x, on the lattice if one was given
    distance     ‖x‖₂
    losses       of the batches on the way, nats per token, at the places where gradients were taken
    uphill       an attack
    """

    coordinates: Mapping[str, Tensor]
    distance: float
    losses: tuple[float, ...]
    uphill: bool

    def __str__(self) -> str:
        few = max(1, len(self.losses) // 5)
        begin, end = (sum(part) / few for part in (self.losses[:few], self.losses[-few:]))
        what = "Up" if self.uphill else "Down"
        return f"{what} to distance {self.distance:.4g} in {len(self.losses)} passes: loss {begin:.4g} → {end:.4g}"


def walk(
    space: LowRankSpace,
    loss: TaskLoss,
    *,
    radius: float,
    steps: int,
    rate: float,
    sigma: float = 0.0,
    lattice: int | None = None,
    uphill: bool = False,
    start: Coords | None = None,
    seed: int = 0,
) -> Walk:
    """Walk down (or up) a loss within a ball of the subspace.

    Args:
        space: of the loss's own model.
        loss: batches are taken in a shuffled order, each in turn.
        radius: r; with a lattice the end is rounded to it and still inside.
        steps: T.
        rate: η, the length of the first step.
        sigma: σ of the noise at which gradients are taken; 0 for the point model.
        lattice: e of the certificate's lattice.
        uphill: raise the loss.
        start: where to begin; x = 0 unless told otherwise.
        seed: of noise and order.

    Raises:
        InputError: a radius, rate or number of steps that is not valid.

    >>> from corrie.testing.toy_models import toy_model
    >>> from corrie.testing.toy_tasks import toy_choice
    >>> from corrie.subspaces.row_space import random_rows
    >>> model = toy_model()
    >>> found = walk(random_rows(model.module, "all", 1), TaskLoss(model, toy_choice(model), 10), radius=0.5, steps=8,
    ...              rate=0.1)
    >>> found.losses[-1] < found.losses[0], found.distance <= 0.5
    (True, True)
    """
    if not (radius > 0 and rate > 0 and steps > 0):
        raise InputError(f"a walk of {steps} steps of {rate:g} within {radius:g}", found="not all above 0")
    here = {n: torch.zeros(s) if start is None else start[n].float().clone() for n, s in space.shapes.items()}
    momentum = {n: torch.zeros(s) for n, s in space.shapes.items()}
    dice, order, losses, below = random.Random(seed), [], [], {}
    for step in range(steps):
        if not order:
            order = list(loss.batches)
            dice.shuffle(order)
        batch = order.pop()
        total = {n: torch.zeros(s) for n, s in space.shapes.items()}
        for sign in (1.0, -1.0) if sigma else (0.0,):
            record = SubspaceNoise(subspace=space.spec.id, seed=seed * steps + step)
            noise = draw_noise(space.shapes, record, sigma) if sigma else {}
            at = {n: (x + sign * noise[n] if sigma else x).requires_grad_() for n, x in _copies(here).items()}
            trunk = trunk_kept(space.module, space.fixed, below, tuple(batch))
            with space.lent(1) as places, trunk, torch.enable_grad():
                places.put_tensors({n: t[None] for n, t in at.items()})
                found = loss.losses(batch).mean()
                gradients = torch.autograd.grad(found, list(at.values()))
            losses.append(float(found))
            for (name, value), gradient in zip(total.items(), gradients, strict=True):
                total[name] = value + gradient
        momentum = {n: MOMENTUM * m + (1 - MOMENTUM) * total[n] for n, m in momentum.items()}
        size = length(momentum)
        pace = (1 if uphill else -1) * rate * (1 - step / steps) / max(size, 1e-30)
        here = _inside({n: x + pace * momentum[n] for n, x in here.items()}, radius)
    end = rounded(here, lattice)
    if length(end) > radius:  # rounding to the lattice may have led out by less than its step a coordinate
        end = rounded(_inside(here, radius * (1 - 1e-4)), lattice)
    return Walk(end, length(end), tuple(losses), uphill)


def _copies(coordinates: Coords) -> dict[str, Tensor]:
    return {n: t.detach().clone() for n, t in coordinates.items()}


def _inside(coordinates: Coords, radius: float) -> dict[str, Tensor]:
    """The nearest place of the ball."""
    size = length(coordinates)
    return dict(coordinates) if size <= radius else {n: t * (radius / size) for n, t in coordinates.items()}
