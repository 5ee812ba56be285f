"""What else makes a basin wider, at the same number of tokens read: one way of training each, of a few lines.

================  ==================================================================================================
``fine-tune``     the text as it is, AdamW: more training, without noise
``go``            the text at θ + ε, one ε a step: GO in a fine-tune (:class:`corrie.optim.GO`)
``sam``           the text at the worst weights within L2 ``rho``, found by its gradient: two passes
                  (``pytorch_optimizer``)
``function-sam``  the divergence from the unmoved model at the worst weights within ``rho`` *for it*, and at their
                  opposite: three passes. At the unmoved model its gradient is 0, so the direction is that of the
                  gradient at a small random place, one power step of the Fisher matrix (as virtual adversarial training
                  does with inputs)
``ivon``          the text at weights with the noise of IVON's posterior, 1/√(samples·(h + decay)) a weight
                  (``ivon-opt``)
``relative``      the divergence at ±ε, as ``corrie.widen``, but σ counts in each tensor's own root mean square
================  ==================================================================================================

A setting may also have

    average   one of :data:`AVERAGES`: the result is the mean of the weights after the steps
    fall      share of the steps, the last, in which the rate falls to 0 (usual: all after the rise)
    prior     strength of :class:`corrie.optim.Anchor`

Every step reads ``windows`` windows of the text, in an order of their own in each round, as ``corrie.widen`` does.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from corrie.analysis.whole_file import write_whole
from corrie.models.model import Model
from corrie.optim import GO, Anchor, Average
from corrie.optim.distance import root_mean_square
from corrie.records.canonical import content_hash
from corrie.widening.course import Course
from corrie.widening.divergence import divergence_of
from corrie.widening.rounds import in_round

BETAS = (0.9, 0.95)
AVERAGES = (0.99, "uniform")
"""Of every run: exponential with this decay, and uniform."""

PROBE = 0.01
"""How far from the unmoved weights, in L2, ``function-sam`` asks for a direction."""

Step = Callable[[Tensor, float, float], float]
"""Ids, learning rate, share of σ → loss. One update."""


@dataclass(frozen=True)
class Method:
    """A way of training.

    make     of the student, the unmoved model, the setting, and the seed
    passes   over the text of a step
    """

    make: Callable[..., Step]
    passes: int


@dataclass(frozen=True)
class Trained:
    """What training left: the module, the mean loss of the last tenth, tokens read, wall and CPU seconds."""

    module: nn.Module
    loss: float
    tokens: int
    seconds: float
    cpu: float


def trained(base: Model, rows: Tensor, setting: dict[str, Any], kept: Path | None = None) -> Trained:
    """Train a copy of the base on rows of the text, shape (windows, tokens).

    A run's end and its averages are kept in a file of ``kept``: settings that differ in the average alone share one.
    """
    terms = {name: value for name, value in setting.items() if name != "average"}
    file = None if kept is None else kept / f"{content_hash(terms)[:16]}.pt"
    if file is None or not file.is_file():
        ends = _run(base, rows, terms)
        if file is not None:
            kept_there(file, ends)
    else:
        ends = torch.load(file, weights_only=True)
    student = copy.deepcopy(base.module)
    student.load_state_dict(ends["weights"][str(setting.get("average"))])
    method, steps = METHODS[setting["method"]], setting["steps"]
    tokens = steps * method.passes * setting["windows"] * rows.shape[1]
    return Trained(student, ends["loss"], tokens, ends["seconds"], ends["cpu"])


def kept_there(file: Path, ends: dict[str, Any]) -> None:
    """Written whole or not at all."""
    file.parent.mkdir(parents=True, exist_ok=True)
    write_whole(file, lambda new: torch.save(ends, new))


def _run(base: Model, rows: Tensor, setting: dict[str, Any]) -> dict[str, Any]:
    method, seed = METHODS[setting["method"]], setting.get("seed", 0)
    torch.manual_seed(seed)
    student = copy.deepcopy(base.module)
    steps, size = setting["steps"], setting["windows"]
    step = method.make(student, base.module, setting, seed)
    course = Course(steps=steps, sigma=0.0, rate=setting["rate"])
    averages = {str(d): Average(student.parameters(), d if isinstance(d, float) else None) for d in AVERAGES}
    losses, began, busy = [], time.monotonic(), time.process_time()
    for number in range(steps):
        places = [in_round(place, len(rows), seed) for place in range(number * size, (number + 1) * size)]
        rate = course.rate * _rate_share(course, number, setting.get("fall"))
        losses.append(step(rows[places], rate, course.sigma_share(number)))
        for average in averages.values():
            average.update()
    last = losses[-max(1, steps // 10) :]
    took = {"seconds": time.monotonic() - began, "cpu": time.process_time() - busy}
    weights = {"None": copy.deepcopy(student.state_dict())}
    for name, average in averages.items():
        with average.applied():
            weights[name] = copy.deepcopy(student.state_dict())
    return {"weights": weights, "loss": sum(last) / len(last), **took}


def _rate_share(course: Course, step: int, fall: float | None) -> float:
    """Rises as a run of widening does; then falls in a line over the last share of the steps."""
    rising = min(1.0, course.rate_share(step)) if fall is None or step < course.steps // 20 else 1.0
    return rising if fall is None else min(rising, (course.steps - step) / (fall * course.steps))


def text_loss(model: Any, ids: Tensor) -> Tensor:
    """Of the next token, nats."""
    loss: Tensor = model(input_ids=ids, labels=ids, use_cache=False).loss
    return loss


def _adamw(student: nn.Module, rate: float) -> torch.optim.AdamW:
    return torch.optim.AdamW(student.parameters(), lr=rate, betas=BETAS, weight_decay=0.0)


def _update(optimizer: torch.optim.Optimizer, rate: float) -> None:
    for group in optimizer.param_groups:
        group["lr"] = rate
    optimizer.step()
    optimizer.zero_grad()


def _read(
    student: nn.Module,
    ids: Tensor,
    optimizer: torch.optim.Optimizer,
    rate: float,
    moved: AbstractContextManager[object] | None = None,
) -> float:
    """One step on the loss of a text, its gradient at the weights as they are, or as ``moved`` has them."""
    with moved or nullcontext():
        loss = text_loss(student, ids)
        loss.backward()
    _update(optimizer, rate)
    return float(loss.detach())


def _fine_tune(student: nn.Module, unmoved: nn.Module, setting: dict[str, Any], seed: int) -> Step:
    optimizer = _adamw(student, setting["rate"])
    if "prior" in setting:
        Anchor(student.parameters(), setting["prior"]).hold(optimizer)

    return lambda ids, rate, share: _read(student, ids, optimizer, rate)


def _go(student: nn.Module, unmoved: nn.Module, setting: dict[str, Any], seed: int) -> Step:
    shares = [1.0]
    go = GO(_adamw(student, setting["rate"]), setting["sigma"], schedule=lambda step: shares[-1], seed=seed)

    def step(ids: Tensor, rate: float, share: float) -> float:
        shares.append(share)
        return _read(student, ids, go, rate, go.perturbed())

    return step


def _sam(student: nn.Module, unmoved: nn.Module, setting: dict[str, Any], seed: int) -> Step:
    from pytorch_optimizer import SAM

    optimizer = SAM(student.parameters(), torch.optim.AdamW, rho=setting["rho"], lr=setting["rate"], betas=BETAS,
                    weight_decay=0.0)  # fmt: skip

    def step(ids: Tensor, rate: float, share: float) -> float:
        for group in optimizer.param_groups:
            group["lr"] = rate
        text_loss(student, ids).backward()
        optimizer.first_step(zero_grad=True)
        loss = text_loss(student, ids)
        loss.backward()
        optimizer.second_step(zero_grad=True)
        return float(loss.detach())

    return step


def _function_sam(student: nn.Module, unmoved: nn.Module, setting: dict[str, Any], seed: int) -> Step:
    optimizer = _adamw(student, setting["rate"])
    tensors = list(student.parameters())
    dice = torch.Generator().manual_seed(seed)

    def moved_by(shift: list[Tensor], factor: float) -> None:
        with torch.no_grad():
            for tensor, part in zip(tensors, shift, strict=True):
                tensor.add_(part, alpha=factor)

    def of_length(parts: list[Tensor], length: float) -> list[Tensor]:
        whole = torch.sqrt(sum((part.square().sum() for part in parts), torch.zeros(())))
        return [part * (length / whole) for part in parts]

    def step(ids: Tensor, rate: float, share: float) -> float:
        said = _said(unmoved, ids)
        place = of_length([torch.randn(t.shape, generator=dice) for t in tensors], PROBE)
        kept = [tensor.detach().clone() for tensor in tensors]
        moved_by(place, 1.0)
        gradient = torch.autograd.grad(_divergence(student, ids, said), tensors)
        worst, told = of_length(list(gradient), share * setting["rho"]), 0.0
        for sign in (1.0, -1.0):
            with torch.no_grad():
                for tensor, start in zip(tensors, kept, strict=True):
                    tensor.copy_(start)
            moved_by(worst, sign)
            loss = _divergence(student, ids, said) / 2
            loss.backward()
            told += float(loss.detach())
        with torch.no_grad():
            for tensor, start in zip(tensors, kept, strict=True):
                tensor.copy_(start)
        _update(optimizer, rate)
        return told

    return step


def _ivon(student: nn.Module, unmoved: nn.Module, setting: dict[str, Any], seed: int) -> Step:
    """It clips by its own rule, here not. Its noise is torch's global one, which is seeded."""
    from ivon import IVON

    optimizer = IVON(student.parameters(), lr=setting["rate"], ess=setting["samples"], hess_init=setting["hessian"],
                     beta1=BETAS[0], beta2=0.999, weight_decay=1e-4)  # fmt: skip

    def step(ids: Tensor, rate: float, share: float) -> float:
        with optimizer.sampled_params(train=True):
            loss = text_loss(student, ids)
            loss.backward()
        _update(optimizer, rate)
        return float(loss.detach())

    return step


def _relative(student: nn.Module, unmoved: nn.Module, setting: dict[str, Any], seed: int) -> Step:
    """σ of a tensor is ``sigma`` of a typical weight of *all*, taken of the tensor's own instead."""
    sigma = setting["sigma"] / root_mean_square(torch.cat([p.detach().flatten() for p in student.parameters()]))
    shares = [1.0]
    go = GO(_adamw(student, setting["rate"]), sigma, relative=True, schedule=lambda step: shares[-1], antithetic=True,
            seed=seed)  # fmt: skip

    def step(ids: Tensor, rate: float, share: float) -> float:
        said, told = _said(unmoved, ids), 0.0
        shares.append(share)
        for _ in range(2):
            with go.perturbed():
                loss = _divergence(student, ids, said) / 2
                loss.backward()
            told += float(loss.detach())
        _update(go, rate)
        return told

    return step


@torch.no_grad()
def _said(unmoved: Any, ids: Tensor) -> Tensor:
    return torch.log_softmax(unmoved(input_ids=ids, use_cache=False).logits.float(), dim=-1)


def _divergence(student: Any, ids: Tensor, said: Tensor) -> Tensor:
    return divergence_of(student(input_ids=ids, use_cache=False).logits, said)


METHODS = {
    "fine-tune": Method(_fine_tune, 1),
    "go": Method(_go, 1),
    "sam": Method(_sam, 2),
    "function-sam": Method(_function_sam, 3),
    "ivon": Method(_ivon, 1),
    "relative": Method(_relative, 2),
}
"""By name."""
