"""A task's loss as a function of the weights, with its gradient: what a search for the worst direction climbs.

Idea
----
A score has no gradient; the loss that is kept beside it has one. For examples 1 … N with right continuations y_i after
x_i (the right option, the target, the text; where several would be right, the likeliest of them),

    L(θ) = (1/N) Σ_i ℓ_i(θ),    ℓ_i = −(1/T_i) Σ_t log p_θ(y_it | x_i, y_i,<t)    nats per token,

which is the mean of the losses that the task itself reports. Gradients are added up batch by batch: no more than one
batch's activations are held at a time, whatever N is. Logits are computed only where they are read. Rows of a batch are
filled up on the right, where a causal model cannot see them from, so a row's loss does not depend on its company.

Examples of a few-shot task share a beginning, which is computed again for each of them: kept keys and values would
have to carry their gradients through all examples.

Source: theory.md section 1 (why the loss is kept) and section 2 (worst case).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any, Protocol, runtime_checkable

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from corrie.capabilities.task import Task
from corrie.errors import InputError, TaskError
from corrie.models.encoding import Sequenced
from corrie.models.head import logits_at
from corrie.models.model import Model
from corrie.models.reading import Question, Reader

PASS_TOKENS = 512
"""Most tokens of a batch, filling included, unless a single example is longer."""


@runtime_checkable
class HasRight(Protocol):
    """A task that can say what would have been right: what a task of one's own needs to be climbed."""

    def right(self, reader: Reader, index: int) -> Question:
        """The right continuations of one example; its loss is that of the likeliest, nats per token."""
        ...


class TaskLoss:
    """The mean loss of a task's first examples at the model's present weights.

    Called, it returns the loss and adds its gradient to the ``grad`` of the tensors that move, as
    :mod:`corrie.weights.gradients` wants it.

    Args:
        model: the weights are its own, wherever they are at the time of the call.
        task: with examples that have a right continuation.
        limit: how many of its examples, the first ones.
        tokens: most tokens of a batch; memory grows with it, and speed where there is room.

    Raises:
        InputError: no such number of examples.
        TaskError: this model cannot be asked, or the task has no loss.

    >>> from corrie.testing.toy_models import toy_model
    >>> from corrie.testing.toy_tasks import toy_choice
    >>> model = toy_model()
    >>> loss = TaskLoss(model, toy_choice(model), 10)
    >>> round(loss(), 4) == round(sum(loss.each()) / 10, 4)
    True
    """

    def __init__(self, model: Model, task: Task, limit: int, tokens: int = PASS_TOKENS) -> None:
        name, size = task.identity.name, task.identity.size
        if not 0 < limit <= size:
            raise InputError(f"{name}:{limit}", found=f"the task has {size} examples", advice=f"{name}:{size}")
        examples = sequences_of(model, task, limit)
        self._module = model.module
        self._moving = list(model.selection.tensors.values())
        self.take(examples, tokens)

    def take(self, examples: Sequence[tuple[Sequenced, ...]], tokens: int) -> None:
        """The continuations of every example, cut into batches of so many tokens."""
        self._examples = list(examples)
        self.batches = _batches(self._examples, tokens)

    def __call__(self) -> float:
        """The loss here; its gradient is added."""
        total = 0.0
        with torch.enable_grad():
            for batch in self.batches:
                share = self.losses(batch).sum() / len(self._examples)
                share.backward(inputs=self._moving)
                total += share.item()
        return total

    @torch.no_grad()
    def each(self) -> tuple[float, ...]:
        """The loss of every example, in the task's order; no gradient."""
        found = {i: loss for batch in self.batches for i, loss in zip(batch, self.losses(batch).tolist(), strict=True)}
        return tuple(found[i] for i in range(len(self._examples)))

    def mean(self) -> float:
        """The loss here; no gradient."""
        return math.fsum(self.each()) / len(self._examples)

    def losses(self, batch: Sequence[int]) -> Tensor:
        """Of these examples, as one differentiable vector."""
        return losses_of(self._module, [self._examples[i] for i in batch])

    def nats(self, batch: Sequence[int]) -> list[list[Tensor]]:
        """Of each scored token, for each continuation of each of these examples; differentiable."""
        return nats_of(self._module, [self._examples[i] for i in batch])


def sequences_of(model: Model, task: Task, limit: int) -> list[tuple[Sequenced, ...]]:
    """The right continuations of a task's first examples, as tokens.

    Raises:
        TaskError: this model cannot be asked, or the task has no loss.
    """
    if not isinstance(task, HasRight):
        raise TaskError(
            f"the gradient of task {task.identity.name!r}",
            found="it does not say what is right",
            advice="a method right()",
        )
    reader = model.reader()
    task.check(reader)
    return [model.sequences(task.right(reader, i)) for i in range(limit)]


def losses_of(module: nn.Module, examples: Sequence[tuple[Sequenced, ...]]) -> Tensor:
    """The loss of each example at a module's present weights: nats per token of its likeliest continuation."""
    return torch.stack([torch.stack([part.mean() for part in parts]).min() for parts in nats_of(module, examples)])


def nats_of(module: nn.Module, examples: Sequence[tuple[Sequenced, ...]]) -> list[list[Tensor]]:
    """Of each scored token, for each continuation of each example, in one pass; differentiable."""
    model: Any = module
    device = next(module.parameters()).device
    rows = [s for parts in examples for s in parts]
    longest = max(len(s.ids) for s in rows) - 1
    ids = torch.tensor([s.ids[:-1] + s.ids[-1:] * (longest + 1 - len(s.ids)) for s in rows], device=device)
    places = [(r, t - 1) for r, s in enumerate(rows) for t in range(s.start, len(s.ids))]
    row, position = (torch.tensor(column, device=device) for column in zip(*places, strict=True))
    targets = torch.tensor([token for s in rows for token in s.ids[s.start :]], device=device)
    with logits_at(module, row, position):
        logits = model(input_ids=ids, use_cache=False).logits[0]
    nats = cross_entropy(logits.float(), targets, reduction="none")
    parts = iter(nats.split([len(s.ids) - s.start for s in rows]))
    return [[next(parts) for _ in one] for one in examples]


def _batches(examples: Sequence[tuple[Sequenced, ...]], tokens: int) -> list[list[int]]:
    """Examples by length, as many together as ``tokens`` allow, at least one.

    >>> _batches([(Sequenced((1, 2, 3), 1),), (Sequenced((1,) * 9, 1),), (Sequenced((1, 2), 1),)], tokens=6)
    [[2, 0], [1]]
    """

    def cut() -> Iterator[list[int]]:
        batch: list[int] = []
        rows = 0
        for i in sorted(range(len(examples)), key=lambda i: _longest(examples[i])):
            rows += len(examples[i])
            if batch and rows * _longest(examples[i]) > tokens:
                yield batch
                batch, rows = [], len(examples[i])
            batch.append(i)
        yield batch

    return list(cut())


def _longest(sequences: Sequence[Sequenced]) -> int:
    return max(len(s.ids) for s in sequences)
