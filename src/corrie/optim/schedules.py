"""How GO's σ changes over a run: a factor as a function of the number of finished optimizer steps.

Any callable ``step -> factor`` will do; these are the usual ones, under names.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from corrie.errors import InputError


@dataclass(frozen=True, slots=True)
class Constant:
    """The same σ throughout.

    >>> Constant()(1000)
    1.0
    """

    def __call__(self, step: int) -> float:
        return 1.0


@dataclass(frozen=True, slots=True)
class Ramp:
    """A straight line from ``start`` to ``end`` over ``steps`` optimizer steps, then ``end``.

    >>> ramp = Ramp(100)
    >>> ramp(0), ramp(50), ramp(500)
    (0.0, 0.5, 1.0)
    """

    steps: int
    start: float = 0.0
    end: float = 1.0

    def __post_init__(self) -> None:
        _refuse_empty("Ramp", self.steps)

    def __call__(self, step: int) -> float:
        return self.start + (self.end - self.start) * min(step / self.steps, 1.0)


@dataclass(frozen=True, slots=True)
class Cosine:
    """Half a cosine from ``start`` to ``end`` over ``steps`` optimizer steps, then ``end``.

    >>> cosine = Cosine(100)
    >>> cosine(0), round(cosine(50), 12), cosine(100)
    (1.0, 0.5, 0.0)
    """

    steps: int
    start: float = 1.0
    end: float = 0.0

    def __post_init__(self) -> None:
        _refuse_empty("Cosine", self.steps)

    def __call__(self, step: int) -> float:
        share = min(step / self.steps, 1.0)
        return self.end + (self.start - self.end) * (1.0 + math.cos(math.pi * share)) / 2.0


def _refuse_empty(name: str, steps: int) -> None:
    if steps < 1:
        raise InputError(f"{name}(steps={steps})", found="a schedule needs at least one step", advice=f"{name}(1000)")
