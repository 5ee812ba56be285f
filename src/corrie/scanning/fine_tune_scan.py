"""A comparison of a fine-tune with its base that is ready to run: its path, the base's basin, the worst case."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from corrie.analysis.fine_tune_diff import CertificateAsked, FineTuneDiff, basin_of
from corrie.analysis.kept_score import KeptScore
from corrie.analysis.landscape import Landscape
from corrie.analysis.paired_verdict import PairedVerdict
from corrie.analysis.verification import Verification
from corrie.analysis.worst_compared import Worst
from corrie.capabilities.task import Task
from corrie.errors import InputError
from corrie.models.model import Model
from corrie.questions.diff import DiffQuestion
from corrie.records.direction import Direction, gaussian
from corrie.records.paths import Saved
from corrie.records.point import Point
from corrie.records.scan_spec import AlphaEdges, AlphaGrid, TaskRequest
from corrie.records.store import RunIdentity, Store
from corrie.scanning.plans.decide import DecidePlan
from corrie.scanning.plans.inward import InwardPlan
from corrie.scanning.scan import Scan
from corrie.scanning.scored import Scored
from corrie.scanning.search import OnLook
from corrie.scanning.trial import Trial
from corrie.scanning.watch import Watch
from corrie.scanning.work import Known
from corrie.scanning.worst_search import WorstSearch
from corrie.subspaces.certified import refuse_other_model
from corrie.subspaces.certified_tuned import tuned_in
from corrie.weights.sizes import Sizes, sizes

WAY = AlphaGrid(low=0.0, high=1.5, count=7)
"""Steps along the path unless others are asked for: quarters, the fine-tune itself (1), and half as far again."""


END = AlphaGrid(low=1.0, high=1.0, count=1)
"""The fine-tune itself: where a verdict is made."""


@dataclass(frozen=True)
class FineTuneScan(Trial[FineTuneDiff]):
    """What will be scored.

    verdict     the base and the fine-tune itself; its limits are the most examples a task may take
    path        the scan along the fine-tune's direction; None: verdicts alone
    around      the scan along random directions that shows the base's basin; None where a landscape is given
    landscape   the one that is given
    worst       a worst-case direction for all tasks, or a search for each one's own; None: not measured
    tolerance, confidence   of the verdicts
    certificates   of the base, each with where the fine-tune stands in its subspace

    The path, the random directions and the worst-case direction share one run of the base, so the unmoved model is
    scored once, and a second fine-tune of the same base finds the landscape made.
    """

    verdict: Scan
    path: Scan | None
    around: Scan | None
    landscape: Landscape | None
    worst: Saved | WorstSearch | None
    tolerance: float
    confidence: float
    certificates: tuple[CertificateAsked, ...] = ()

    @classmethod
    def of(
        cls,
        model: Model,
        direction: Direction,
        tasks: Sequence[tuple[Task, int]],
        *,
        alpha: AlphaGrid = WAY,
        landscape: Landscape | None = None,
        directions: int = DiffQuestion.directions,
        worst: Saved | WorstSearch | None = None,
        tolerance: float = DiffQuestion.tolerance,
        confidence: float = DiffQuestion.confidence,
        block: int = DiffQuestion.block,
        follow: int | None = None,
        quick: bool = False,
        certificates: Sequence[Verification] = (),
        subspaces: Sequence[str] = (),
    ) -> FineTuneScan:
        """Check that everything fits, before a weight is moved or a file is made.

        Args:
            model: the base.
            direction: the path to the fine-tune.
            tasks: what is compared, each with the most examples that its verdict may take.
            alpha: steps along the path; 1, the fine-tune itself, must be among them.
            landscape: of the base along raw random directions; None: it is made, in the same run.
            directions: how many random directions that takes; 0: no landscape, and nothing is said of the basin.
            worst: a worst-case direction to compare with, or a search for each task's own.
            tolerance: share of the score above chance that may be lost, in [0, 1).
            confidence: of intervals, and 1 − the error of each test; above 0.5.
            block: examples scored together.
            follow: examples of each task along the path and in the landscape; None: as many as the verdict may take.
            quick: verdicts alone: neither path nor landscape is scored.
            certificates: of this base; where the fine-tune stands in each one's subspace is looked up here.
            subspaces: where a certificate's subspace may lie, if no law makes it.

        Raises:
            InputError: terms that are not valid, tasks that do not fit, a direction that is no path.
            ModelError: a certificate of another model.
            TaskError: this model cannot be asked this task.
        """
        if direction.normalisation != "path":
            raise InputError(f"a diff along {direction}", found="it leads nowhere", advice="a checkpoint or an adapter")
        DiffQuestion.of(locals())
        if follow is not None and follow < 1:
            raise InputError(f"{follow} examples along the path", found="none", advice="100")
        verdict = Scan.of(model, tasks, directions=(direction,), alpha=END, block=block)
        fewer = [(task, limit if follow is None else min(limit, follow)) for task, limit in tasks]
        path = None if quick else Scan.of(model, fewer, directions=(direction,), alpha=alpha, block=block)
        around = None
        if landscape is None and directions and not quick:
            retention = 1 - tolerance
            every = gaussian(directions)
            around = Scan.of(model, fewer, directions=every, alpha=AlphaEdges(), block=block, retention=retention)
        for one in certificates:
            refuse_other_model(one.certificate, model)
        name = direction.label
        asked = tuple(
            CertificateAsked(one.certificate, one.file.name, tuned_in(model, direction, name, one, subspaces))
            for one in certificates
        )
        return cls(verdict, path, around, landscape, worst, tolerance, confidence, asked)

    @property
    def subject(self) -> Model:
        """See :class:`corrie.scanning.trial.Trial`."""
        return self.verdict.model

    @property
    def scored(self) -> Scored:
        """See :class:`corrie.scanning.trial.Trial`."""
        return self.verdict.scored

    @property
    def identity(self) -> RunIdentity:
        """What must be equal for another scan to share this one's run."""
        return self.verdict.identity

    def run(
        self, store: Store, *, engine: str = "serial", watch: Watch | None = None, on_look: OnLook | None = None
    ) -> FineTuneDiff:
        """Score what the store lacks, and compare.

        Args:
            on_look: is notified of every look of a search for a worst-case direction.

        Raises:
            InputError: the fine-tune moves nothing.
            RunError: a landscape of another model.
        """
        model, (direction,) = self.verdict.model, self.verdict.spec.directions
        given = self.worst if isinstance(self.worst, Saved) else None
        found = sizes(direction, model.selection.tensors, model.sources, given)
        if found.norm == 0:
            raise InputError(
                f"a diff along {direction}",
                found="the fine-tune's weights are the base's in every tensor that is selected",
                advice="another checkpoint",
            )
        verdicts = self._decided(store, engine, watch)
        spec = self.verdict.spec if self.path is None else self.path.spec
        if self.path is not None:
            self.path.run(store, engine=engine, watch=watch)
        landscape = self.landscape
        if self.around is not None:
            self.around.run(store, engine=engine, watch=watch)
            landscape = Landscape.from_store(store, "none")
        worst: dict[str, Worst | str] = {}
        if given is not None:
            one = self._follow(given, found, spec.tasks, store, engine, watch)
            worst = dict.fromkeys((r.task for r in spec.tasks), one)
        elif isinstance(self.worst, WorstSearch):
            for request in spec.tasks:
                worst[request.task] = self._searched(
                    self.worst, request, found, landscape, store, engine, watch, on_look
                )
        return FineTuneDiff.from_store(
            store,
            spec,
            found.norms,
            verdicts=verdicts,
            followed=self.path is not None,
            tolerance=self.tolerance,
            confidence=self.confidence,
            landscape=landscape,
            worst=worst,
            certificates=self.certificates,
        )

    def keep(self, found: FineTuneDiff, run: Path) -> None:
        """The diff as a file, for reports."""
        found.keep(run)

    def _decided(self, store: Store, engine: str, watch: Watch | None) -> dict[str, PairedVerdict]:
        """Base and fine-tune scored until each task is decided; the verdicts by task id."""
        scan = self.verdict
        (direction,) = scan.spec.directions
        tasks = {id: task.identity for id, task in scan.tasks.items()}
        plan = DecidePlan(direction, tasks, self.tolerance, self.confidence)
        scan.follow(plan, store, engine=engine, watch=watch)
        _, verdicts = plan.follow(scan.spec, Known(store.cells()))
        return verdicts

    def _searched(
        self,
        search: WorstSearch,
        request: TaskRequest,
        found: Sizes,
        landscape: Landscape | None,
        store: Store,
        engine: str,
        watch: Watch | None,
        on_look: OnLook | None,
    ) -> Worst | str:
        """A task's own worst-case direction, followed; or why there is none."""
        model, task = self.verdict.model, self.verdict.tasks[request.task]
        unmoved = Known(store.cells()).successes(self.verdict.spec, Point.origin(), request) or ()
        if not KeptScore(task.identity, unmoved, self.tolerance).present:
            return "no worst-case direction was searched for: the base cannot do the task"
        against = search.reason_against(task)
        if against:
            return against
        basin = basin_of(landscape, task.identity, self.tolerance, self.confidence)
        record, made = search.find(model, task, request.limit, search.distance(basin, found.norm), on_look)
        (direction,) = self.verdict.spec.directions
        both = sizes(direction, model.selection.tensors, model.sources, record)
        one = self._follow(record, both, (request,), store, engine, watch, made.spec.distance)
        return one._replace(found=f"{made.spec.method} on its first {made.spec.task.limit} examples, {made.finding}")

    def _follow(
        self,
        worst: Saved,
        found: Sizes,
        requests: Sequence[TaskRequest],
        store: Store,
        engine: str,
        watch: Watch | None,
        least: float = 0.0,
    ) -> Worst:
        """A worst-case direction, from the fine-tune's distance (or ``least``, if that is farther) inwards."""
        length = found.other or 0.0
        if not length:
            raise InputError(str(worst), found="it is zero in every tensor that is selected", advice="another one")
        start = float(f"{max(found.norm, least) / length:.12g}")
        pairs = [(self.verdict.tasks[r.task], r.limit) for r in requests]
        grid = AlphaGrid.between(start, start, 1)
        scan = Scan.of(self.verdict.model, pairs, directions=(worst,), alpha=grid, block=self.verdict.spec.block)
        tasks = {id: task.identity for id, task in scan.tasks.items()}
        plan = InwardPlan(worst, start, tasks, self.tolerance)
        scan.follow(plan, store, engine=engine, watch=watch)
        return Worst(worst, found.cosine, length)
