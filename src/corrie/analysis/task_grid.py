"""One task's cells as one labelled block of numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import get_args

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from corrie.records.cell import CellKey, Label
from corrie.records.direction import Direction
from corrie.records.point import Point
from corrie.records.store import Realised, Store
from corrie.records.task import TaskIdentity

LABELS: tuple[Label, ...] = get_args(Label)
"""What the small numbers of the variable ``label`` mean, from 0 on; −1 is missing."""

MISSING = -1


@dataclass(frozen=True, slots=True)
class Place:
    """Where a point stands on a line: which direction (by its number), which α; the unmoved model has neither."""

    direction: int | None
    alpha: float


def places(points: dict[str, tuple[Point, Realised]], directions: Sequence[Direction]) -> dict[str, Place]:
    """The points that lie on a line along one of these directions, and the unmoved model, by id.

    >>> from corrie.records.direction import gaussian
    >>> one, two = gaussian(2)
    >>> moved = Point.along(two, 0.5)
    >>> places({moved.id: (moved, Realised(asked=1.0, norm=1.0, cosine=1.0))}, [two])[moved.id]
    Place(direction=0, alpha=0.5)
    """
    number = {direction.id: i for i, direction in enumerate(directions)}
    found = {Point.origin().id: Place(None, 0.0)}
    for id, (point, _) in points.items():
        if len(point.steps) == 1 and point.steps[0].direction.id in number:
            (step,) = point.steps
            found[id] = Place(number[step.direction.id], step.alpha)
    return found


def task_grid(
    store: Store,
    task: TaskIdentity,
    limit: int,
    directions: Sequence[Direction],
    where: dict[str, Place],
    keys: Sequence[CellKey],
) -> xr.Dataset:
    """The outcomes of a task's first ``limit`` examples at every point of every line.

    Variables ``score``, ``loss`` (nats per token) and ``label`` (see :data:`LABELS`) over (direction, alpha,
    example), and the same of the unmoved model over (example): ``unmoved_score``, ``unmoved_loss``,
    ``unmoved_label``. What was not computed, and what could not be scored, is NaN; the label tells which.

    Args:
        store: where the cells are.
        task: which task.
        limit: how many examples, from the first; cells may hold more, being computed in whole blocks.
        directions: the lines, in the order of the result.
        where: the points that count (:func:`places`).
        keys: the store's cells of this task.
    """
    block, limit = store.identity.block, min(limit, task.size)
    here = [key for key in keys if key.point in where and key.block * block < limit]
    alphas = sorted({place.alpha for place in (where[key.point] for key in here) if place.direction is not None})
    column = {alpha: i for i, alpha in enumerate(alphas)}
    grid = Outcomes.empty((len(directions), len(alphas), limit))
    unmoved = Outcomes.empty((limit,))
    names = [card.id for card in store.cards(task.id)][:limit]
    names += [f"#{i}" for i in range(len(names), limit)]
    for cell in store.cells(here):
        place, start = where[cell.point], cell.block * block
        for offset, outcome in enumerate(cell.outcomes[: limit - start]):
            names[start + offset] = outcome.id
            if place.direction is None:
                unmoved.set((start + offset,), outcome.success, outcome.loss, outcome.label)
            else:
                at = (place.direction, column[place.alpha], start + offset)
                grid.set(at, outcome.success, outcome.loss, outcome.label)
    lines = ("direction", "alpha", "example")
    flags = {
        "flag_values": np.arange(-1, len(LABELS), dtype=np.int8),
        "flag_meanings": " ".join(("missing", *LABELS)),
    }
    nats = {"units": "nat", "long_name": "mean negative log-likelihood of the target, nats per token"}
    return xr.Dataset(
        {
            "score": (lines, grid.score, {"units": "1", "long_name": "score, 1 is good"}),
            "loss": (lines, grid.loss, nats),
            "label": (lines, grid.label, flags),
            "unmoved_score": ("example", unmoved.score, {"units": "1"}),
            "unmoved_loss": ("example", unmoved.loss, nats),
            "unmoved_label": ("example", unmoved.label, flags),
        },
        coords={
            "direction": [direction.id for direction in directions],
            "alpha": ("alpha", np.array(alphas, dtype=float), {"long_name": "step size along the direction"}),
            "example": names,
        },
        attrs={
            "task": task.name,
            "task_id": task.id,
            "capability": task.capability,
            "scoring": task.scoring,
            "chance": task.chance,
            "source": task.source,
        },
    )


@dataclass(frozen=True, slots=True)
class Outcomes:
    """Scores, losses and labels in one shape, filled one by one."""

    score: NDArray[np.float64]
    loss: NDArray[np.float64]
    label: NDArray[np.int8]

    @classmethod
    def empty(cls, shape: tuple[int, ...]) -> Outcomes:
        return cls(np.full(shape, np.nan), np.full(shape, np.nan), np.full(shape, MISSING, dtype=np.int8))

    def set(self, at: tuple[int, ...], score: float | None, loss: float | None, label: Label) -> None:
        self.score[at] = np.nan if score is None else score
        self.loss[at] = np.nan if loss is None else loss
        self.label[at] = LABELS.index(label)
