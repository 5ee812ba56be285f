"""A point: where in parameter space a model is looked at, θ = θ0 + Σ α_k δ_k."""

from __future__ import annotations

import math
from functools import cached_property

from pydantic import field_validator

from corrie.errors import InputError
from corrie.records.canonical import Record, content_hash
from corrie.records.direction import Direction


class Step(Record):
    """α along one direction."""

    direction: Direction
    alpha: float

    @field_validator("alpha")
    @classmethod
    def _finite(cls, value: float) -> float:
        if not math.isfinite(value):
            raise ValueError(f"alpha must be finite, got {value}")
        return value


class Point(Record):
    """A finite sum of steps. The empty point is the model itself.

    Steps are kept in one order and steps of α = 0 are dropped, so equal places have equal ids.

    >>> from corrie.records.direction import Gaussian
    >>> point = Point.along(Gaussian(seed=0), 0.01)
    >>> print(point)
    θ0 + 0.01·gaussian:0@philox-1
    >>> Point.along(Gaussian(seed=0), 0.0) == Point() == Point.origin()
    True
    """

    steps: tuple[Step, ...] = ()

    @field_validator("steps")
    @classmethod
    def _in_order(cls, steps: tuple[Step, ...]) -> tuple[Step, ...]:
        ids = [s.direction.id for s in steps]
        if len(set(ids)) != len(ids):
            raise InputError(f"a point along {ids}", found="one direction twice", advice="add the two α")
        return tuple(sorted((s for s in steps if s.alpha != 0.0), key=lambda s: s.direction.id))

    @classmethod
    def origin(cls) -> Point:
        """The model itself."""
        return cls()

    @classmethod
    def along(cls, direction: Direction, alpha: float) -> Point:
        """θ0 + α δ."""
        return cls(steps=(Step(direction=direction, alpha=alpha),))

    @classmethod
    def at(cls, *steps: tuple[Direction, float]) -> Point:
        """θ0 + Σ α_k δ_k.

        >>> from corrie.records.direction import gaussian
        >>> one, two = gaussian(2)
        >>> print(Point.at((two, 0.5), (one, 0.0)))
        θ0 + 0.5·gaussian:1@philox-1
        """
        return cls(steps=tuple(Step(direction=d, alpha=a) for d, a in steps))

    @cached_property
    def id(self) -> str:
        """Hash of the content, 32 hexadecimal digits. Kept: plans ask for it at every block of every point."""
        return content_hash([[s.direction.id, s.alpha] for s in self.steps])[:32]

    def __str__(self) -> str:
        return "θ0" + "".join(f" + {s.alpha:g}·{s.direction.id}" for s in self.steps)
