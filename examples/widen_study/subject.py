"""A model that is measured: its tasks, its one run folder, and how it fares after a change of its weights."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from buys_terms import Terms

import corrie
from corrie.capabilities.registry import parse_task
from corrie.capabilities.task import Task
from corrie.models.model import Model
from corrie.records.direction import Direction

Asked = tuple[Task, int]
Measured = dict[str, dict[str, Any]]


@dataclass(frozen=True)
class Subject:
    """A model by its name or folder.

    place   what :func:`corrie.load` takes
    work    where fine-tunes, directions and runs are kept, of this model alone
    terms   how it is measured
    """

    place: str
    work: Path
    terms: Terms

    @cached_property
    def model(self) -> Model:
        """Loaded when first needed."""
        return corrie.load(self.place)

    @cached_property
    def agreement(self) -> Task:
        """Does it still say what it said?"""
        (task,) = corrie.tasks(f"agreement:{self.terms.text}" if self.terms.text else "agreement")
        return task

    @cached_property
    def skills(self) -> tuple[Asked, ...]:
        """Agreement first."""
        return ((self.agreement, self.terms.windows), *(self.named(text) for text in self.terms.skills))

    @cached_property
    def requests(self) -> Asked:
        """Harmful ones, to be refused."""
        (task,) = corrie.tasks("safety")
        return task, self.terms.requests

    def named(self, text: str) -> Asked:
        """A task by its name with a limit, or all of it."""
        name, limit = parse_task(text)
        (task,) = corrie.tasks(name)
        return task, limit or task.identity.size

    def tuned(self, name: str) -> Path:
        """Where a fine-tune of it lies."""
        return self.work / name

    def moved(self, directions: Sequence[Direction], tasks: Sequence[Asked], alpha: str) -> list[Measured]:
        """Scores and losses of each example before and at every α, one record a direction.

        What the unmoved model scores is scored once: all of it lies in one run.
        """
        run = corrie.scan(self.model, tasks, directions=directions, alpha=alpha, to=self.work / "run")
        asked = corrie.records.scan_spec.AlphaGrid.parse(alpha).values
        return [{task.identity.name: _outcomes(run.block(task.identity), d.id, asked, n) for task, n in tasks}
                for d in directions]  # fmt: skip

    def away(self, direction: Direction) -> float:
        """‖δ‖₂ of a path's whole way."""
        from corrie.weights.sizes import sizes

        return sizes(direction, self.model.selection.tensors, self.model.sources).norm


def _outcomes(block: Any, direction: str, alphas: Sequence[float], examples: int) -> dict[str, Any]:
    """Of one task along one direction."""
    row = int(np.flatnonzero(block.axes[0].values == direction)[0])
    columns = {f"{a:g}": int(np.abs(block.axes[1].values - a).argmin()) for a in alphas}
    few = block.first(examples)
    return {
        "task": block.task.id,
        "chance": block.task.chance,
        "before": _values(few.unmoved),
        "after": {alpha: _values(few.moved[row, column]) for alpha, column in columns.items()},
    }


def _values(found: Any) -> dict[str, list[float | None]]:
    """Scores and losses, an example a place; null where there is none."""
    return {
        what: [None if np.isnan(v) else float(f"{v:.6g}") for v in values.tolist()]
        for what, values in (("score", found.score), ("loss", found.loss))
    }
