"""One training run, pre-training or fine-tuning: the loop, and the optimizers that it takes."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import torch
from ladder import Size, build
from local_noise import LocalNoise
from recipes import Recipe
from torch import Tensor, nn
from torch.nn import functional

from corrie.optim import GO, choose

BETAS = (0.9, 0.95)
IVON_BETA = 0.999
"""Of its Hessian: the library's 0.99999 would leave it where it began, in runs this short."""

WARM_UP, FLOOR = 0.05, 0.1


def pretrain(
    size: Size, recipe: Recipe, seed: int, batches: Callable[[int], Iterable[Tensor]], device: str = "cpu"
) -> nn.Module:
    """A model of this size, trained by this recipe.

    Args:
        batches: how many → so many batches.
    """
    model = build(size, seed, recipe.dropout, recipe.scale).to(device)  # type: ignore[arg-type]
    steps = round(size.steps * recipe.longer) // recipe.passes
    lr = size.lr * recipe.lr_factor
    step = STEPS[recipe.kind](model, recipe, lr, steps, seed)
    model.train()
    for number, ids in enumerate(batches(steps)):
        step(ids, lr * _factor(number, steps))
    return model.eval()


def fine_tune(
    model: nn.Module, batches: Iterable[Tensor], lr: float, watch: Callable[[int], None], scale: float = 1.0
) -> None:
    """Plain AdamW at a constant rate, the same for every model, in units of its ``scale``: one function at two scales
    learns the same. ``watch`` is told the number of finished steps.
    """
    step = _adamw(model, Recipe("fine-tune", weight_decay=0.0, scale=scale), lr, 0, 0)
    watch(0)
    for number, ids in enumerate(batches, start=1):
        model.train()
        step(ids, lr * min(1.0, number / 10))
        model.eval()
        watch(number)


def _factor(number: int, steps: int) -> float:
    """Of the learning rate at a step: warm-up, then half a cosine."""
    warm = max(1, round(WARM_UP * steps))
    if number < warm:
        return (number + 1) / warm
    return FLOOR + (1 - FLOOR) * (1 + math.cos(math.pi * (number - warm) / max(1, steps - warm))) / 2


def loss_of(model: nn.Module, ids: Tensor) -> Tensor:
    """Mean nats per token."""
    ids = ids.to(next(model.parameters()).device)
    logits = model(input_ids=ids, use_cache=False).logits
    return functional.cross_entropy(logits[:, :-1].reshape(-1, logits.shape[-1]), ids[:, 1:].reshape(-1))


@dataclass(frozen=True, slots=True)
class Course:
    """GO's σ over a run: nothing for ``begin`` steps, a straight line to its full size over ``rise`` more, and over the
    last ``fade`` of the ``steps`` a straight line back to nothing.
    """

    begin: int
    rise: int
    fade: int
    steps: int

    @classmethod
    def of(cls, recipe: Recipe, steps: int) -> Course:
        """A recipe's, over so many steps."""
        return cls(round(recipe.begin * steps), max(1, round(recipe.ramp * steps)), round(recipe.fade * steps), steps)

    def __call__(self, step: int) -> float:
        risen = min(max(step + 1 - self.begin, 0) / self.rise, 1.0)
        left = max(self.steps - 1 - step, 0) / self.fade if self.fade else 1.0
        return min(risen, left)


Step = Callable[[Tensor, float], None]


def _base(model: nn.Module, recipe: Recipe, lr: float) -> torch.optim.AdamW:
    return torch.optim.AdamW(_groups(model, recipe), lr=lr, betas=BETAS, fused=True)


def _groups(model: nn.Module, recipe: Recipe) -> list[dict[str, Any]]:
    """Matrices decay, vectors (norms) do not."""
    return [
        {
            "params": [p for p in model.parameters() if p.dim() > 1],
            "weight_decay": recipe.weight_decay / recipe.scale,
            "lr_factor": recipe.scale,
        },
        {
            "params": [p for p in model.parameters() if p.dim() == 1],
            "weight_decay": 0.0,
            "lr_factor": 1 / recipe.scale,
        },
    ]


def _finish(model: nn.Module, optimizer: Any, lr: float) -> None:
    for group in optimizer.param_groups:
        group["lr"] = lr * group["lr_factor"]
    nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    optimizer.zero_grad()


def _adamw(model: nn.Module, recipe: Recipe, lr: float, steps: int, seed: int) -> Step:
    optimizer = _base(model, recipe, lr)

    def step(ids: Tensor, lr: float) -> None:
        loss_of(model, ids).backward()
        _finish(model, optimizer, lr)

    return step


def _go(model: nn.Module, recipe: Recipe, lr: float, steps: int, seed: int) -> Step:
    optimizer = GO(
        _base(model, recipe, lr),
        sigma=recipe.sigma,
        relative=recipe.relative,
        schedule=Course.of(recipe, steps),
        tensors=choose(model, *recipe.tensors),
        antithetic=recipe.antithetic,
        seed=seed,
    )

    def step(ids: Tensor, lr: float) -> None:
        clean = round(recipe.clean * len(ids))
        if clean:
            (loss_of(model, ids[:clean]) * clean / len(ids)).backward()
        for part in ids[clean:].chunk(recipe.draws):
            with optimizer.perturbed():
                (loss_of(model, part) * len(part) / len(ids)).backward()
        _finish(model, optimizer, lr)

    return step


def _local(model: nn.Module, recipe: Recipe, lr: float, steps: int, seed: int) -> Step:
    optimizer = _base(model, recipe, lr)
    noise = LocalNoise(model)
    schedule = Course.of(recipe, steps)
    done = 0

    def step(ids: Tensor, lr: float) -> None:
        nonlocal done
        noise.sigma = recipe.sigma * schedule(done)
        done += 1
        loss_of(model, ids).backward()
        _finish(model, optimizer, lr)
        if done == steps:
            noise.remove()

    return step


def _sam(model: nn.Module, recipe: Recipe, lr: float, steps: int, seed: int) -> Step:
    from pytorch_optimizer import SAM

    optimizer = SAM(
        _groups(model, recipe),
        torch.optim.AdamW,
        rho=recipe.rho,
        adaptive=recipe.adaptive,
        lr=lr,
        betas=BETAS,
        fused=True,
    )

    def step(ids: Tensor, lr: float) -> None:
        for group in optimizer.param_groups:
            group["lr"] = lr * group["lr_factor"]
        loss_of(model, ids).backward()
        optimizer.first_step(zero_grad=True)
        loss_of(model, ids).backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.second_step(zero_grad=True)

    return step


def _ivon(model: nn.Module, recipe: Recipe, lr: float, steps: int, seed: int) -> Step:
    """Its noise is torch's global one, which :func:`ladder.build` has seeded. It clips by its own rule, here not."""
    from ivon import IVON

    optimizer = IVON(
        model.parameters(),
        lr=lr,
        ess=recipe.samples,
        hess_init=recipe.hessian,
        beta1=BETAS[0],
        beta2=IVON_BETA,
        weight_decay=recipe.weight_decay,
    )

    def step(ids: Tensor, lr: float) -> None:
        for group in optimizer.param_groups:
            group["lr"] = lr
        with optimizer.sampled_params(train=True):
            loss_of(model, ids).backward()
        optimizer.step()
        optimizer.zero_grad()

    return step


STEPS: dict[str, Callable[..., Step]] = {"adamw": _adamw, "go": _go, "local": _local, "sam": _sam, "ivon": _ivon}
