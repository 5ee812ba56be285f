"""A claim about most directions, as it is fixed before its first draw."""

from __future__ import annotations

from functools import lru_cache
from typing import Literal

from pydantic import Field, field_validator, model_validator

from corrie.errors import InputError, UnknownName
from corrie.records.canonical import Record, content_hash
from corrie.records.direction import Direction, Gaussian
from corrie.records.point import Point
from corrie.records.rules import check_sigma, check_tolerance
from corrie.records.scan_spec import AlphaGrid, ScanSpec, TaskRequest
from corrie.records.subspace import SubspaceNoise
from corrie.stats.anytime_fraction import AnytimeFraction
from corrie.stats.planned_fraction import PlannedFraction

ROOM = 2**20
"""Seeds that are set aside for one claim, and so the most directions it may draw."""

_DESIGNS = ("zero-failure", "failures:K", "anytime")


class FractionSpec(Record):
    """ "With this confidence, at least this fraction of all directions keep the score of these tasks at this σ."

    tasks       what must be kept, all of it at once: a direction is good if every task keeps its score (in one order,
                whatever the order of asking)
    sigma       the step along a direction: noise per coordinate
    fraction, confidence   the claim
    tolerance   share of the unmoved model's score above chance that may be lost
    failures    how many of the planned draws may fail; None for the design that looks at any time
    first       the seed of the first draw; draw i is the Gaussian direction of seed first + i
    block       examples scored together

    The *question* is tasks, σ and tolerance; the *design* is the rest. A run keeps one design for each question, on
    directions that nobody has looked at (law 6 of :mod:`corrie.records.store`): a design chosen after its draws were
    seen has no confidence.

    >>> request = TaskRequest(task="knowledge-1f", limit=20)
    >>> spec = FractionSpec.of([request], sigma=0.001, fraction=0.9, confidence=0.95)
    >>> spec.design, spec.draws
    ('zero-failure', 29)
    >>> print(spec)
    at least 0.9 with confidence 0.95, σ = 0.001, tolerance 0.05, zero-failure, 29 draws from seed 6149079485644800
    """

    kind: Literal["fraction"] = "fraction"
    tasks: tuple[TaskRequest, ...]
    sigma: float
    fraction: float
    confidence: float
    tolerance: float = 0.05
    failures: int | None = Field(default=0, ge=0)
    first: int = Field(ge=0)
    block: int = Field(default=10, gt=0)

    @field_validator("tasks")
    @classmethod
    def _in_order(cls, tasks: tuple[TaskRequest, ...]) -> tuple[TaskRequest, ...]:
        if not tasks:
            raise InputError("a claim about directions", found="no task", advice="-t knowledge:40")
        if len({t.task for t in tasks}) < len(tasks):
            raise InputError("a claim about directions", found="a task is there twice", advice="each task once")
        return tuple(sorted(tasks, key=lambda t: t.task))

    @field_validator("sigma")
    @classmethod
    def _some_noise(cls, sigma: float) -> float:
        check_sigma(sigma, "0.001, say")
        return sigma

    @field_validator("tolerance")
    @classmethod
    def _a_share(cls, tolerance: float) -> float:
        check_tolerance(tolerance, "0.05")
        return tolerance

    @model_validator(mode="after")
    def _has_room(self) -> FractionSpec:
        if self.draws > ROOM:
            raise InputError(
                f"at least {self.fraction:g} of all directions",
                found=f"it takes {self.draws:,} draws; a claim may make {ROOM:,}",
                advice="a smaller fraction or confidence",
            )
        if self.first + ROOM > 2**63 - 1:
            raise InputError(f"seeds from {self.first}", found="no room for a claim's draws", advice="a smaller seed")
        return self

    @classmethod
    def of(
        cls,
        tasks: list[TaskRequest] | tuple[TaskRequest, ...],
        *,
        sigma: float,
        fraction: float,
        confidence: float,
        tolerance: float = 0.05,
        failures: int | None = 0,
        first: int | None = None,
        block: int = 10,
    ) -> FractionSpec:
        """A claim with seeds of its own.

        Unless ``first`` says otherwise, the first seed is a hash of the claim, from 2⁵² on, far from the seeds that
        people scan with. So the same claim draws the same directions in every run and of every model, and another
        claim or design others, never seen before, also in another run.

        Raises:
            InputError: σ not above 0, fraction or confidence outside (0, 1), a tolerance outside [0, 1), no task.
        """
        given = cls(
            tasks=tuple(tasks),
            sigma=sigma,
            fraction=fraction,
            confidence=confidence,
            tolerance=tolerance,
            failures=failures,
            first=0 if first is None else first,
            block=block,
        )
        if first is not None:
            return given
        hashed = int(content_hash(given.model_dump(mode="json", exclude={"first", "block"}))[:8], 16)
        return given.model_copy(update={"first": 2**52 + ROOM * hashed})

    @property
    def rule(self) -> PlannedFraction | AnytimeFraction:
        """What judges the draws."""
        if self.failures is None:
            return AnytimeFraction(self.fraction, self.confidence)
        return PlannedFraction(self.fraction, self.confidence, self.failures)

    @property
    def draws(self) -> int:
        """How many draws the plan has; for the design that looks at any time, how many settle it if none fails."""
        return self.rule.draws

    @property
    def design(self) -> str:
        """Its name on the command line."""
        if self.failures is None:
            return "anytime"
        return f"failures:{self.failures}" if self.failures else "zero-failure"

    @property
    def question(self) -> tuple[object, ...]:
        """What is asked, whatever the design."""
        return (self.tasks, self.sigma, self.tolerance)

    @property
    def space_of_draws(self) -> str:
        """Which directions its seeds speak of: those of the whole model."""
        return "gaussian"

    def draws_along(self, direction: Direction) -> bool:
        """Whether a draw of the claim may be this direction, or noise of a certificate made of the same numbers."""
        if isinstance(direction, SubspaceNoise):
            return direction.subspace.startswith("full") and direction.seed in self.seeds
        return isinstance(direction, Gaussian) and direction.seed in self.seeds

    @property
    def scan(self) -> ScanSpec:
        """What is scored at each point."""
        grid = AlphaGrid(low=self.sigma, high=self.sigma, count=1)
        return ScanSpec(
            tasks=self.tasks, directions=(), alpha=grid, block=self.block, retention=max(1 - self.tolerance, 1e-9)
        )

    @property
    def seeds(self) -> range:
        """The seeds the claim may come to use."""
        return range(self.first, self.first + (ROOM if self.failures is None else self.draws))

    def point(self, draw: int) -> Point:
        """Where draw number ``draw`` (from 0) looks: θ0 + σ δ."""
        return _moved(self.first + draw, self.sigma)

    def __str__(self) -> str:
        draws = f"draws from seed {self.first}"
        return (
            f"at least {self.fraction:g} with confidence {self.confidence:g}, σ = {self.sigma:g}, tolerance "
            f"{self.tolerance:g}, {self.design}, {draws if self.failures is None else f'{self.draws} {draws}'}"
        )


@lru_cache(maxsize=2**16)
def _moved(seed: int, sigma: float) -> Point:
    """θ0 + σ δ. Kept, for a plan goes through all its draws again after each."""
    return Point.along(Gaussian(seed=seed), sigma)


def parse_design(text: str) -> int | None:
    """``zero-failure``, ``failures:K`` (a plan that allows K, and draws more), or ``anytime``.

    Returns:
        How many failures the plan allows; None for the design that looks at any time.

    Raises:
        InputError: no such design.

    >>> parse_design("zero-failure"), parse_design("failures:2"), parse_design("anytime")
    (0, 2, None)
    """
    if text == "anytime":
        return None
    if text == "zero-failure":
        return 0
    kind, _, count = text.partition(":")
    if kind == "failures" and count.isdecimal():
        return int(count)
    raise UnknownName("design", text, _DESIGNS)
