"""What a fine-tune did to one capability: kept or lost, and how its direction compares with others.

Three questions beyond the score before and after (theory: the three puzzles a run should explain):

* *Where on the way is it lost?* The α, and the L2 distance, at which the score along θ0 + αΔ first falls below what
  must be kept.
* *Did the fine-tune leave the basin?* Its σ-equivalent ‖Δ‖/√d against the most-case radius at the same retention,
  ρ = 1 − tolerance: inside (at or below the lower end of the radius' interval), outside (at or above the upper end), at
  the edge (between).
* *How sharp is this direction?* The **sharpness ratio**: the random distance at which the tolerance is used up over the
  distance at which it is along Δ. 1 is an ordinary direction; 50 means that a fiftieth of the distance was enough. With
  a worst-case direction there is the other end of the scale: the distance along Δ over the distance along the worst.

Where certificates of the base are there, each says in its own words what is sure about the smoothed model around the
fine-tune, or that it says nothing (:mod:`corrie.analysis.certified_move`). Nothing else here is a guarantee.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

from corrie.analysis.basin import Basin, percent
from corrie.analysis.basin_words import SIGNS, bracket
from corrie.analysis.certified_move import CertifiedMove
from corrie.analysis.move import Move
from corrie.analysis.paired_verdict import PairedVerdict
from corrie.analysis.way_out import Ratio, WayOut
from corrie.analysis.worst_compared import WorstCompared
from corrie.records.canonical import Record
from corrie.records.task import TaskIdentity

Position = Literal["inside", "at the edge", "outside", "unknown"]


class BasinSeen(Record):
    """The most-case basin of the base, and where the fine-tune lies against it.

    status, sigma, low, high   the radius (:class:`corrie.analysis.basin.Basin`); high is None where nothing bounds it
    limit       the radius, or the largest or smallest σ tried; None where there is no radius
    position    of the fine-tune's σ-equivalent
    share       σ-equivalent over ``limit``
    """

    status: str
    sigma: float | None
    low: float | None
    high: float | None
    limit: float | None
    directions: int
    examples: int
    retention: float
    confidence: float
    indicative: bool
    position: Position
    share: float | None

    @classmethod
    def of(cls, basin: Basin, sigma: float) -> BasinSeen:
        """Compare.

        Args:
            basin: of the base, along raw random directions.
            sigma: the fine-tune's σ-equivalent.
        """
        found = basin.to_json()
        low, high, limit = found["sigma_low"], found["sigma_high"], basin.limit
        has_limit = limit == limit and limit > 0
        position: Position = "unknown"
        if has_limit and low and sigma <= low:
            position = "inside"
        elif has_limit and high is not None and sigma >= high:
            position = "outside"
        elif basin.status == "found":
            position = "at the edge"
        return cls(
            status=basin.status,
            sigma=basin.sigma,
            low=low,
            high=high,
            limit=limit if has_limit else None,
            directions=basin.directions,
            examples=basin.examples,
            retention=basin.retention,
            confidence=basin.confidence,
            indicative=basin.indicative,
            position=position,
            share=sigma / limit if has_limit else None,
        )

    def __str__(self) -> str:
        if self.limit is None or self.share is None:
            return f"the base has no measured basin radius ({self.status.replace('_', ' ')})"
        sign = "" if self.status == "found" else f"{SIGNS[self.status]} "
        size = percent(self.share) if self.share < 1 else f"{self.share:.3g} times"
        radius = f"{size} {'of ' * (self.share < 1)}the most-case radius σ {sign}{self.limit:.3g}"
        if self.position in ("inside", "outside"):
            return f"lies {self.position} the basin ({radius}{', indicative' * self.indicative})"
        interval, rough = bracket(*self.interval), " (indicative)" * self.indicative
        return f"went {radius}, whose interval {interval} leaves open whether that is inside{rough}"

    @property
    def interval(self) -> tuple[float, float]:
        """Of the radius: from 0 where nothing bounds it below, to infinity where nothing does above."""
        return self.low or 0.0, math.inf if self.high is None else self.high


class CapabilityDiff(Record):
    """One capability's card.

    scores      before and after, with interval, test and verdict
    way_out     where along the path it is lost; None if the path was not scored for it
    alpha       the same as a step size; None unless it is lost as far as the path was followed
    basin       against the most-case basin; None without a landscape of this task
    sharpness   random distance over this direction's for the same loss; None where nothing can be said
    to_worst    this direction's distance over the worst-case direction's for the same loss; None where not measured
    worst       which worst-case direction that is; None where there is none
    no_worst    why there is none, in words; empty where none was asked for
    certified   what each certificate of this capability says
    """

    task: str
    capability: str
    scores: PairedVerdict
    way_out: WayOut | None
    alpha: float | None
    basin: BasinSeen | None
    sharpness: Ratio | None
    to_worst: Ratio | None
    worst: WorstCompared | None = None
    no_worst: str = ""
    certified: tuple[CertifiedMove, ...] = ()

    @classmethod
    def of(
        cls,
        task: TaskIdentity,
        scores: PairedVerdict,
        move: Move,
        way_out: WayOut | None,
        basin: Basin | None,
        out_worst: WayOut | None = None,
        worst: WorstCompared | str | None = None,
        certified: Sequence[CertifiedMove] = (),
    ) -> CapabilityDiff:
        """Put together.

        Args:
            task: what was measured.
            scores: at α = 0 and α = 1.
            move: the fine-tune's.
            way_out: along the fine-tune's path.
            basin: of the base, at retention 1 − tolerance.
            out_worst: the way out along a worst-case direction.
            worst: which direction that is, or why there is none.
            certified: what certificates of this task say of the fine-tune.
        """
        some = scores.verdict != "absent" and way_out is not None
        at_random = WayOut.at_random(basin) if basin is not None else None
        return cls(
            task=task.name,
            capability=task.capability,
            scores=scores,
            way_out=way_out if some else None,
            alpha=way_out.distance / move.distance if some and way_out and way_out.known == "equal" else None,
            basin=None if basin is None else BasinSeen.of(basin, move.sigma),
            sharpness=at_random.over(way_out) if some and way_out and at_random else None,
            to_worst=way_out.over(out_worst) if some and way_out and out_worst else None,
            worst=worst if isinstance(worst, WorstCompared) else None,
            no_worst=worst if isinstance(worst, str) else "",
            certified=tuple(certified),
        )

    @property
    def verdict(self) -> str:
        """kept, lost, undecided or absent."""
        return self.scores.verdict

    @property
    def guarantees(self) -> str:
        """What the certificates say, sentence by sentence; empty where there is none."""
        said = [str(one) for one in self.certified]
        if sum(one.speaks for one in self.certified) > 1:
            said.append(
                "Read each by itself: the best of several certificates, picked afterwards, has all their errors."
            )
        return " ".join(said)

    def __str__(self) -> str:
        return f"{self.measured} {self.guarantees}".rstrip()

    @property
    def measured(self) -> str:
        """What was measured on these examples, as a sentence; no guarantee is in it."""
        s, allowed = self.scores, percent(self.scores.tolerance)
        said = {
            "kept": f"{self.task} is kept: {s.numbers}, within the {allowed} of its score above chance that may go",
            "lost": f"{self.task} is lost: {s.numbers}, more than the {allowed} of its score above chance that may go",
            "undecided": f"{self.task} is undecided: {s.numbers}; these examples do not tell whether more than the "
            f"{allowed} of its score above chance that may go is lost{s.takes and f': {s.takes}'}",
            "absent": f"{self.task} is absent: the base's score of {s.before:.3f} cannot be told from chance "
            f"({s.chance:.3g}) with {s.examples} examples, so there is nothing to keep{s.takes and f': {s.takes}'}",
        }[s.verdict]
        if s.verdict == "absent":
            return said + "."
        more: list[str] = []
        if self.alpha is not None and self.way_out is not None:
            more.append(f"on the way the tolerance is first used up at α = {self.alpha:.2g} ({self.way_out})")
        elif self.way_out is not None:
            more.append(f"on the way it is not used up, as far as this was followed ({self.way_out})")
        if self.basin is not None:
            more.append(f"the fine-tune {self.basin}" if self.basin.limit is not None else str(self.basin))
        if self.sharpness is not None:
            more.append(f"sharpness ratio {self._sharp} (random distance over this one for the same loss)")
        if self.worst is not None or self.no_worst:
            more.append(self.against_worst)
        return f"{'; '.join([said, *more])}."

    @property
    def _sharp(self) -> str:
        """The sharpness ratio; where it is an estimate, from the lower to the upper end of the radius' interval."""
        if self.sharpness is None or self.basin is None or self.basin.limit is None or self.sharpness.known != "equal":
            return str(self.sharpness)
        low, high = (self.sharpness.value * end / self.basin.limit for end in self.basin.interval)
        return f"{self.sharpness} {bracket(low, high)}"

    def facts(self, move: Move) -> list[tuple[str, str]]:
        """The figures, each under its name."""
        s = self.scores
        test = (
            "" if s.p_worse is None or s.p_changed is None else f", p = {s.p_worse:.3g} (two-sided {s.p_changed:.3g})"
        )
        decision = "" if s.p_kept is None else f"p = {s.p_kept:.3g} against kept, {s.p_lost:.3g} against lost"
        told = [
            ("Score", f"{s.before:.3f} → {s.after:.3f}; {s.chance:.3g} by chance, at least {s.least:.3f} to be kept"),
            (
                "Difference",
                f"{s.after - s.before:+.3g} [{s.low:+.3g}, {s.high:+.3g}], {percent(s.confidence)} confidence",
            ),
            ("Examples", f"{s.examples}: {s.worse} got worse, {s.better} better{test}"),
            *([("Evidence", decision)] if decision else []),
            ("Distance", f"L2 {move.distance:.4g}, σ-equivalent {move.sigma:.3g}"),
        ]
        if self.way_out is not None:
            where = f"α = {self.alpha:.2g}, {self.way_out}" if self.alpha is not None else f"not lost ({self.way_out})"
            told.append(("On the way", where))
        if self.basin is not None:
            told.append(("Most-case basin", str(self.basin)))
        if self.sharpness is not None:
            told.append(("Sharpness ratio", self._sharp))
        told.append(("Worst case", self.against_worst if self.worst or self.no_worst else "not measured"))
        return told + [(f"Certificate {one.name}", one.short) for one in self.certified]

    @property
    def against_worst(self) -> str:
        """How close this direction is to the worst-case one, in words."""
        if self.worst is None:
            return self.no_worst or "against a worst-case direction nothing was measured"
        ratio = (
            "the two distances cannot be compared" if self.to_worst is None else f"{self.to_worst} times its distance"
        )
        return f"against {self.worst}, {ratio} for the same loss of score"
