"""The worst direction of a task's loss: searched for once, kept in a file, from then on a direction like any other.

The worst case at a distance r is the δ that maximises L(θ0 + δ) over ‖δ‖ = r. L is the task's own loss on its own first
examples (:mod:`corrie.capabilities.loss_gradient`); the search is :mod:`corrie.weights.ascent` or
:mod:`corrie.weights.curvature`. What it finds is a lower bound of the worst case: a longer search may find worse.

The file holds δ with norm √d, so along it α = r/√d is the σ of random noise that moves the weights as far, and the
file's header holds the spec. A file in which the same search has ended already is read, not searched for again.

Memory: the model, a pristine copy, gradients, one direction, and the activations of one small batch.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from corrie.capabilities.loss_gradient import TaskLoss
from corrie.capabilities.task import Task
from corrie.errors import InputError
from corrie.models.model import Model
from corrie.records.paths import Saved
from corrie.records.scan_spec import TaskRequest
from corrie.records.search_spec import SearchSpec
from corrie.scanning.provenance import provenance
from corrie.weights.ascent import worst_case
from corrie.weights.curvature import top_curvature
from corrie.weights.perturbed import moving
from corrie.weights.saved import check_name, look_at_saved, origin_of, save_direction

OnLook = Callable[[int, float], None]
"""Told of every look at the loss: how many there were, and what it was."""


@dataclass(frozen=True)
class FoundDirection:
    """What a search found, and where it is kept.

    record   the direction, as scans know it
    file     where its tensors lie
    spec     what was asked
    task     the task's name
    before   the loss of the unmoved model, nats per token
    after    the loss at the distance
    how      the climbs, or the curvature, in words

    ``spec.distance`` is the L2 distance and ``spec.sigma`` its σ-equivalent: the α along the saved direction that goes
    there.
    """

    record: Saved
    file: Path
    spec: SearchSpec
    task: str
    before: float
    after: float
    how: str

    @classmethod
    def read(cls, file: Path) -> FoundDirection | None:
        """What an earlier search left in a file; None if it is a direction from elsewhere.

        Raises:
            ModelError: no saved direction, or its tensors are not those that were saved.
        """
        record, found = look_at_saved(file)
        told = origin_of(found)
        if "search" not in told:
            return None
        before, after = float(told["before"]), float(told["after"])
        return cls(record, file, SearchSpec.parse(told["search"]), told["task"], before, after, told["how"])

    @property
    def finding(self) -> str:
        """The loss before and after, and how far away."""
        return (
            f"loss {self.before:.4g} → {self.after:.4g} nats per token at L2 distance {self.spec.distance:.4g} "
            f"(σ-equivalent {self.spec.sigma:.3g})"
        )

    def __str__(self) -> str:
        what = {"ascent": "Worst direction", "gradient": "Gradient direction", "hessian": "Top Hessian direction"}
        return (
            f"{what[self.spec.method]} for {self.task} ({self.spec.task.limit} examples): {self.finding}; {self.how}. "
            f"A lower bound of the worst case. Kept in {self.file}: --direction saved:{self.file}, "
            f"where α = {self.spec.sigma:.3g} is this distance."
        )

    def to_json(self) -> dict[str, Any]:
        """As plain data."""
        return {
            "direction": self.record.id,
            "file": str(self.file),
            "content": self.record.content,
            "task": self.task,
            "examples": self.spec.task.limit,
            "method": self.spec.method,
            "distance": self.spec.distance,
            "sigma": self.spec.sigma,
            "loss": {"before": self.before, "after": self.after},
            "how": self.how,
            "says": str(self),
        }


@dataclass(frozen=True)
class Search:
    """Model, task and spec that fit each other."""

    model: Model
    task: Task
    loss: TaskLoss
    spec: SearchSpec

    @classmethod
    def of(cls, model: Model, task: Task, limit: int, **asked: Any) -> Search:
        """Check that everything fits, before a weight is moved.

        Args:
            asked: distance, method, steps, restarts, seed (:class:`corrie.records.search_spec.SearchSpec`).

        Raises:
            InputError: something that is not valid.
            TaskError: the task has no gradient, or cannot be asked of this model.
        """
        loss = TaskLoss(model, task, limit)
        spec = SearchSpec.of(model.identity, TaskRequest(task=task.identity.id, limit=limit), **asked)
        return cls(model, task, loss, spec)

    def run(self, file: Path, on_look: OnLook | None = None) -> FoundDirection:
        """Search and keep what is found; or read it, where this search has ended already.

        Raises:
            InputError: another direction is in that file; the loss is not a number at that distance.
            StorageError: the disk refuses.
        """
        check_name(file)
        if file.exists():
            kept = FoundDirection.read(file)
            if kept is None or not kept.spec.finds_the_same_as(self.spec):
                raise InputError(f"saving {file}", found="another direction is there", advice="another name")
            return kept
        file.parent.mkdir(parents=True, exist_ok=True)
        looked = _Counted(self.loss, on_look)
        tensors, before, after, how = (self._top if self.spec.method == "hessian" else self._climb)(looked)
        name = self.task.identity.name
        found = FoundDirection(Saved(content="0" * 64), file, self.spec, name, before, after, how)
        origin = {
            "what": f"{self.spec.method} for {name}:{self.spec.task.limit} at {self.model.identity.name}: "
            + found.finding,
            "search": self.spec.canonical(),
            "task": name,
            "before": repr(before),
            "after": repr(after),
            "how": how,
            **provenance(device=self.model.device),
        }
        record = save_direction(tensors, file, origin)
        return FoundDirection(record, file, self.spec, name, before, after, how)

    def _climb(self, loss: Callable[[], float]) -> tuple[Any, float, float, str]:
        spec = self.spec
        found = worst_case(
            self.model.selection, loss, spec.distance, steps=spec.steps, restarts=spec.restarts, seed=spec.seed
        )
        how = "; ".join(map(str, found.climbs)) if spec.steps else "one step along the gradient"
        return found.tensors, found.before, found.loss, how

    def _top(self, loss: Callable[[], float]) -> tuple[Any, float, float, str]:
        """The eigenvector, turned to the side on which the loss is higher: its own sign means nothing."""
        found = top_curvature(self.model.selection, loss, products=self.spec.steps, seed=self.spec.seed)
        with moving(self.model.selection) as weights:
            before = self.loss.mean()
            weights.by(found.tensors, self.spec.sigma)
            ahead = self.loss.mean()
            weights.by(found.tensors, -self.spec.sigma)
            behind = self.loss.mean()
        if behind > ahead:
            for tensor in found.tensors.values():
                tensor.neg_()
        return found.tensors, before, max(ahead, behind), str(found)


class _Counted:
    """A loss that tells of itself."""

    def __init__(self, loss: Callable[[], float], on_look: OnLook | None) -> None:
        self._loss, self._on_look, self._looks = loss, on_look, 0

    def __call__(self) -> float:
        value = self._loss()
        self._looks += 1
        if self._on_look is not None:
            self._on_look(self._looks, value)
        return value
