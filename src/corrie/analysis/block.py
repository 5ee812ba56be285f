"""One task's outcomes over two axes of places: a block of numbers, without labels from another library.

Idea
----
A landscape is direction × α, a plane is α × β; at each such place every example has a score, a loss and a label, and so
has it at the unmoved model. Both are this one block, with other axes. All that corrie says of a run is computed from
it; :meth:`Block.labelled` is the same as an :class:`xarray.Dataset`, for people.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, get_args

import numpy as np
from numpy.typing import NDArray

from corrie.records.cell import CellKey, Label, Outcome
from corrie.records.point import Point
from corrie.records.store import Store
from corrie.records.task import TaskIdentity

if TYPE_CHECKING:
    import xarray as xr

LABELS: tuple[Label, ...] = get_args(Label)
"""What the small numbers of the variable ``label`` mean, from 0 on; −1 is missing."""

MISSING = -1

Where = Mapping[str, tuple[int, int]]
"""A point's id → its place on the two axes."""


@dataclass(frozen=True, slots=True, eq=False)
class Axis:
    """Along what places are told apart.

    name     ``direction``, ``alpha`` or ``beta``
    values   ids of directions, or step sizes in order, shape (n,)
    says     what a step size is; empty for directions
    """

    name: str
    values: NDArray[Any]
    says: str = ""

    @classmethod
    def of_directions(cls, ids: Sequence[str]) -> Axis:
        """One place for each direction."""
        return cls("direction", np.array(ids, dtype=str))

    @classmethod
    def of_steps(cls, name: str, steps: Iterable[float], says: str) -> Axis:
        """One place for each step size."""
        return cls(name, np.array(tuple(steps), dtype=float), says)

    @property
    def coordinate(self) -> tuple[Any, ...]:
        """As xarray takes it."""
        return (self.name, self.values, {"long_name": self.says}) if self.says else (self.name, self.values)


@dataclass(frozen=True, slots=True, eq=False)
class Outcomes:
    """Scores, losses (nats per token) and labels (see :data:`LABELS`) in one shape.

    What was not computed, and what could not be scored, is NaN; the label tells which.
    """

    score: NDArray[np.float64]
    loss: NDArray[np.float64]
    label: NDArray[np.int8]

    @classmethod
    def empty(cls, shape: tuple[int, ...]) -> Outcomes:
        """Nothing computed yet."""
        return cls(np.full(shape, np.nan), np.full(shape, np.nan), np.full(shape, MISSING, dtype=np.int8))

    def put(self, at: tuple[int, ...], outcome: Outcome) -> None:
        """One outcome in its place."""
        self.score[at] = np.nan if outcome.success is None else outcome.success
        self.loss[at] = np.nan if outcome.loss is None else outcome.loss
        self.label[at] = LABELS.index(outcome.label)

    def __getitem__(self, at: Any) -> Outcomes:
        return Outcomes(self.score[at], self.loss[at], self.label[at])


@dataclass(frozen=True, slots=True, eq=False)
class Block:
    """One task's outcomes.

    task       what was measured
    axes       the two axes of places
    examples   their ids, in order, shape (e,)
    moved      at every place, shape (rows, columns, e)
    unmoved    of the unmoved model, shape (e,)
    """

    task: TaskIdentity
    axes: tuple[Axis, Axis]
    examples: NDArray[np.str_]
    moved: Outcomes
    unmoved: Outcomes

    @classmethod
    def read(
        cls,
        store: Store,
        task: TaskIdentity,
        limit: int,
        axes: tuple[Axis, Axis],
        where: Where,
        keys: Iterable[CellKey],
    ) -> Block:
        """The outcomes of a task's first ``limit`` examples.

        Args:
            store: where the cells are.
            task: which task.
            limit: how many examples, from the first; cells may hold more, because they are computed in whole blocks.
            axes: of the result.
            where: the points that count. The unmoved model counts always.
            keys: the store's cells of this task.

        Raises:
            RunError: a cell is damaged.
        """
        size, origin, limit = store.identity.block, Point.origin().id, min(limit, task.size)
        here = [k for k in keys if (k.point in where or k.point == origin) and k.block * size < limit]
        moved = Outcomes.empty((axes[0].values.size, axes[1].values.size, limit))
        unmoved = Outcomes.empty((limit,))
        names = [card.id for card in store.cards(task.id)][:limit]
        names += [f"#{i}" for i in range(len(names), limit)]
        for cell in store.cells(here):
            start = cell.block * size
            for number, outcome in enumerate(cell.outcomes[: limit - start], start):
                names[number] = outcome.id
                if cell.point in where:
                    moved.put((*where[cell.point], number), outcome)
                if cell.point == origin:
                    unmoved.put((number,), outcome)
        return cls(task, axes, np.array(names, dtype=str), moved, unmoved)

    def first(self, examples: int) -> Block:
        """The same for the first examples only."""
        few = slice(0, examples)
        return replace(self, examples=self.examples[few], moved=self.moved[:, :, few], unmoved=self.unmoved[few])

    def columns(self, chosen: NDArray[np.bool_]) -> Block:
        """The same for some places of the second axis only."""
        rows, columns = self.axes
        axis = replace(columns, values=columns.values[chosen])
        return replace(self, axes=(rows, axis), moved=self.moved[:, chosen])

    @property
    def missing(self) -> float:
        """The share of outcomes at places that have not been computed yet."""
        label = self.moved.label
        return float((label == MISSING).mean()) if label.size else 1.0

    @property
    def scattered(self) -> bool:
        """Whether most directions were scored at one step of several, as by an adaptive plan: no grid, so no gap."""
        steps: NDArray[np.int64] = np.isfinite(self.moved.score).any(2).sum(1)
        single = int((steps == 1).sum())
        return self.axes[1].values.size > 1 and 2 * single > int((steps > 0).sum())

    def labelled(self, **more: str) -> xr.Dataset:
        """As a labelled dataset.

        Variables ``score``, ``loss`` and ``label`` over (both axes, example), and the same of the unmoved model over
        (example): ``unmoved_score``, ``unmoved_loss``, ``unmoved_label``.

        Args:
            more: further attributes.
        """
        import xarray as xr

        rows, columns = self.axes
        over = (rows.name, columns.name, "example")
        flags = {
            "flag_values": np.arange(-1, len(LABELS), dtype=np.int8),
            "flag_meanings": " ".join(("missing", *LABELS)),
        }
        nats = {"units": "nat", "long_name": "mean negative log-likelihood of the target, nats per token"}
        return xr.Dataset(
            {
                "score": (over, self.moved.score, {"units": "1", "long_name": "score, 1 is good"}),
                "loss": (over, self.moved.loss, nats),
                "label": (over, self.moved.label, flags),
                "unmoved_score": ("example", self.unmoved.score, {"units": "1"}),
                "unmoved_loss": ("example", self.unmoved.loss, nats),
                "unmoved_label": ("example", self.unmoved.label, flags),
            },
            coords={rows.name: rows.coordinate, columns.name: columns.coordinate, "example": self.examples},
            attrs={
                "task": self.task.name,
                "task_id": self.task.id,
                "capability": self.task.capability,
                "chance": self.task.chance,
                **more,
            },
        )
