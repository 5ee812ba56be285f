"""What is asked of a scan, as one frozen value."""

from __future__ import annotations

import math
from typing import Any, Self

import numpy as np
from pydantic import Field, SerializerFunctionWrapHandler, field_validator, model_serializer, model_validator

from corrie.errors import InputError
from corrie.records.canonical import Record
from corrie.records.direction import Direction
from corrie.records.scan_size import MOST_POINTS, ScanSize

LARGEST_STEP = 1e15
"""The largest |α|: beyond it the squares of distances leave the range of numbers."""


class AlphaGrid(Record):
    """Evenly spaced step sizes, both ends included, the same for every direction.

    >>> AlphaGrid.parse("0:0.04:5").values
    (0.0, 0.01, 0.02, 0.03, 0.04)
    """

    low: float
    high: float
    count: int

    @model_validator(mode="after")
    def _of_some_points(self) -> Self:
        """Ends that are numbers, and as many points as can be laid out, also where it is read from a file."""
        if not (math.isfinite(self.low) and math.isfinite(self.high) and 0 < self.count <= MOST_POINTS):
            raise InputError(f"alpha {self.low:g}:{self.high:g}:{self.count}", found="not a range", advice="0:0.04:5")
        return self

    @classmethod
    def parse(cls, text: str) -> AlphaGrid:
        """``LO:HI:N`` (or one number).

        Raises:
            InputError: no such range, an empty one, or a reversed one.
        """
        advice = "LO:HI:N, such as 0:0.04:5 (N evenly spaced points, both ends included)"
        parts = text.split(":")
        try:
            if len(parts) == 1:
                return cls.between(float(parts[0]), float(parts[0]), 1)
            low, high, count = float(parts[0]), float(parts[1]), int(parts[2])
            if len(parts) > 3:
                raise ValueError
        except (ValueError, IndexError):
            raise InputError(f"alpha {_short(text)}", found="not a range", advice=advice) from None
        return cls.between(low, high, count)

    @classmethod
    def between(cls, low: float, high: float, count: int) -> AlphaGrid:
        """N points from low to high."""
        asked = f"alpha {low:g}:{high:g}:{count}"
        if not (math.isfinite(low) and math.isfinite(high)):
            raise InputError(asked, found="an end that is not finite", advice="0:0.04:5")
        if count > MOST_POINTS:
            asked = f"alpha {low:g}:{high:g}:{str(count)[:40]}"
            raise InputError(
                asked,
                found=f"every point is a pass over every example, and these are more than {MOST_POINTS:,}",
                advice=f"{low:g}:{high:g}:101, or several runs",
            )
        if max(abs(low), abs(high)) > LARGEST_STEP:
            raise InputError(asked, found=f"a step beyond {LARGEST_STEP:g}, where no weight is left", advice="0:0.04:5")
        if not math.isfinite(high - low):
            raise InputError(asked, found="a range without a finite length", advice="0:0.04:5")
        if count < 1:
            raise InputError(asked, found="no points", advice="at least one point")
        if high < low:
            raise InputError(asked, found="the range is reversed", advice=f"{high:g}:{low:g}:{count}")
        if high == low and count > 1:
            raise InputError(asked, found="the range is empty", advice=f"{low:g} alone, or a wider range")
        if count == 1 and high != low:
            raise InputError(asked, found="one point cannot hold both ends", advice=f"{low:g}:{high:g}:2")
        return cls(low=low, high=high, count=count)

    @property
    def values(self) -> tuple[float, ...]:
        """The step sizes, rounded to 12 significant digits so that equal grids give equal points; 0 is 0."""
        dust = 1e-12 * (self.high - self.low)
        return tuple(0.0 if abs(a) < dust else float(f"{a:.12g}") for a in np.linspace(self.low, self.high, self.count))


class AlphaEdges(Record):
    """Find the edges: a scout direction on few examples widens until collapse, then one grid for all
    directions is laid around the edges it saw.

    points   step sizes in that grid
    """

    points: int = Field(default=8, ge=3)


class AlphaAuto(Record):
    """Find the radii: blocks of examples at steps and along directions that a plan chooses as it goes, until every
    radius at the spec's retention is as well known as asked (:mod:`corrie.scanning.plans.auto`).

    precision   upper over lower limit that is narrow enough
    most        outcomes of one task after which it is given up
    """

    precision: float = Field(default=2.0, gt=1.0, le=1e6)
    most: int = Field(default=640, gt=0, lt=2**48)


Alpha = AlphaGrid | AlphaEdges | AlphaAuto
"""Which step sizes: fixed ones, or looked for."""

_MOST_DIRECTIONS = 256
"""Directions that a plan may choose from where none are asked for."""


def parse_alpha(text: str, precision: float | None = None, most: int | None = None) -> Alpha:
    """``auto`` (find the radii, each to ``precision``, with at most ``most`` outcomes of a task), ``edges`` (a grid
    around the edges), or a range ``LO:HI:N``.

    Raises:
        InputError: no such range, a precision that is not above 1, no outcome, or one of these beside step sizes that
            are not ``auto``.

    >>> parse_alpha("auto"), parse_alpha("edges")
    (AlphaAuto(precision=2.0, most=640), AlphaEdges(points=8))
    """
    if text != "auto" and (precision is not None or most is not None):
        asked = f"precision {precision:g}" if precision is not None else f"at most {most} outcomes"
        raise InputError(
            f"{asked} with alpha {_short(text)}", found="only auto goes on until a radius is known",
            advice=f"--alpha auto, or no {'precision' if precision is not None else '--most'}",
        )  # fmt: skip
    if text == "auto":
        wanted = 2.0 if precision is None else precision
        if not 1 < wanted <= 1e6:
            found = "upper over lower limit of an interval is above 1"
            raise InputError(f"precision {wanted:g}", found=found, advice="2, or 1.5 for twice the work and more")
        if most is None:
            return AlphaAuto(precision=wanted)
        if not 0 < most < 2**48:
            raise InputError(f"at most {most} outcomes", found="a task needs some to be judged by", advice="--most 640")
        return AlphaAuto(precision=wanted, most=most)
    return AlphaEdges() if text == "edges" else AlphaGrid.parse(text)


def usual_directions(alpha: Alpha) -> int:
    """How many random directions a scan has that names none: eight, or as many as ``auto`` may choose from.

    >>> usual_directions(AlphaEdges()), usual_directions(AlphaAuto())
    (8, 256)
    """
    return _MOST_DIRECTIONS if isinstance(alpha, AlphaAuto) else 8


def usual_retention(alpha: Alpha) -> float:
    """The share to be kept in a scan that names none: 0.8 where a radius is looked for, 0.95 for an edge.

    A plateau's last twentieth shows in few answers, so the radius at 0.95 costs several times as many.
    """
    return 0.8 if isinstance(alpha, AlphaAuto) else 0.95


def size_of(
    directions: int, alpha: Alpha, beta: AlphaGrid | None = None, blocks: int | None = None, *, tasks: int = 1
) -> ScanSize:
    """What a scan over these step sizes asks for (``blocks`` of all ``tasks`` at one point)."""
    if isinstance(alpha, AlphaAuto):
        looks = -(-alpha.most // 10)
        steps = -(-looks // max(directions, 1))
        return ScanSize(min(directions, looks), steps, blocks=None if blocks is None else tasks, exact=False)
    if isinstance(alpha, AlphaEdges):
        return ScanSize(directions, alpha.points, blocks=blocks, exact=False)
    return ScanSize(directions, alpha.count, None if beta is None else beta.count, blocks)


def _short(text: str) -> str:
    """A text as an error repeats it."""
    return repr(text if len(text) <= 80 else f"{text[:77]}…")


class TaskRequest(Record):
    """A task by the id of its content, and how many of its examples (the first ones of its fixed shuffle)."""

    task: str
    limit: int = Field(gt=0, lt=2**48)


class ScanSpec(Record):
    """Which tasks at which points. The order of tasks and directions is the order in which they are asked for.

    Without ``beta`` the points lie on lines, θ0 + α δ for every direction and every α. With it they lie in the plane of
    two directions, θ0 + α δ1 + β δ2 for every α and every β.
    """

    tasks: tuple[TaskRequest, ...]
    directions: tuple[Direction, ...]
    alpha: Alpha
    block: int = Field(default=10, gt=0)
    retention: float = Field(default=0.95, gt=0.0, le=1.0)
    beta: AlphaGrid | None = None

    @field_validator("tasks")
    @classmethod
    def _some_task(cls, tasks: tuple[TaskRequest, ...]) -> tuple[TaskRequest, ...]:
        if not tasks:
            raise InputError("a scan", found="no task", advice="-t knowledge:40 (corrie tasks lists them)")
        return tasks

    @model_validator(mode="after")
    def _planes_have_two_directions(self) -> Self:
        if self.beta is not None:
            if len({d.id for d in self.directions}) != 2 or len(self.directions) != 2:
                listed = ", ".join(d.id for d in self.directions) or "none"
                raise InputError("a plane", found=f"these directions: {listed}", advice="two, each of its own")
            if not isinstance(self.alpha, AlphaGrid):
                raise InputError("a plane", found="alpha auto", advice="two ranges: --alpha 0:1:9 --beta 0:1:9")
            if self.alpha.count < 2 or self.beta.count < 2:
                raise InputError("a plane", found="a range of one point", advice="--alpha 0:1:9 --beta 0:1:9")
        return self

    @model_serializer(mode="wrap")
    def _lines_do_not_mention_planes(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """A spec of lines has the text that it had before there were planes."""
        said = handler(self)
        if self.beta is None:
            del said["beta"]
        return said

    @model_validator(mode="after")
    def _of_a_size(self) -> Self:
        self.size.check()
        return self

    @property
    def size(self) -> ScanSize:
        """How much it asks for."""
        blocks = sum(len(self.blocks(request)) for request in self.tasks)
        return size_of(len(self.directions), self.alpha, self.beta, blocks, tasks=len(self.tasks))

    @property
    def is_plane(self) -> bool:
        """Whether its points lie in the plane of two directions."""
        return self.beta is not None

    def blocks(self, request: TaskRequest) -> range:
        """The blocks that hold the first ``limit`` examples. Blocks are always computed whole."""
        return range(math.ceil(request.limit / self.block))
