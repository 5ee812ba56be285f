"""How a model is widened."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated

from corrie.errors import InputError
from corrie.questions.question import BaseQuestion
from corrie.questions.term import Term
from corrie.questions.terms import Retention, counts, read_duration

USUAL_BUDGET = 1200.0
"""Seconds, where neither time nor steps are given."""


def _number(name: str, least: float, found: str, advice: str, *, above: bool = False) -> Callable[[float], None]:
    """The check of a finite number that is at least, or above, another."""

    def check(value: float) -> None:
        if not math.isfinite(value) or value < least or (above and value == least):
            raise InputError(f"{name} {value:g}", found=found, advice=advice)

    return check


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
        float,
        Term(
            "How many times its present radius of agreement the noise is as large as.",
            _number("factor", 1, "a basin is made wider, not narrower", "--factor 2"),
        ),
    ] = 2.0
    sigma: Annotated[
        float | None,
        Term(
            "Noise per coordinate, in place of what --factor chooses by a measurement.",
            _number("sigma", 0, "it is no standard deviation", "--sigma 0.01"),
        ),
    ] = None
    budget: Annotated[
        float | None,
        Term(
            "Time for all of it, measuring before and after too: 90s, 20m, 2h. Default: 20m.",
            _number("budget", 0, "no length of time", "90s, 10m or 2h", above=True),
            read_duration,
        ),
    ] = None
    steps: Annotated[
        int | None,
        Term(
            "Steps of the optimizer, however long they take, in place of --budget; 0: only --balance.",
            counts("steps", 0),
        ),
    ] = None
    balance: Annotated[
        bool,
        Term(
            "First move factors between the weights: the function stays, and noise on each of them costs alike.",
            flags=("--balance/--no-balance",),
        ),
    ] = True
    rate: Annotated[
        float,
        Term(
            "Largest learning rate (AdamW): it rises, then falls to 0.",
            _number("rate", 0, "it is no learning rate", "--rate 0.0001", above=True),
        ),
    ] = 1e-4
    windows: Annotated[int, Term("Windows of text a step.", counts("windows"))] = 4
    window: Annotated[int, Term("Tokens of a window.", counts("tokens", 2))] = 64
    pairs: Annotated[int, Term("Pairs of opposite noise a step, on the same text.", counts("pairs"))] = 1
    anchor: Annotated[
        float,
        Term(
            "Weight of the loss without noise, beside 1 of the loss with it: keeps what is said.",
            _number("anchor", 0, "it is no weight of a loss", "--anchor 1"),
        ),
    ] = 0.0
    mix: Annotated[
        float,
        Term(
            "Weight of the loss on --labelled, beside 1 of the divergence from what the model says.",
            _number("mix", 0, "it is no weight of a loss", "--mix 1"),
        ),
    ] = 1.0
    written: Annotated[
        int, Term("Without --text: windows of text that the model writes itself.", counts("windows"))
    ] = 128
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
        if not self.measure and self.sigma is None and self.steps != 0:
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
        if self.steps == 0 and not self.balances:
            raise InputError(
                "no steps",
                found="nothing would change: no balance is made without noise, of adapters, or with --no-balance",
                advice="--steps 1, or more",
            )
        if self.most is not None and not self.measure:
            raise InputError("outcomes at most", found="nothing is measured", advice="--measure")

    @property
    def seconds(self) -> float | None:
        """How long all of it may take; None where steps are asked for."""
        return None if self.steps is not None else USUAL_BUDGET if self.budget is None else self.budget

    @property
    def balances(self) -> bool:
        """Whether factors are moved between the weights first: not where there is no noise, nor under adapters, which
        belong to the weights as they are."""
        return self.balance and self.lora is None and self.sigma != 0

    @property
    def patterns(self) -> tuple[str, ...]:
        """Which tensors are trained."""
        return tuple(self.tensors.split("+"))
