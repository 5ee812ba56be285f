r"""The steps of a run: the smoothed loss falls, by pairs of opposite noise.

A step draws ε ~ N(0, σ²I), takes the gradient of the same text's loss L at θ + ε and at θ − ε, and lets AdamW update θ
with their mean. On the *same* text the terms of odd order in ε cancel exactly. That matters here more than in ordinary
training: where the model is its own teacher the gradient at θ0 + ε is, with the Fisher matrix F,

    ∇L(θ0 + ε) = F ε + ½ D³L[ε, ε] + …,

whose first term has mean 0, is larger than all others by about the inverse of the relative noise, and is all that a
single ε would mostly show. What the smoothed loss wants lowered, E L(θ + ε) ≈ L(θ) + ½ σ² tr F(θ), has its gradient in
the second term, which both signs share.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping

import torch
from torch import Tensor, nn

from corrie.errors import ModelError
from corrie.optim.go import GO
from corrie.weights.uninterrupted import Uninterrupted
from corrie.widening.course import Course

_BESIDE = 1.1
"""A step takes longer than its passes, for the optimizer."""

Loss = Callable[[], Tensor]
"""The loss of a step's text at the weights as they are."""


class SmoothedDescent:
    """θ ← θ − AdamW(mean over ±ε of ∇L(θ + ε)), step by step.

    Args:
        trained: name → tensor that is updated.
        course: the run's terms.
        moved: name → tensor that the noise moves; None: those that are trained.

    losses    mean at the noise, of every finished step
    seconds, cpu   wall and CPU time of all steps

    On an ordinary loss it finds, of equally good minima, the flattest. With L = ½ (ab − 1)² every ab = 1 is a minimum;
    E L(θ + ε) = ½ ((ab − 1)² + σ² (a² + b²) + σ⁴) has its least at a = b = √(1 − σ²).

    >>> a, b = nn.Parameter(torch.tensor(2.0)), nn.Parameter(torch.tensor(0.5))
    >>> run = SmoothedDescent({"a": a, "b": b}, Course(steps=60, sigma=0.2, rate=0.1))
    >>> for _ in range(60):
    ...     _ = run.step(lambda: 0.5 * (a * b - 1).square())
    >>> abs(a.item() - b.item()) < 0.3
    True
    """

    def __init__(
        self, trained: Mapping[str, nn.Parameter], course: Course, moved: Mapping[str, nn.Parameter] | None = None
    ) -> None:
        self.course = course
        self.trained = dict(trained)
        moved = trained if moved is None else moved
        tensors = [*self.trained.values(), *(p for n, p in moved.items() if n not in trained)]
        self.base = torch.optim.AdamW(tensors, lr=course.rate, betas=course.betas, weight_decay=0.0)
        self.go = GO(
            self.base,
            course.sigma,
            relative=False,
            schedule=course.sigma_share,
            tensors=moved.values(),
            frozen=True,
            antithetic=True,
            seed=course.seed,
        )
        self.losses: list[float] = []
        self.seconds = self.cpu = 0.0

    @property
    def done(self) -> int:
        """Finished steps."""
        return len(self.losses)

    @property
    def sigma(self) -> float:
        """Of the next step."""
        return self.course.sigma * self.course.sigma_share(self.done)

    def step(self, loss: Loss) -> float:
        """One update; returns the mean loss at the noise.

        Raises:
            ModelError: the loss is no number.
        """
        draws, anchor = 2 * self.course.pairs, self.course.anchor
        began, busy, told = time.perf_counter(), time.process_time(), 0.0
        for _ in range(draws):
            with self.go.perturbed():
                value = loss()
                (value / (draws * (1 + anchor))).backward()
            told += float(value.detach()) / draws
        if anchor:
            (loss() * (anchor / (1 + anchor))).backward()
        if not math.isfinite(told):
            raise ModelError(
                f"step {self.done + 1} of {self.course.steps}",
                found=f"the loss is no number at σ = {self.sigma:g}",
                advice="a smaller --rate, or a smaller --factor",
            )
        with Uninterrupted():
            for group in self.base.param_groups:
                group["lr"] = self.course.rate * self.course.rate_share(self.done)
            self.go.step()
            self.go.zero_grad()
            self.losses.append(told)
            self.seconds += time.perf_counter() - began
            self.cpu += time.process_time() - busy
        return told

    def rehearse(self, loss: Loss) -> float:
        """About how many seconds a step takes: its passes are timed, nothing is changed."""
        took = 0.0
        for _ in range(2):  # the first time memory is new
            began = time.perf_counter()
            with self.go.perturbed():
                loss().backward()
            took = time.perf_counter() - began
        self.go.zero_grad()
        self._stand_at(self.done)
        return took * self.course.passes * _BESIDE

    # -- where it stands -------------------------------------------------------------------------------------------

    def tensors(self) -> dict[str, Tensor]:
        """All numbers that the next step depends on, by name."""
        found: dict[str, Tensor] = {}
        for name, parameter in self.trained.items():
            found[f"weight/{name}"] = parameter.detach()
            for key in ("exp_avg", "exp_avg_sq"):
                if parameter in self.base.state:
                    found[f"{key}/{name}"] = self.base.state[parameter][key]
        return found

    @torch.no_grad()
    def resume(self, tensors: Mapping[str, Tensor], losses: list[float]) -> None:
        """Go on where :meth:`tensors` were taken, after the steps with these losses."""
        for name, parameter in self.trained.items():
            parameter.copy_(tensors[f"weight/{name}"])
            if f"exp_avg/{name}" in tensors:
                self.base.state[parameter] = {
                    "step": torch.tensor(float(len(losses))),
                    **{
                        key: tensors[f"{key}/{name}"].to(parameter.device, parameter.dtype, copy=True)
                        for key in ("exp_avg", "exp_avg_sq")
                    },
                }
        self.losses = list(losses)
        self._stand_at(self.done)

    def _stand_at(self, done: int) -> None:
        """The noise of the step after so many."""
        for group in self.go.param_groups:
            group["go_steps"], group["go_draws"] = done, done * 2 * self.course.pairs
