"""One task's share of a certificate: what its draws say about the smoothed score at every distance."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from corrie.analysis.evidence import TaskEvidence
from corrie.analysis.statement import Verdict
from corrie.records.certificate_spec import CertificateSpec
from corrie.records.task import TaskIdentity
from corrie.stats.chance import above_chance
from corrie.stats.multiplicity import shared_confidence
from corrie.stats.per_example import PerExample
from corrie.stats.rounding import rounded_down, rounded_up
from corrie.stats.score_law import ScoreLaw

RATIOS = (0.0, 0.25, 0.5, 0.75, 1.0, 1.25, 1.5, 2.0, 2.5, 3.0)
"""r/σ at which the curve of the bound is written down."""


@dataclass(frozen=True)
class CertifiedScore:
    """What is certified about one task.

    evidence    its outcomes
    sigma       σ
    confidence  of its bound: the certificate's error, shared among the tasks

    ``law`` gives the lower bound at every distance (:class:`corrie.stats.ScoreLaw`); ``upper`` and ``safe`` are
    statements of their own, each with the same confidence: with the lower bound they do not hold *together* with it.
    """

    evidence: TaskEvidence
    levels: tuple[float, ...]
    sigma: float
    confidence: float

    @classmethod
    def of(cls, evidence: TaskEvidence, spec: CertificateSpec) -> CertifiedScore:
        """From a task's outcomes and the design."""
        levels = spec.levels_of(evidence.task.id)
        return cls(evidence, levels, spec.sigma, shared_confidence(spec.confidence, len(spec.tasks)))

    @property
    def task(self) -> TaskIdentity:
        return self.evidence.task

    @cached_property
    def scores(self) -> tuple[float, ...]:
        """J of each certifying draw: independent, one for each draw."""
        return tuple(map(self.evidence.score, self.evidence.draws))

    @cached_property
    def law(self) -> ScoreLaw:
        """How often the draws reached the thresholds."""
        return ScoreLaw.of(self.scores, self.levels, self.confidence)

    @property
    def unmoved(self) -> float:
        """J(θ0), of the point model."""
        return self.evidence.score(self.evidence.unmoved)

    @property
    def smoothed(self) -> float:
        """The mean over the certifying draws: an estimate of J̄_σ(θ0), not a bound."""
        return sum(self.scores) / len(self.scores)

    @property
    def present(self) -> bool:
        """Whether the unmoved model has the capability at all."""
        return above_chance(self.evidence.outcomes(self.evidence.unmoved), self.task.chance)

    def lower(self, distance: float) -> float:
        """The certified smoothed score after any change of this norm, rounded down to four digits."""
        return rounded_down(self.law.lower(distance / self.sigma), 4)

    def floor(self, retain: float) -> float:
        """Chance, and a share of what the draws' mean has above it; rounded up to four digits, as it is printed."""
        return min(1.0, max(0.0, rounded_up(self.task.chance + retain * (self.smoothed - self.task.chance), 4)))

    def radius(self, floor: float) -> float | None:
        """The largest norm up to which the smoothed score is certified to be ``floor`` or more, rounded down.

        None where it is certified at no norm, and for a floor of 0, which says nothing at any.
        """
        ratio = self.law.reach(floor) if floor > 0 else None
        return None if ratio is None else rounded_down(ratio * self.sigma, 4)

    @property
    def trivial(self) -> float:
        """What a bound must exceed to say something: chance; where chance is 0, one example (any score is above 0)."""
        return self.task.chance or 1 / len(self.evidence.examples)

    def says_something(self, distance: float) -> bool:
        """Whether the bound after a change of this norm is more than trivial."""
        found = self.lower(distance)
        return found > self.trivial if self.task.chance else found >= self.trivial

    def verdict(self, distance: float | None) -> Verdict:
        """*abstained*: the unmoved model does not have the capability, or the bound says nothing without any change.
        *vacuous*: at the asked distance it is at chance or below, or below one example. *informative*: above."""
        if not self.present or not self.says_something(0.0):
            return "abstained"
        return "informative" if distance is None or self.says_something(distance) else "vacuous"

    @cached_property
    def per_example(self) -> PerExample | None:
        """Simultaneous limits of every example's smoothed success; None where successes are no yes or no."""
        rows = self.evidence.draws
        if not all(isinstance(row, str) for row in rows):
            return None
        return PerExample.of([self.evidence.outcomes(row) for row in rows], self.confidence)

    def safe(self, distance: float) -> tuple[str, ...] | None:
        """Ids of the examples that a majority of draws still answers after any change of this norm."""
        if self.per_example is None:
            return None
        held = self.per_example.safe(distance / self.sigma)
        return tuple(id for id, safe in zip(self.evidence.examples, held, strict=True) if safe)

    def to_json(self, distance: float | None, retain: float) -> dict[str, Any]:
        """Plain data."""
        floor = self.floor(retain)
        radius = self.radius(floor)
        at = radius if distance is None else distance
        return {
            "task": self.task.name,
            "capability": self.task.capability,
            "chance": self.task.chance,
            "examples": len(self.evidence.examples),
            "verdict": self.verdict(distance),
            "confidence": self.confidence,
            "unmoved_score": self.unmoved,
            "smoothed_score": self.smoothed,
            "thresholds": list(self.law.thresholds),
            "reached": list(self.law.reached),
            "lower_limits": list(self.law.low),
            "bound": [
                {"ratio": ratio, "radius": ratio * self.sigma, "lower": self.lower(ratio * self.sigma)}
                for ratio in RATIOS
            ],
            "retained": {"share": retain, "floor": floor, "radius": radius},
            "above_chance": {"floor": self.trivial, "radius": self.radius(self.trivial)},
            "at_distance": None if distance is None else {"distance": distance, "lower": self.lower(distance)},
            "upper": {
                "note": "a statement of its own: it and the lower bound do not hold together with the same confidence",
                "at": [
                    {"ratio": ratio, "upper": rounded_up(self.law.upper(ratio), 4)} for ratio in RATIOS if ratio <= 1.5
                ],
            },
            "safe_examples": None
            if self.per_example is None or at is None
            else {
                "note": "a statement of its own: most draws answer each of these after any change of this norm",
                "radius": at,
                "ids": list(self.safe(at) or ()),
            },
        }
