"""A plain fine-tune: every weight, AdamW, a learning rate that falls to zero.

Nothing of it is particular to corrie, on purpose: what the puzzles show should not hang on how the fine-tune was made.
"""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from lessons import tokens_of
from torch.nn.utils import clip_grad_norm_

import corrie
from corrie.capabilities.loss_gradient import TaskLoss
from corrie.capabilities.task import Task
from corrie.models.model import Model


@dataclass(frozen=True, slots=True)
class Teaching:
    """How to teach.

    rate    the first learning rate
    steps   of the optimizer
    batch   examples a step
    warm    steps over which the rate rises
    """

    rate: float
    steps: int
    batch: int
    warm: int = 3


def taught(out: Path, start: str | Path, lesson: Callable[[Model], Task], how: Teaching, seed: int) -> dict[str, float]:
    """A fine-tune as a checkpoint, made once; its numbers stand beside it."""
    file = out.with_name(out.name + ".json")
    if not file.is_file():
        shutil.rmtree(out, ignore_errors=True)
        model = corrie.load(start)
        task = lesson(model)
        print(f"{out.name}: {task}", flush=True)
        found = teach(model, task, how, seed, out)
        found |= {"examples": task.identity.size, "tokens": tokens_of(model, task), "seed": seed}
        file.write_text(json.dumps(found | {"rate": how.rate, "steps": how.steps, "batch": how.batch}))
    return json.loads(file.read_text())


def teach(model: Model, task: Task, how: Teaching, seed: int, out: Path) -> dict[str, float]:
    """Fine-tune the model in place on all examples of a task, and write the checkpoint whole or not at all.

    Returns:
        The mean loss of the first and of the last steps, nats per token, and the L2 distance from where it began.
    """
    size = task.identity.size
    loss = TaskLoss(model, task, size)
    weights = list(model.selection.tensors.values())
    before = [w.detach().clone() for w in weights]
    torch.manual_seed(seed)
    optimizer = torch.optim.AdamW(weights, lr=how.rate, betas=(0.9, 0.95), weight_decay=0.0, foreach=False, fused=True)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda t: min(1.0, (t + 1) / how.warm) * (1 - t / how.steps)
    )
    dice, order, losses = random.Random(seed), [], []
    for step in range(how.steps):
        if len(order) < how.batch:
            order = dice.sample(range(size), size)
        batch, order = order[: how.batch], order[how.batch :]
        found = loss.losses(batch).mean()
        found.backward(inputs=weights)
        clip_grad_norm_(weights, 1.0)
        optimizer.step()
        schedule.step()
        optimizer.zero_grad(set_to_none=True)
        losses.append(float(found.detach()))
        print(f"  step {step + 1} of {how.steps}: loss {losses[-1]:.3f}", flush=True)
    moved = sum(float((w.detach().double() - b.double()).square().sum()) for w, b in zip(weights, before, strict=True))
    part = out.with_name(out.name + ".part")
    shutil.rmtree(part, ignore_errors=True)
    module: Any = model.module
    module.save_pretrained(part)
    model.tokenizer.save_pretrained(part)
    part.rename(out)
    few = max(1, how.steps // 5)
    return {"begin": sum(losses[:few]) / few, "end": sum(losses[-few:]) / few, "distance": moved**0.5}
