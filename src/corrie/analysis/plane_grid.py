"""The cells of a plane as blocks of numbers over (α, β, example), and what lies between its points."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import xarray as xr

from corrie.analysis.plane_geometry import Array
from corrie.analysis.task_grid import LABELS, Outcomes
from corrie.records.cell import CellKey
from corrie.records.point import Point
from corrie.records.store import Realised, Store
from corrie.records.task import TaskIdentity

Where = Mapping[str, tuple[int, int]]
"""A point's id → its row (α) and column (β)."""


def plane_steps(
    points: Mapping[str, tuple[Point, Realised]], where: Where, alphas: Sequence[float], betas: Sequence[float]
) -> xr.Dataset:
    """What each step was to be and what the weights made of it."""
    asked, norm, cosine = (np.full((len(alphas), len(betas)), np.nan) for _ in range(3))
    for id, at in where.items():
        if id in points:
            realised = points[id][1]
            asked[at], norm[at] = realised.asked, realised.norm
            cosine[at] = np.nan if realised.cosine is None else realised.cosine
    both = ("alpha", "beta")
    return xr.Dataset(
        {
            "asked": (both, asked, {"long_name": "L2 norm of the step asked for"}),
            "distance": (both, norm, {"long_name": "L2 norm of the step the weights took"}),
            "cosine": (both, cosine, {"long_name": "cosine between the two"}),
        },
        coords={
            "alpha": ("alpha", np.array(alphas, float), {"long_name": "step size along the first direction"}),
            "beta": ("beta", np.array(betas, float), {"long_name": "step size along the second direction"}),
        },
    )


def plane_grid(
    store: Store,
    task: TaskIdentity,
    limit: int,
    where: Where,
    steps: xr.Dataset,
    keys: Sequence[CellKey],
) -> xr.Dataset:
    """A task's outcomes at every point of the plane."""
    block, limit = store.identity.block, min(limit, task.size)
    origin = Point.origin().id
    here = [k for k in keys if (k.point in where or k.point == origin) and k.block * block < limit]
    shape = (steps.sizes["alpha"], steps.sizes["beta"], limit)
    grid, unmoved = Outcomes.empty(shape), Outcomes.empty((limit,))
    names = [card.id for card in store.cards(task.id)][:limit]
    names += [f"#{i}" for i in range(len(names), limit)]
    for cell in store.cells(here):
        start = cell.block * block
        for offset, outcome in enumerate(cell.outcomes[: limit - start]):
            names[start + offset] = outcome.id
            said = (outcome.success, outcome.loss, outcome.label)
            if cell.point in where:
                grid.set((*where[cell.point], start + offset), *said)
            if cell.point == origin:
                unmoved.set((start + offset,), *said)
    over = ("alpha", "beta", "example")
    flags = {
        "flag_values": np.arange(-1, len(LABELS), dtype=np.int8),
        "flag_meanings": " ".join(("missing", *LABELS)),
    }
    nats = {"units": "nat", "long_name": "mean negative log-likelihood of the target, nats per token"}
    found = xr.Dataset(
        {
            "score": (over, grid.score, {"units": "1", "long_name": "score, 1 is good"}),
            "loss": (over, grid.loss, nats),
            "label": (over, grid.label, flags),
            "unmoved_score": ("example", unmoved.score, {"units": "1"}),
            "unmoved_loss": ("example", unmoved.loss, nats),
            "unmoved_label": ("example", unmoved.label, flags),
        },
        coords={"alpha": steps.alpha, "beta": steps.beta, "example": names},
        attrs={"task": task.name, "task_id": task.id, "capability": task.capability, "chance": task.chance},
    )
    return found.assign_coords({name: steps[name] for name in ("asked", "distance", "cosine")})


def mean_over_examples(values: Array) -> Array:
    """Over examples, the last axis, of what is there; NaN where nothing is."""
    there = np.isfinite(values)
    count = there.sum(-1)
    total = np.where(there, values, 0.0).sum(-1)
    return np.divide(total, count, out=np.full(np.shape(total), np.nan), where=count > 0)


def interpolate(alpha: Array, beta: Array, values: Array, a: Array, b: Array) -> Array:
    """Values between the points of a grid, linear in each step size; NaN outside and where a corner that counts is NaN.

    >>> corners = np.array([[0.0, 2.0], [1.0, 3.0]])
    >>> interpolate(np.array([0.0, 1.0]), np.array([0.0, 2.0]), corners, np.array([0.5]), np.array([1.0]))
    array([1.5])
    """
    i = np.clip(np.searchsorted(alpha, a, side="right") - 1, 0, alpha.size - 2)
    j = np.clip(np.searchsorted(beta, b, side="right") - 1, 0, beta.size - 2)
    u = (a - alpha[i]) / (alpha[i + 1] - alpha[i])
    v = (b - beta[j]) / (beta[j + 1] - beta[j])
    result = np.zeros(np.broadcast(a, b).shape)
    for di, dj, weight in ((0, 0, (1 - u) * (1 - v)), (1, 0, u * (1 - v)), (0, 1, (1 - u) * v), (1, 1, u * v)):
        corner = values[i + di, j + dj]
        result += np.where(np.abs(weight) < 1e-9, 0.0, weight * corner)
    dust = 1e-9
    outside = (u < -dust) | (u > 1 + dust) | (v < -dust) | (v > 1 + dust)
    return np.where(outside, np.nan, result)
