"""A certificate as it is fixed before its first certifying draw."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from pydantic import Field, SerializerFunctionWrapHandler, field_validator, model_serializer, model_validator

from corrie.errors import InputError
from corrie.records.canonical import Record, content_hash
from corrie.records.direction import Direction, Gaussian
from corrie.records.fraction_spec import ROOM
from corrie.records.point import Point, Step
from corrie.records.rules import check_sigma
from corrie.records.scan_spec import AlphaGrid, ScanSpec, TaskRequest
from corrie.records.subspace import Coordinates, Subspace, SubspaceNoise
from corrie.stats.arguments import error_of
from corrie.stats.multiplicity import shared_confidence
from corrie.stats.score_law import choose_thresholds

_CERTIFYING, _SELECTING = 2**52, 2**53
"""Where the seeds of certifying and of selection draws begin: far from each other and from those that people use."""

_PARTS, _FINEST = 100, 10_000
"""Into how many steps a graded example's score is taken to fall where thresholds are chosen, and the most of them in
all examples together: thresholds a ten-thousandth apart are as good as any."""


def graded_parts(examples: int) -> int:
    """Into how many steps each of so many graded examples is taken to fall: hundredths, unless they are many.

    >>> graded_parts(6), graded_parts(1000), graded_parts(20_000)
    (100, 10, 1)
    """
    return max(1, min(_PARTS, _FINEST // examples))


class Levels(Record):
    """The thresholds of one task's score.

    task     the task's id
    levels   τ_1 < … < τ_K in (0, 1]
    parts    each is a multiple of 1/(parts · examples): 1 where an example is right or wrong, more where it is graded
    """

    task: str
    levels: tuple[float, ...] = Field(min_length=1)
    parts: int = Field(default=1, gt=0, le=_PARTS)

    @model_serializer(mode="wrap")
    def _right_or_wrong_is_not_mentioned(self, plain: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Thresholds that are multiples of what one example is worth have the text that they had before there were
        others."""
        written: dict[str, Any] = plain(self)
        if self.parts == 1:
            written.pop("parts", None)
        return written


class SelectingDraws(Record):
    """The draws that σ and thresholds are chosen on; they certify nothing.

    first   seed of the first
    count   how many
    ratio   r/σ at which the bound is wanted as high as can be
    most    thresholds a task may have
    """

    first: int = Field(ge=0)
    count: int = Field(gt=0)
    ratio: float = Field(ge=0)
    most: int = Field(gt=0)

    @property
    def seeds(self) -> range:
        """Of all of them."""
        return range(self.first, self.first + self.count)

    def choose(
        self, scores: Sequence[float], examples: int, draws: int, confidence: float, tasks: int, parts: int = 1
    ) -> tuple[float, ...]:
        """A task's thresholds, from the scores of the selection draws: a function of what is written down, so whoever
        has the outcomes can choose again.

        Args:
            scores: of the selection draws, in their order.
            examples: m; a score is a multiple of 1/m where each is right or wrong.
            draws: how many certifying draws there will be.
            confidence: with which all tasks' bounds shall hold together.
            tasks: how many tasks share it.
            parts: into how many steps of its own an example's score falls (:class:`Levels`).
        """
        return choose_thresholds(
            scores,
            self.ratio,
            draws=draws,
            count=self.most,
            confidence=shared_confidence(confidence, tasks),
            step=1 / examples,
            parts=parts,
        )


class CertificateSpec(Record):
    """ "For every weight change of norm ≤ r in this subspace, the σ-smoothed score of these tasks is at least …"

    tasks        what is certified: each task's first ``limit`` examples
    subspace     where noise and weight change live
    sigma        σ per coordinate
    lattice      e: noise, and the places spoken of, are multiples of 2^e; None: real arithmetic is an assumption
    draws        n, certifying draws, fixed beforehand
    confidence   with which all statements about all tasks hold together
    selection    what was chosen on which draws
    levels       the thresholds so chosen, a row a task
    first        seed of the first certifying draw
    block, rows  examples scored together, draws run as one batch: part of how a score is computed

    The *question* is tasks, subspace, σ and lattice; the rest is the *design*. A run keeps one design for each question
    (law 6 of :mod:`corrie.records.store`).
    """

    kind: Literal["certificate"] = "certificate"
    tasks: tuple[TaskRequest, ...]
    subspace: Subspace
    sigma: float
    lattice: int | None
    draws: int = Field(gt=0, le=ROOM)
    confidence: float
    selection: SelectingDraws
    levels: tuple[Levels, ...]
    first: int = Field(ge=0, lt=2**62)
    block: int = Field(default=10, gt=0)
    rows: int = Field(default=1, gt=0)

    @field_validator("tasks")
    @classmethod
    def _some_tasks(cls, tasks: tuple[TaskRequest, ...]) -> tuple[TaskRequest, ...]:
        if not tasks:
            raise InputError("a certificate", found="no task", advice="-t knowledge:40")
        if len({t.task for t in tasks}) < len(tasks):
            raise InputError("a certificate", found="a task is there twice", advice="each task once")
        return tasks

    @field_validator("sigma")
    @classmethod
    def _some_noise(cls, sigma: float) -> float:
        check_sigma(sigma, "0.4, say, or auto")
        return sigma

    @field_validator("confidence")
    @classmethod
    def _a_confidence(cls, confidence: float) -> float:
        error_of(confidence)
        return confidence

    @model_validator(mode="after")
    def _fresh(self) -> CertificateSpec:
        if {row.task for row in self.levels} != {t.task for t in self.tasks}:
            raise InputError("a certificate", found="thresholds of other tasks than those that are certified")
        if max(self.seeds.start, self.selection.first) < min(self.seeds.stop, self.selection.seeds.stop):
            raise InputError(
                f"{self.draws} certifying draws from seed {self.first}",
                found="some of them were used to select (seeds "
                f"{self.selection.first} to {self.selection.seeds.stop - 1}): they can certify nothing",
                advice=f"seeds from {self.selection.seeds.stop} on, or none",
            )
        return self

    @property
    def question(self) -> tuple[object, ...]:
        """What is asked, whatever the design."""
        return (tuple(sorted(self.tasks, key=lambda t: t.task)), self.subspace.id, self.sigma, self.lattice)

    @property
    def space_of_draws(self) -> str:
        """Which directions its seeds speak of: in the full space those of the whole model, as a Gaussian's do."""
        return "gaussian" if self.subspace.kind == "full" else self.subspace.id

    @property
    def seeds(self) -> range:
        """The seeds of the certifying draws."""
        return range(self.first, self.first + self.draws)

    @property
    def scan(self) -> ScanSpec:
        """What is scored at each point."""
        return certified_scan(self.tasks, self.sigma, self.block)

    def draws_along(self, direction: Direction) -> bool:
        """Whether a certifying draw is this direction, or made of the same numbers."""
        if isinstance(direction, Gaussian):
            return self.subspace.kind == "full" and direction.seed in self.seeds
        if not (isinstance(direction, SubspaceNoise) and direction.seed in self.seeds):
            return False
        full = self.subspace.kind == "full" and direction.subspace.startswith("full")
        return full or direction.subspace == self.subspace.id

    def point(self, draw: int, place: Coordinates | None = None) -> Point:
        """Certifying draw number ``draw`` (from 0), around the model or around a place of the subspace."""
        return noise_point(self.subspace, self.first + draw, self.lattice, self.sigma, place)

    def levels_of(self, task: str) -> tuple[float, ...]:
        """The thresholds of one task."""
        return self.row_of(task).levels

    def row_of(self, task: str) -> Levels:
        """The same with how they were chosen."""
        return next(row for row in self.levels if row.task == task)

    def __str__(self) -> str:
        return (
            f"a certificate at confidence {self.confidence}, σ = {self.sigma:g} in {self.subspace}, {self.draws} "
            f"draws from seed {self.first} after {self.selection.count} selection draws"
        )


def noise_point(
    subspace: Subspace, seed: int, lattice: int | None, sigma: float, place: Coordinates | None = None
) -> Point:
    """θ0 (+ x') + ε, ε the subspace's noise of this seed."""
    noise = Step(direction=SubspaceNoise(subspace=subspace.id, seed=seed, lattice=lattice), alpha=sigma)
    return Point(steps=(noise,) if place is None else (noise, Step(direction=place, alpha=1.0)))


def certified_scan(tasks: tuple[TaskRequest, ...], sigma: float, block: int) -> ScanSpec:
    """What is scored at each point of a certificate's run."""
    return ScanSpec(tasks=tasks, directions=(), alpha=AlphaGrid(low=sigma, high=sigma, count=1), block=block)


def own_seeds(question: object, kind: Literal["certifying", "selecting"]) -> int:
    """The first seed of a question's own draws: a hash of it, in a range of seeds that nobody else uses."""
    hashed = int(content_hash([kind, question])[:8], 16)
    return (_CERTIFYING if kind == "certifying" else _SELECTING) + ROOM * hashed
