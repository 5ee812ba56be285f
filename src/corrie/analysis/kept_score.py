"""Whether a moved model keeps a capability: the event that a claim about directions counts."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from corrie.records.task import TaskIdentity
from corrie.stats.chance import above_chance

SLACK = 1e-9
"""Two scores closer than this are one score: a tie must not hang on the last bit of a division."""


@dataclass(frozen=True)
class KeptScore:
    """What of a task's score a direction must keep.

    Idea: the examples are fixed and scoring is a function of the weights, so J(θ0) is a known number and

        J(θ) ≥ J(θ0) − t (J(θ0) − c)

    is a plain yes or no at every θ: t the tolerance, c the chance score. No second error comes in, and nothing is said
    about other examples.

    J is the mean over the examples that are scored at θ0. One of them that cannot be scored at θ counts as 0: it has
    not been shown to be kept.

    task       what is measured
    unmoved    success of each example at θ0, None where it is unscored
    tolerance  share of the score above chance that may be lost

    >>> task = TaskIdentity(name="sums", capability="math", source="here", scoring="choice", chance=0.2, size=5,
    ...                     digest="d")
    >>> kept = KeptScore(task, (1.0, 1.0, 1.0, 1.0, 0.0), tolerance=0.5)
    >>> kept.score, kept.least, kept.losable
    (0.8, 0.5, 1)
    >>> kept.keeps((1.0, 1.0, 1.0, 0.0, 0.0)), kept.keeps((1.0, 1.0, 0.0, 0.0, 0.0))
    (True, False)
    """

    task: TaskIdentity
    unmoved: tuple[float | None, ...]
    tolerance: float

    @cached_property
    def examples(self) -> int:
        """How many examples count."""
        return sum(s is not None for s in self.unmoved)

    @cached_property
    def score(self) -> float:
        """J(θ0); 0 where no example is scored."""
        return self.of(self.unmoved) if self.examples else 0.0

    @cached_property
    def least(self) -> float:
        """The score that must be reached."""
        return self.score - self.tolerance * (self.score - self.task.chance)

    @property
    def losable(self) -> int:
        """How many whole examples may be lost on balance. 0: the tolerance is finer than one example is worth."""
        return math.floor((self.score - self.least + SLACK) * self.examples)

    @property
    def present(self) -> bool:
        """Whether the unmoved model has the capability: its score lies above chance (one-sided, confidence 0.95)."""
        scored = [s for s in self.unmoved if s is not None]
        return bool(scored) and above_chance(scored, self.task.chance)

    def of(self, successes: Sequence[float | None]) -> float:
        """J: the mean over the examples that count."""
        counted = [s or 0.0 for s, before in zip(successes, self.unmoved, strict=True) if before is not None]
        return sum(counted) / len(counted)

    def keeps(self, successes: Sequence[float | None]) -> bool:
        """Whether these successes, one for each example, keep the score."""
        return self.of(successes) >= self.least - SLACK
