"""How a model is widened."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated

from corrie.errors import InputError
from corrie.questions.question import BaseQuestion
from corrie.questions.term import Term
from corrie.questions.terms import Retention, counts, read_duration

USUAL_BUDGET = 1200.0
"""Seconds, where neither time nor steps are given."""


def _a_factor(factor: float) -> None:
    if not (math.isfinite(factor) and factor >= 1):
        raise InputError(f"factor {factor:g}", found="a basin is made wider, not narrower", advice="--factor 2")


def _a_noise(sigma: float) -> None:
    if not (math.isfinite(sigma) and sigma >= 0):
        raise InputError(f"sigma {sigma:g}", found="it is no standard deviation", advice="--sigma 0.01")


def _a_rate(rate: float) -> None:
    if not (math.isfinite(rate) and rate > 0):
        raise InputError(f"rate {rate:g}", found="it is no learning rate", advice="--rate 0.0001")


def _a_weight(anchor: float) -> None:
    if not (math.isfinite(anchor) and anchor >= 0):
        raise InputError(f"anchor {anchor:g}", found="it is no weight of a loss", advice="--anchor 1")


def _a_budget(seconds: float) -> None:
    if not (math.isfinite(seconds) and seconds > 0):
        raise InputError(f"budget {seconds:g}", found="no length of time", advice="90s, 10m or 2h")


def _a_seed(seed: int) -> None:
    if not 0 <= seed < 2**62:
        raise InputError(f"seed {seed}", found="no seed", advice="a number from 0 on")


@dataclass(frozen=True, kw_only=True)
class WideningQuestion(BaseQuestion):
    """A short run of GO in which the model is its own teacher.

    >>> WideningQuestion().seconds, WideningQuestion(budget=60.0).seconds, WideningQuestion(steps=5).seconds
    (1200.0, 60.0, None)
    """

    factor: Annotated[
        float, Term("How many times its present radius of agreement the noise is as large as.", _a_factor)
    ] = 2.0
    sigma: Annotated[
        float | None, Term("Noise per coordinate, in place of what --factor chooses by a measurement.", _a_noise)
    ] = None
    budget: Annotated[
        float | None,
        Term(
            "Time for all of it, measuring before and after too: 90s, 20m, 2h. Default: 20m.", _a_budget, read_duration
        ),
    ] = None
    steps: Annotated[
        int | None, Term("Steps of the optimizer, however long they take, in place of --budget.", counts("steps"))
    ] = None
    rate: Annotated[float, Term("Largest learning rate (AdamW): it rises, then falls to 0.", _a_rate)] = 1e-4
    windows: Annotated[int, Term("Windows of text a step.", counts("windows"))] = 4
    window: Annotated[int, Term("Tokens of a window.", counts("tokens", 2))] = 64
    pairs: Annotated[int, Term("Pairs of opposite noise a step, on the same text.", counts("pairs"))] = 1
    anchor: Annotated[
        float, Term("Weight of the loss without noise, beside 1 of the loss with it: keeps what is said.", _a_weight)
    ] = 0.0
    written: Annotated[
        int, Term("Without --text: windows of text that the model writes itself.", counts("windows"))
    ] = 256
    tensors: Annotated[
        str, Term("What is trained: shell patterns, joined by +. The noise is on all that --include lets move.")
    ] = "*"
    lora: Annotated[
        int | None, Term("Train adapters of this rank on every linear layer in the weights' place.", counts("ranks"))
    ] = None
    measure: Annotated[
        bool,
        Term(
            "Measure radii and scores before and after. Without, --sigma is needed.",
            flags=("--measure/--no-measure",),
        ),
    ] = True
    most: Annotated[
        int | None,
        Term("Outcomes of a task at most that measuring takes, each time. Default: 640.", counts("outcomes")),
    ] = None
    retention: Retention = 0.8
    seed: Annotated[int, Term("Of the noise, of the order of the text, and of what the model writes.", _a_seed)] = 0

    def check(self) -> None:
        """σ is given or measured; time or steps; adapters or chosen tensors."""
        if not self.measure and self.sigma is None:
            raise InputError(
                "widening without measuring", found="nothing to choose the noise by", advice="--sigma 0.01 beside it"
            )
        if self.budget is not None and self.steps is not None:
            raise InputError("a budget and steps", found="each says when the run ends", advice="one of the two")
        if self.lora is not None and self.tensors != "*":
            raise InputError(
                f"tensors {self.tensors} and adapters",
                found="adapters are on every linear layer, and nothing else is trained",
                advice="one of the two",
            )
        if self.most is not None and not self.measure:
            raise InputError("outcomes at most", found="nothing is measured", advice="--measure")

    @property
    def seconds(self) -> float | None:
        """How long all of it may take; None where steps are asked for."""
        return None if self.steps is not None else USUAL_BUDGET if self.budget is None else self.budget

    @property
    def patterns(self) -> tuple[str, ...]:
        """Which tensors are trained."""
        return tuple(self.tensors.split("+"))
