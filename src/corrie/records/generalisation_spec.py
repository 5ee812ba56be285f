"""A question about new examples, as it is written down before its draws."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, field_validator

from corrie.records.canonical import Record
from corrie.records.certificate_spec import certified_scan, noise_point, own_seeds
from corrie.records.point import Point, Step
from corrie.records.rules import check_sigma
from corrie.records.scan_spec import ScanSpec, TaskRequest
from corrie.records.subspace import Coordinates, Subspace
from corrie.stats.arguments import error_of


class GeneralisationSpec(Record):
    """ "On new examples like these, the model drawn around this fine-tune scores at least …"

    tasks        what was seen: each task's first ``limit`` examples
    subspace     where noise and fine-tune live
    sigma        σ of prior and posterior, per coordinate
    lattice      e: noise and place are multiples of 2^e; None: real arithmetic is an assumption
    place        x', the posterior's centre
    distance     ‖x'‖₂, rounded up
    draws        M, looked at so far; the limit holds at every M
    confidence   with which all tasks' statements hold together
    choices      how many statements (fine-tune, subspace and σ) were open to choice
    block, rows  examples scored together, draws run as one batch: part of how a score is computed
    """

    kind: Literal["generalisation"] = "generalisation"
    tasks: tuple[TaskRequest, ...] = Field(min_length=1)
    subspace: Subspace
    sigma: float
    lattice: int | None
    place: Coordinates
    distance: float = Field(ge=0)
    draws: int = Field(gt=0)
    confidence: float
    choices: int = Field(default=1, gt=0)
    block: int = Field(default=10, gt=0)
    rows: int = Field(default=1, gt=0)

    @field_validator("sigma")
    @classmethod
    def _some_noise(cls, sigma: float) -> float:
        check_sigma(sigma)
        return sigma

    @field_validator("confidence")
    @classmethod
    def _a_confidence(cls, confidence: float) -> float:
        error_of(confidence)
        return confidence

    @property
    def first(self) -> int:
        """Seed of the first draw: a hash of what is asked, whatever M and the confidence are."""
        asked = [t.model_dump() for t in sorted(self.tasks, key=lambda t: t.task)]
        question = ["generalisation", asked, self.subspace.id, self.sigma, self.lattice, self.place.id]
        return own_seeds(question, "certifying")

    @property
    def scan(self) -> ScanSpec:
        """What is scored at each point."""
        return certified_scan(self.tasks, self.sigma, self.block)

    @property
    def centre(self) -> Point:
        """The one model at x'."""
        return Point(steps=(Step(direction=self.place, alpha=1.0),))

    def point(self, draw: int) -> Point:
        """Draw number ``draw`` (from 0) of the posterior, x' + ε."""
        return noise_point(self.subspace, self.first + draw, self.lattice, self.sigma, self.place)

    def __str__(self) -> str:
        return f"what {self.place.name or self.place.id} says about new examples, σ = {self.sigma:g} in {self.subspace}"
