"""A search along a fine-tune's path that is ready to run: how far back until everything named is kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from corrie.analysis.retraction import NewSkill, RetractedCapability, Retraction
from corrie.capabilities.task import Task
from corrie.errors import InputError
from corrie.models.model import Model
from corrie.records.canonical import content_hash
from corrie.records.direction import Direction
from corrie.records.point import Point
from corrie.records.rules import check_tolerance, check_two_sided
from corrie.records.scan_spec import TaskRequest
from corrie.records.store import RunIdentity, Store
from corrie.scanning.executors import arithmetic_of
from corrie.scanning.fine_tune_scan import END
from corrie.scanning.plans.places import PlacesPlan
from corrie.scanning.plans.retract import Found, RetractPlan
from corrie.scanning.presence import refuse_what_is_absent
from corrie.scanning.scan import Scan
from corrie.scanning.scored import Scored
from corrie.scanning.trial import Trial
from corrie.scanning.watch import Watch
from corrie.scanning.work import Known
from corrie.weights.sizes import sizes


@dataclass(frozen=True)
class RetractionScan(Trial[Retraction]):
    """What will be scored.

    kept        what must be kept, along the fine-tune's path
    skills      what it was for, scored at α = 0, 1 and where the search ends; None where nothing was named
    tolerance, confidence   of the verdicts
    """

    kept: Scan
    skills: Scan | None
    tolerance: float
    confidence: float

    @classmethod
    def of(
        cls,
        model: Model,
        direction: Direction,
        tasks: Sequence[tuple[Task, int]],
        *,
        skills: Sequence[tuple[Task, int]] = (),
        tolerance: float = 0.1,
        confidence: float = 0.95,
        block: int = 10,
    ) -> RetractionScan:
        """Check that everything fits, before a weight is moved or a file is made.

        Raises:
            InputError: terms that are not valid, tasks that do not fit, a direction that is no path.
            TaskError: this model cannot be asked this task.
        """
        if direction.normalisation != "path":
            raise InputError(f"going back along {direction}", found="it leads nowhere", advice="a checkpoint")
        check_tolerance(tolerance)
        check_two_sided(confidence)
        kept = Scan.of(model, tasks, directions=(direction,), alpha=END, block=block)
        new = Scan.of(model, skills, directions=(direction,), alpha=END, block=block) if skills else None
        return cls(kept, new, tolerance, confidence)

    @property
    def subject(self) -> Model:
        """See :class:`corrie.scanning.trial.Trial`."""
        return self.kept.model

    @property
    def scored(self) -> Scored:
        """See :class:`corrie.scanning.trial.Trial`."""
        return Scored({**self.kept.tasks, **(self.skills.tasks if self.skills else {})})

    @property
    def identity(self) -> RunIdentity:
        """What must be equal for another scan to share this one's run."""
        return self.kept.identity

    def question(self, engine: str = "serial") -> str:
        """A hash of the question: model, path, tasks, terms, and of an engine with an arithmetic of its own that."""
        identity = self.identity.scored_by(arithmetic_of(engine, self.subject))
        specs = [self.kept.spec.canonical(), self.skills.spec.canonical() if self.skills else ""]
        terms = {"tolerance": self.tolerance, "confidence": self.confidence}
        return content_hash({"retract": identity.canonical(), "specs": specs, **terms})

    def run(self, store: Store, *, engine: str = "serial", watch: Watch | None = None) -> Retraction:
        """Search, confirm, and look at the new skill.

        Raises:
            InputError: the fine-tune moves nothing, or the base does not have a capability that is to be kept.
        """
        model, spec = self.kept.model, self.kept.spec
        (direction,) = spec.directions
        length = sizes(direction, model.selection.tensors, model.sources).norm
        if length == 0:
            raise InputError(f"going back along {direction}", found="the fine-tune's weights are the base's")
        identities = {id: task.identity for id, task in self.kept.tasks.items()}
        plan = RetractPlan(direction, identities, self.tolerance, self.confidence)
        self.kept.follow(PlacesPlan((Point.origin(),)), store, engine=engine, watch=watch)
        refuse_what_is_absent(self.kept, store, "keeping {}", "the base")
        self.kept.follow(plan, store, engine=engine, watch=watch)
        _, found = plan.follow(spec, Known(store.cells()))
        where = {a: Point.along(direction, a) for a in (0.0, found.alpha, 1.0)}
        if self.skills is not None:
            self.skills.follow(PlacesPlan(tuple(dict.fromkeys(where.values()))), store, engine=engine, watch=watch)
        return self._read(store, found, where, length)

    def _read(self, store: Store, found: Found, where: dict[float, Point], length: float) -> Retraction:
        known, spec = Known(store.cells()), self.kept.spec
        fresh = dict(found.fresh[-1][1]) if found.fresh and found.fresh[-1][0] == found.alpha else {}
        capabilities = [
            RetractedCapability(
                capability=self.kept.tasks[request.task].identity.capability,
                fresh=fresh.get(request.task),
                **_scores(known, self.kept, where, request, found.alpha),
            )
            for request in spec.tasks
        ]
        skills = []
        if self.skills is not None:
            skills = [NewSkill(**_scores(known, self.skills, where, r, found.alpha)) for r in self.skills.spec.tasks]
        (direction,) = spec.directions
        return Retraction(
            model=store.identity.model,
            direction=direction.id,
            tuned=direction.label,
            alpha=found.alpha,
            distance=found.alpha * length,
            tuned_distance=length,
            tolerance=self.tolerance,
            confidence=self.confidence,
            capabilities=tuple(capabilities),
            skills=tuple(skills),
            looks=tuple(found.kept.items()),
            set_back=sum(any(v.verdict == "lost" for v in verdicts.values()) for _, verdicts in found.fresh),
        )


def _scores(known: Known, scan: Scan, where: dict[float, Point], request: TaskRequest, end: float) -> dict[str, Any]:
    """Scores of a task at α = 0, 1 and where the search ended: the mean over its first examples. Those that are scored
    at α = 0 count, unscored ones elsewhere as 0."""
    seen = {alpha: known.successes(scan.spec, point, request) or () for alpha, point in where.items()}
    counted = [i for i, s in enumerate(seen[0.0]) if s is not None]
    means = {a: sum(s[i] or 0.0 for i in counted) / max(len(counted), 1) for a, s in seen.items()}
    return {
        "task": scan.tasks[request.task].identity.name,
        "examples": request.limit,
        "base": means[0.0],
        "tuned": means[1.0],
        "retracted": means[end],
    }
