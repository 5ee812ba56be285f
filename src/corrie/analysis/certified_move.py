"""What a certificate says about one fine-tune: the bound at its distance, or plainly that it says nothing.

A certificate bounds the score of the *smoothed* model around every x' of its subspace (:mod:`corrie.analysis.
certificate`). So it speaks of a fine-tune only if the fine-tune stands in that subspace, and then at r = ‖x'‖₂ in the
subspace's own coordinates: ‖B‖_F where they are an adapter's B, ‖Δθ‖₂ where they are the weights. Neither bounds the
other, so the two are never put into one number. What stands elsewhere gets no bound at all, not even a bad one.
"""

from __future__ import annotations

from typing import Literal

from corrie.analysis.certificate import DISTANCE_DIGITS, RATIO_DIGITS, Certificate, FineTuned
from corrie.analysis.statement import Verdict
from corrie.records.canonical import Record
from corrie.records.task import TaskIdentity
from corrie.stats.rounding import rounded_down, rounded_up


class Elsewhere(Record):
    """Why a certificate says nothing about a fine-tune.

    lies    ``outside`` of the subspace; ``unknown`` where the subspace could not be made again to look
    reason  in words
    """

    lies: Literal["outside", "unknown"]
    reason: str


class CertifiedMove(Record):
    """One certificate, one fine-tune, one capability.

    certificate  its digest
    name         its file's name
    verdict      *informative*, *vacuous* or *abstained* at r, as the certificate's own; *outside* and *unknown*: see
                 :class:`Elsewhere`, and every number but those of the design is None
    confidence, draws, dimension, sigma, examples   of the design
    subspace     in words
    measure      what r is, in words
    chance       of the task
    distance     r, rounded up
    ratio        r/σ, rounded up
    lower        the certified smoothed score at r, rounded down
    retain, floor, radius   up to ``radius`` it is certified to be ``floor``: chance and the share ``retain`` of what
                 the draws' mean has above it; None where it is certified at no distance
    left         radius − r, rounded down; None without a radius, and where r is beyond it
    conditions   probability, randomness, object and assumptions, in the certificate's words
    finding      the figures, in the certificate's words; or why there are none
    """

    certificate: str
    name: str
    verdict: Verdict | Literal["outside", "unknown"]
    confidence: float
    draws: int
    dimension: int
    sigma: float
    examples: int
    subspace: str
    measure: str
    chance: float
    distance: float | None = None
    ratio: float | None = None
    lower: float | None = None
    retain: float
    floor: float | None = None
    radius: float | None = None
    left: float | None = None
    conditions: str
    finding: str

    @classmethod
    def of(cls, certificate: Certificate, name: str, task: TaskIdentity, tuned: FineTuned | Elsewhere) -> CertifiedMove:
        """Ask a certificate about a fine-tune.

        Args:
            certificate: of the base, of this task among others.
            name: its file's name.
            task: which of its tasks.
            tuned: how far the fine-tune is from the base in the certificate's subspace; or why nobody can say.
        """
        spec = certificate.evidence.spec
        score = next(t for t in certificate.tasks if t.task.id == task.id)
        design = {
            "certificate": certificate.to_json()["digest"],
            "name": name,
            "confidence": spec.confidence,
            "draws": spec.draws,
            "dimension": certificate.evidence.dimension,
            "sigma": spec.sigma,
            "examples": len(score.evidence.examples),
            "subspace": str(spec.subspace),
            "measure": spec.subspace.measure,
            "chance": task.chance,
            "retain": certificate.retain,
            "conditions": certificate.conditions,
        }
        if isinstance(tuned, Elsewhere):
            return cls(**design, verdict=tuned.lies, finding=tuned.reason)
        r = rounded_up(tuned.distance, DISTANCE_DIGITS)
        asked = Certificate(certificate.evidence, tuned, certificate.retain)
        floor = score.floor(certificate.retain)
        radius = score.radius(floor)
        return cls(
            **design,
            verdict=score.verdict(r),
            distance=r,
            ratio=rounded_up(r / spec.sigma, RATIO_DIGITS),
            lower=score.lower(r),
            floor=floor,
            radius=radius,
            left=None if radius is None or r > radius else rounded_down(radius - r, DISTANCE_DIGITS),
            finding=asked.finding_of(score),
        )

    @property
    def speaks(self) -> bool:
        """Whether it says anything: a bound above chance at the fine-tune's distance."""
        return self.verdict == "informative"

    @property
    def remainder(self) -> str:
        """What r is, and what is left of the radius, in words."""
        said = f"r is {self.measure}"
        if self.radius is None:
            return said
        if self.left is None:
            return f"{said}; nothing is left of that radius, the fine-tune is beyond it"
        return f"{said}; {self.left:.4g} of that radius is left"

    @property
    def short(self) -> str:
        """The figures alone, for where the whole sentence stands beside them."""
        if self.distance is None or self.ratio is None or self.lower is None:
            return f"says nothing about this fine-tune, which {self.lies}"
        at = f"at r = {self.distance:.4g}, r/σ = {self.ratio:.3g}"
        if self.verdict != "informative":
            return f"{self.verdict.upper()}: no bound above chance for the smoothed model {at}"
        return f"smoothed model ≥ {self.lower:.4g} {at}; {self.remainder}"

    @property
    def lies(self) -> str:
        """Where the fine-tune lies, in words."""
        if self.verdict == "outside":
            return "does not lie in the certificate's subspace"
        if self.verdict == "unknown":
            return "cannot be looked for in the certificate's subspace, which is not available"
        return "lies in the certificate's subspace"

    def __str__(self) -> str:
        if self.distance is None:
            return (
                f"Certificate {self.name} ({self.subspace}): the fine-tune {self.lies}: it says nothing about this "
                f"fine-tune ({self.finding})."
            )
        return f"Certificate {self.name}. {self.conditions}: {self.finding}; {self.remainder}."
