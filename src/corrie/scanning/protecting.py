"""A protected subspace of a model: listened to on the kept capabilities' prompts, aimed by a fine-tune's gradient."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from corrie.capabilities.loss_gradient import TaskLoss
from corrie.capabilities.task import Task
from corrie.errors import InputError
from corrie.models.model import Model
from corrie.questions.protection import ProtectionQuestion
from corrie.scanning.later_examples import first_later
from corrie.subspaces.protected import RIDGE, listening, protected_matrices
from corrie.subspaces.row_layers import find_layers
from corrie.subspaces.row_space import Free, LowRankSpace


def protected_space(
    model: Model,
    tasks: Sequence[tuple[Task, int]],
    *,
    layers: str = ProtectionQuestion.layers,
    rank: int = ProtectionQuestion.rank,
    lesson: tuple[Task, int] | None = None,
    free: Free = "up",
    prompts: int = ProtectionQuestion.prompts,
    ridge: float = RIDGE,
    block: int = 10,
    name: str = "",
) -> LowRankSpace:
    """Choose each layer's frozen matrices so that the tasks barely feel a change and the lesson does.

    The prompts are those of the examples that *follow* the first ``limit`` of each task, which are left for certifying.
    An example is read with everything it is asked with, few-shot text and options included, each distinct token once.

    Args:
        tasks: the capabilities to keep, each with the number of examples that will certify.
        layers: a pattern of layer names (:func:`corrie.subspaces.row_layers.find_layers`).
        rank: r.
        lesson: the fine-tune's own examples, a task and how many of them; None where it is unknown.
        free: ``up`` or ``core``.
        prompts: examples of each task to listen to.
        ridge: λ over the mean diagonal of C.

    Raises:
        UnknownName: no such layer.
        InputError: a task without further examples, a core without a lesson, a rank that does not fit.
        TaskError: the lesson has no loss.
    """
    chosen = find_layers(model.module, layers)
    with torch.no_grad(), listening(chosen) as energies:
        for task, limit in tasks:
            start = first_later(limit, block)
            stop = min(start + prompts, task.identity.size)
            if start >= stop:
                raise InputError(
                    f"protecting {task.identity.name}:{limit}",
                    found=f"of its {task.identity.size} examples none are left to listen to",
                    advice="fewer examples to certify",
                )
            reader = model.reader()
            for begin in range(start, stop, block):
                task.score(reader, begin, min(begin + block, stop))
    gradients = None if lesson is None else _gradients(model, chosen, *lesson)
    fixed = protected_matrices(energies, gradients, rank, free=free, ridge=ridge)
    return LowRankSpace.of(model.module, fixed, name)


def _gradients(model: Model, layers: dict[str, nn.Module], lesson: Task, limit: int) -> dict[str, Tensor]:
    """∂L/∂W of each layer, (out, in), however the layer stores it; nothing is left behind."""
    loss = TaskLoss(model, lesson, limit)
    weights: dict[str, Any] = {n: layer.weight for n, layer in layers.items()}
    total = {n: torch.zeros_like(w, dtype=torch.float32) for n, w in weights.items()}
    with torch.enable_grad():
        for batch in loss.batches:
            share = loss.losses(batch).sum() / limit
            for name, part in zip(total, torch.autograd.grad(share, list(weights.values())), strict=True):
                total[name] += part.float()
    return {n: g if isinstance(layers[n], nn.Linear) else g.T for n, g in total.items()}
