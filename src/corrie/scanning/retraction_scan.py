"""A search along a fine-tune's path that is ready to run: how far back until everything named is kept."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from corrie.analysis.kept_score import KeptScore
from corrie.analysis.retraction import NewSkill, RetractedCapability, Retraction
from corrie.capabilities.task import Task
from corrie.errors import InputError
from corrie.models.model import Model
from corrie.records.canonical import content_hash
from corrie.records.direction import Direction
from corrie.records.point import Point
from corrie.records.rules import check_tolerance, check_two_sided
from corrie.records.scan_spec import ScanSpec, TaskRequest
from corrie.records.store import RunIdentity, Store
from corrie.scanning.fine_tune_scan import END
from corrie.scanning.plans.line import cells_at
from corrie.scanning.plans.retract import Found, RetractPlan
from corrie.scanning.scan import Scan
from corrie.scanning.trial import Trial
from corrie.scanning.watch import Watch
from corrie.scanning.work import Agenda, Known, Plan
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
    def identity(self) -> RunIdentity:
        """What must be equal for another scan to share this one's run."""
        return self.kept.identity

    @property
    def asked(self) -> str:
        """A hash of the question: model, path, tasks, terms."""
        specs = [self.kept.spec.canonical(), self.skills.spec.canonical() if self.skills else ""]
        terms = {"tolerance": self.tolerance, "confidence": self.confidence}
        return content_hash({"retract": self.identity.canonical(), "specs": specs, **terms})

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
        self.kept.follow(_at([Point.origin()]), store, engine=engine, watch=watch)
        self._refuse_what_is_absent(store)
        self.kept.follow(plan, store, engine=engine, watch=watch)
        _, found = plan.follow(spec, Known(store.cells()))
        where = {a: Point.along(direction, a) for a in (0.0, found.alpha, 1.0)}
        if self.skills is not None:
            self.skills.follow(_at(where.values()), store, engine=engine, watch=watch)
        return self._read(store, found, where, length)

    def _refuse_what_is_absent(self, store: Store) -> None:
        known, spec = Known(store.cells()), self.kept.spec
        for request in spec.tasks:
            task = self.kept.tasks[request.task].identity
            kept = KeptScore(task, known.successes(spec, Point.origin(), request) or (), self.tolerance)
            if not kept.present:
                raise InputError(
                    f"keeping {task.name}",
                    found=f"the base's score of {kept.score:.3g} on {kept.examples} examples cannot be told from "
                    f"chance ({task.chance:.3g}): there is nothing to keep",
                    advice="more examples, or a task this model can do",
                )

    def _read(self, store: Store, found: Found, where: dict[float, Point], length: float) -> Retraction:
        known, spec = Known(store.cells()), self.kept.spec
        fresh = dict(found.fresh[-1][1]) if found.fresh and found.fresh[-1][0] == found.alpha else {}
        capabilities, skills = [], []
        for request in spec.tasks:
            task = self.kept.tasks[request.task].identity
            scores = _scores(known, spec, where, request.task, request.limit)
            capabilities.append(
                RetractedCapability(
                    task=task.name,
                    capability=task.capability,
                    examples=request.limit,
                    base=scores[0.0],
                    tuned=scores[1.0],
                    retracted=scores[found.alpha],
                    fresh=fresh.get(request.task),
                )
            )
        for request in self.skills.spec.tasks if self.skills is not None else ():
            name = self.skills.tasks[request.task].identity.name if self.skills is not None else ""
            scores = _scores(known, spec, where, request.task, request.limit)
            skills.append(
                NewSkill(
                    task=name,
                    examples=request.limit,
                    base=scores[0.0],
                    tuned=scores[1.0],
                    retracted=scores[found.alpha],
                )
            )
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


def _at(points: Iterable[Point]) -> Plan:
    """The plan that looks at these points and no others."""
    wanted = tuple(dict.fromkeys(points))

    def plan(spec: ScanSpec, known: Known) -> Agenda:
        return Agenda(known.missing(spec, wanted), cells_at(spec, len(wanted)))

    return plan


def _scores(known: Known, spec: ScanSpec, where: dict[float, Point], task: str, limit: int) -> dict[float, float]:
    """α → the mean over a task's first examples; those that are scored at α = 0 count, unscored ones elsewhere as 0."""
    request = TaskRequest(task=task, limit=limit)
    seen = {alpha: known.successes(spec, point, request) or () for alpha, point in where.items()}
    counted = [i for i, s in enumerate(seen[0.0]) if s is not None]
    return {a: sum(s[i] or 0.0 for i in counted) / max(len(counted), 1) for a, s in seen.items()}
