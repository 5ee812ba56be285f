"""Draws of a claim about most directions: one direction after the other, until its design is settled."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from corrie.analysis.kept_score import KeptScore
from corrie.records.fraction_spec import FractionSpec
from corrie.records.point import Point
from corrie.records.scan_spec import ScanSpec
from corrie.records.task import TaskIdentity
from corrie.scanning.plans.line import cells_at
from corrie.scanning.work import Agenda, Known


@dataclass(frozen=True)
class FixedDraws:
    """The unmoved model and the first ``count`` draws of a claim, whatever they turn out to be.

    Judged in their order they say what the draws of :class:`FractionPlan` say: what comes after a design has stopped is
    not looked at.
    """

    claim: FractionSpec
    count: int

    def __call__(self, spec: ScanSpec, known: Known) -> Agenda:
        points = (Point.origin(), *(self.claim.point(draw) for draw in range(self.count)))
        return Agenda(known.missing(spec, points), cells_at(spec, len(points)))


@dataclass(frozen=True)
class FractionPlan:
    """The unmoved model, then draw 0, 1, 2, … at α = σ, one at a time; no draw is asked for once the claim is settled.

    A direction that was begun is a draw whatever its outcome: draws are counted in their order, and none is left out.

    claim   the design, fixed beforehand
    tasks   task id → identity
    most    draws to look at in all; the claim may stay open
    """

    claim: FractionSpec
    tasks: Mapping[str, TaskIdentity]
    most: int

    def __call__(self, spec: ScanSpec, known: Known) -> Agenda:
        origin = known.missing(spec, [Point.origin()])
        if origin:
            return Agenda(origin, cells_at(spec, 1 + min(self.claim.draws, self.most)))
        outcomes = self._outcomes(spec, known)
        verdict = self.claim.rule.judge(outcomes)
        coming = min(verdict.remaining or 0, max(self.most - len(outcomes), 0))
        work = known.missing(spec, [self.claim.point(len(outcomes))]) if coming else ()
        return Agenda(work, cells_at(spec, 1 + len(outcomes) + coming))

    def _outcomes(self, spec: ScanSpec, known: Known) -> list[bool]:
        """Whether each draw was good, in their order, up to the first that is not wholly scored."""
        kept = {
            r.task: KeptScore(self.tasks[r.task], known.successes(spec, Point.origin(), r) or (), self.claim.tolerance)
            for r in spec.tasks
        }
        outcomes: list[bool] = []
        while len(outcomes) < self.most:
            point = self.claim.point(len(outcomes))
            found = {r.task: known.successes(spec, point, r) for r in spec.tasks}
            if any(successes is None for successes in found.values()):
                break
            outcomes.append(all(kept[task].keeps(successes or ()) for task, successes in found.items()))
        return outcomes
