"""A certificate: what is sure about every weight change of a norm, as a frozen value, a sentence and a file.

Idea
----
Noise ε ~ N(0, σ²I_k) on the coordinates x of a subspace; J(x) the score of fixed examples at θ0 + L x. With the limits
p_k of P(J(ε) ≥ τ_k) from n independent draws, for every x' with ‖x'‖ ≤ r at once,

    E J(x' + ε)  ≥  Σ_k (τ_k − τ_{k−1}) Φ(Φ⁻¹(p_k) − r/σ)                                (:mod:`corrie.stats.score_law`)

with the stated confidence over the draws. It is about the *smoothed* model, x' + ε with fresh ε at each asking, never
about the one model at x'. Several tasks share the error, so all their bounds hold together. What follows from what, and
what is assumed, is in ``design/what-a-certificate-says.md``; the proofs for subspaces are in
``design/subspace-certificates.md``.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

from corrie.analysis.certified_score import CertifiedScore
from corrie.analysis.evidence import Evidence
from corrie.analysis.statement import Card, Chart, Line, Statement, Terms, Verdict, kept_in
from corrie.analysis.whole_file import write_whole
from corrie.questions.certificate import CertificateQuestion
from corrie.questions.terms import check_retain
from corrie.records.canonical import Record, canonical_json
from corrie.records.model import ModelIdentity
from corrie.records.rules import check_distance
from corrie.records.run_folder import RunFolder
from corrie.records.sealed import sealed
from corrie.stats.rounding import rounded_up

DISTANCE_DIGITS, RATIO_DIGITS = 4, 3
"""Significant digits of r and of r/σ where they are said: both are rounded up, and the bound is that of the r said."""


class FineTuned(Record):
    """How far a fine-tune, or a distance that was asked about, is from the model.

    distance   ‖x'‖₂ in the certificate's subspace, rounded up
    name       what lies there; empty for a bare distance
    content    hash of its coordinates; empty for a bare distance
    """

    distance: float
    name: str = ""
    content: str = ""


@dataclass(frozen=True)
class Certificate(Statement):
    """A finished certificate.

    evidence   the design, and every outcome
    about      the fine-tune or distance it was asked about; None for none
    retain     share of the smoothed score above chance that the stated radius keeps

    >>> import corrie
    >>> from corrie.testing.toy_models import toy_model
    >>> from corrie.testing.toy_tasks import toy_choice
    >>> found = corrie.certify(toy_model(), [(toy_choice(), 10)], subspace="adapter:q_proj:1", sigma=0.05, draws=60)
    >>> found.verdict
    'informative'
    """

    kind: ClassVar[str] = "certificate"

    evidence: Evidence
    about: FineTuned | None = None
    retain: float = CertificateQuestion.retain

    def __post_init__(self) -> None:
        check_retain(self.retain)
        check_distance(0.0 if self.about is None else self.about.distance)

    @cached_property
    def tasks(self) -> tuple[CertifiedScore, ...]:
        """Each task's share, in the order of asking."""
        return tuple(CertifiedScore.of(e, self.evidence.spec) for e in self.evidence.tasks)

    @property
    def distance(self) -> float | None:
        """The distance asked about."""
        return None if self.about is None else self.about.distance

    @property
    def verdict(self) -> Verdict:
        """The worst of the tasks': *abstained*, *vacuous*, else *informative*."""
        found = {t.verdict(self.distance) for t in self.tasks}
        return next(v for v in ("abstained", "vacuous", "informative") if v in found)  # type: ignore[return-value]

    @property
    def radius(self) -> float | None:
        """The largest norm at which every task keeps ``retain`` of its smoothed score above chance, rounded down."""
        found = [t.radius(t.floor(self.retain)) for t in self.tasks]
        return None if any(r is None for r in found) else min(r for r in found if r is not None)

    @property
    def assumptions(self) -> tuple[str, ...]:
        """What the certificate rests on, and what it does not say."""
        spec, model = self.evidence.spec, self.evidence.model
        named = [
            "the numbers of the noise law stand for independent normal ones",
            "σ, thresholds and subspace were chosen without the certifying draws (they are in the file)",
            f"scoring is a function of the coordinates and the row, of {spec.rows} draws that run as one batch"
            if spec.rows > 1
            else "scoring is a function of the coordinates",
            f"rounding to {model.dtype} is part of the score",
            "it speaks of these fixed examples, not of others",
            "it is read by itself, not picked from several (the best of several has the errors of all)",
        ]
        if spec.lattice is None:
            named.append("sums of weights and noise are those of real arithmetic, which floating point only approaches")
        else:
            named.append(
                f"noise and weight change are multiples of 2^{spec.lattice} (so are the unmoved coordinates), which "
                "makes every sum exact"
            )
        return tuple(named)

    @classmethod
    def found_in(cls, run: RunFolder) -> tuple[Certificate, ...]:
        """Every certificate in a run folder, derived again from its outcomes.

        Raises:
            RunError: one of them does not follow from its outcomes.
        """
        from corrie.analysis.verification import verify  # which needs this module

        return kept_in(run, cls.kind, lambda file: verify(file).certificate, "corrie verify says more")

    @property
    def model(self) -> ModelIdentity:
        """What it is about."""
        return self.evidence.model

    @property
    def title(self) -> str:
        """What a report calls it."""
        return "Every weight change within a distance"

    @property
    def holds(self) -> bool:
        """Whether it says something."""
        return self.verdict == "informative"

    @property
    def finding(self) -> str:
        """What is certified, in one line: the bounds at the distance asked about, or within the radius."""
        where, names = self._where, " and ".join(t.task.name for t in self.tasks)
        if self.verdict == "abstained":
            silent = " and ".join(t.task.name for t in self.tasks if t.verdict(self.distance) == "abstained")
            return f"ABSTAINED: nothing is certain about {silent}, not even without any change in {where}"
        if self.verdict == "vacuous":
            r = rounded_up(self.distance or 0.0, DISTANCE_DIGITS)
            return f"VACUOUS: after a change of r = {r:.4g} in {where} nothing above chance is certain about {names}"
        if self.distance is None and not self.radius:
            r = min(t.radius(t.trivial) or 0.0 for t in self.tasks)
            return f"the smoothed model keeps {names} above chance after any change of up to r = {r:.4g} in {where}"
        r = self.radius or 0.0 if self.distance is None else rounded_up(self.distance, DISTANCE_DIGITS)
        kept = " and ".join(f"{t.task.name} at least {t.lower(r):.4g} (chance {t.task.chance:.3g})" for t in self.tasks)
        return f"the smoothed model keeps {kept} after any change of up to r = {r:.4g} in {where}"

    @property
    def _where(self) -> str:
        """The subspace in one word."""
        whole = str(self.evidence.spec.subspace)
        return whole.rpartition("(")[2].rstrip(")")

    @property
    def says(self) -> tuple[str, ...]:
        """Each task's bound, with the radius."""
        return tuple(self.finding_of(t) for t in self.tasks)

    @property
    def cards(self) -> tuple[Card, ...]:
        """The bound of each task over the distance."""
        return tuple(self._card(t) for t in self.tasks)

    def _card(self, t: CertifiedScore) -> Card:
        radii = tuple(i / 20 * t.sigma for i in range(61))
        bound = Line("certain at least", radii, tuple(t.lower(r) for r in radii))
        mark = None if self.distance is None else (self.distance, "asked about")
        if mark is None and self.radius:
            mark = (self.radius, f"{100 * self.retain:.3g} % kept")
        chart = Chart(
            title=f"Bound of {t.task.name} over the distance",
            across=f"r, L2 norm in {self.evidence.spec.subspace}",
            up="smoothed score, at least",
            lines=(bound,),
            level=(t.task.chance, "chance"),
            mark=mark,
        )
        facts = (("Unmoved", f"{t.unmoved:.4g}"), ("Smoothed, over the draws", f"{t.smoothed:.4g}"))
        return Card(t.task.name, t.verdict(self.distance), (self.finding_of(t),), facts, chart)

    def finding_of(self, t: CertifiedScore) -> str:
        """What is certified about one of the tasks, without the conditions."""
        about = (
            f"{t.task.name} on {len(t.evidence.examples)} examples (unmoved {t.unmoved:.4g}, smoothed about "
            f"{t.smoothed:.4g}, chance {t.task.chance:.3g})"
        )
        r = (
            None if self.about is None else rounded_up(self.about.distance, DISTANCE_DIGITS)
        )  # what is said is of what is printed
        verdict = t.verdict(r)
        if verdict == "abstained":
            why = f"even without any change the bound is {t.lower(0.0):.4g}: no more than {self._nothing(t)}"
            return f"{about}: abstained, {why if t.present else 'the unmoved model cannot do it'}"
        floor = t.floor(self.retain)
        radius = t.radius(floor)
        share = f"{floor:.4g}, which is chance and {100 * self.retain:.10g}% of what the draws' mean has above it"
        kept = f"{share}, is certified {'at no r' if radius is None else f'up to r = {radius:.4g}'}"
        if self.about is None or r is None:
            at = 0.0 if radius is None else radius
            return f"{about} ≥ {t.lower(at):.4g} for every r ≤ {at:.4g}: {kept}"
        where = f"r = {r:.4g}, r/σ = {rounded_up(r / t.sigma, RATIO_DIGITS):.3g}"
        where += f", within which {self.about.name} is" if self.about.name else ""
        if verdict == "vacuous":
            return f"{about} ≥ {t.lower(r):.4g} at {where}: VACUOUS, that is no more than {self._nothing(t)}; {kept}"
        return f"{about} ≥ {t.lower(r):.4g} at {where}; {kept}"

    @staticmethod
    def _nothing(t: CertifiedScore) -> str:
        return "chance" if t.task.chance else "one example is worth"

    @property
    def terms(self) -> Terms:
        """With which probability, over what randomness, about which object, under what assumptions."""
        spec, model = self.evidence.spec, self.evidence.model
        lattice = "" if spec.lattice is None else f", rounded to multiples of 2^{spec.lattice}"
        return Terms(
            confidence=f"{spec.confidence}",
            randomness=f"{spec.draws} independent noise draws (each of {self.evidence.dimension:,} coordinates from "
            f"N(0, σ²), σ = {spec.sigma:g}{lattice})",
            object=f"the smoothed model, which is {model.name} in {model.dtype} with its coordinates drawn afresh "
            f"around x' each time it is asked, and not the one model at x', for every x' of L2 norm r in "
            f"{spec.subspace}, searched for or not",
            assumptions=self.assumptions,
        )

    @property
    def conditions(self) -> str:
        """The terms in one breath, as certificates' files hold them."""
        return self.terms.conditions

    @property
    def sentence(self) -> str:
        """All of it in one sentence: part of the file, byte for byte."""
        return f"{self.conditions}: {'; '.join(self.says)}."

    def to_json(self) -> dict[str, Any]:
        """Plain data with the hash of the outcomes and of itself (``digest``, over everything else)."""
        spec = self.evidence.spec
        made: dict[str, Any] = {
            "format": "corrie-certificate-1",
            "sentence": self.sentence,
            "verdict": self.verdict,
            "confidence": spec.confidence,
            "radius": self.radius,
            "retain": self.retain,
            "sigma": spec.sigma,
            "lattice": spec.lattice,
            "exact": spec.lattice is not None,
            "subspace": spec.subspace.model_dump(mode="json") | {"id": spec.subspace.id, "words": str(spec.subspace)},
            "dimension": self.evidence.dimension,
            "draws": spec.draws,
            "selection_draws": spec.selection.count,
            "object": "the smoothed model",
            "assumptions": list(self.assumptions),
            "model": self.evidence.model.model_dump(mode="json"),
            "asked": None if self.about is None else self.about.model_dump(mode="json"),
            "tasks": [t.to_json(self.distance, self.retain) for t in self.tasks],
            "outcomes": {"file": self.evidence.file_name, "sha256": self.evidence.digest},
        }
        return sealed(made)

    def text(self) -> str:
        """The certificate's file: canonical JSON and a newline."""
        return canonical_json(self.to_json()) + "\n"

    def write(self, folder: str | Path) -> Path:
        """Put outcomes and certificate into a folder, each whole or not at all; the certificate's path.

        Raises:
            StorageError: the disk refuses.
        """
        self.evidence.write(Path(folder))
        return write_whole(self.file_in(folder), lambda file: file.write_text(self.text(), encoding="utf-8"))

    def file_in(self, folder: str | Path) -> Path:
        """Where :meth:`write` puts it."""
        return Path(folder) / f"certificate-{self.to_json()['digest'][:12]}.json"
