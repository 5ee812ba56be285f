"""A certificate that is ready to be drawn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from corrie.analysis.certificate import Certificate, FineTuned
from corrie.analysis.evidence import Evidence
from corrie.capabilities.task import Task
from corrie.errors import InputError
from corrie.models.model import Model
from corrie.questions.certificate import CertificateQuestion
from corrie.questions.terms import check_retain
from corrie.records.certificate_spec import (
    CertificateSpec,
    Levels,
    SelectingDraws,
    graded_parts,
    noise_point,
    own_seeds,
)
from corrie.records.point import Point
from corrie.records.scan_spec import AlphaGrid, TaskRequest
from corrie.records.scoring import GRADED_SCORINGS
from corrie.records.store import RunIdentity, Store
from corrie.records.subspace import FullSpace
from corrie.scanning.in_process import Within
from corrie.scanning.loop import fill
from corrie.scanning.plans.places import PlacesPlan
from corrie.scanning.scan import Scan
from corrie.scanning.scored import Scored
from corrie.scanning.subspace_executor import rows_of
from corrie.scanning.trial import Trial
from corrie.scanning.watch import Watch
from corrie.scanning.work import Known
from corrie.subspaces.rows_agree import rows_agree
from corrie.subspaces.space import Space, dimension

FAR = 2.0
"""r/σ beyond which thresholds are not made good unless that is asked for: much farther out every bound is 0, and then
any threshold looks as good as another, at all distances."""


@dataclass(frozen=True)
class CertificateScan(Trial[Certificate]):
    """Model and tasks (as a scan has them), and the question.

    scan        model, tasks and limits
    space       where noise and weight change live
    sigma       σ
    lattice     e, or None
    draws       n
    confidence  of all tasks together
    selecting   how many selection draws, at which r/σ the bound shall be high, how many thresholds
    requires     whether that r/σ was asked for; else a run that has a design for the question keeps its own
    first       seed of the first certifying draw; None: a hash of the question
    rows        draws run as one batch
    """

    scan: Scan
    space: Space
    sigma: float
    lattice: int | None
    draws: int
    confidence: float
    selecting: SelectingDraws
    requires: bool
    first: int | None
    rows: int

    @classmethod
    def of(
        cls,
        model: Model,
        tasks: Sequence[tuple[Task, int]],
        space: Space,
        *,
        sigma: float,
        draws: int,
        confidence: float,
        lattice: int | None = None,
        selection_draws: int = CertificateQuestion.selection_draws,
        ratio: float | None = None,
        expected: float = 1.0,
        thresholds: int = CertificateQuestion.thresholds,
        first: int | None = None,
        rows: int = CertificateQuestion.rows,
        block: int = 10,
    ) -> CertificateScan:
        """Check that everything fits, before a draw is made.

        Args:
            ratio: r/σ at which the bound shall be high; None: ``expected`` (at most 2), or what the run has fixed.

        Raises:
            InputError: no task, a task twice, a limit outside of a task's size, σ, confidence or counts that cannot be
                meant, a subspace of dimension 0 or on another lattice, certifying seeds that select.
            TaskError: this model cannot be asked this task.
        """
        wanted = min(expected, FAR) if ratio is None else ratio
        CertificateQuestion(
            sigma=sigma, confidence=confidence, draws=draws, selection_draws=selection_draws, ratio=wanted,
            thresholds=thresholds, seeds=first, rows=rows, block=block,
        )  # fmt: skip
        if dimension(space) == 0:
            raise InputError(f"a certificate in {space.spec}", found="a subspace of dimension 0", advice="another one")
        if space.spec.id == FullSpace().id and getattr(space, "lattice", lattice) != lattice:
            raise InputError(
                f"a certificate on the lattice {lattice}", found="the subspace was made for another one",
                advice="full_space(selection, FullSpace(), fine_lattice(sigma)), or the subspace's name",
            )  # fmt: skip
        grid = AlphaGrid(low=sigma, high=sigma, count=1)
        scan = Scan.of(model, tasks, directions=(), alpha=grid, block=block, batch="auto")
        question = [t.model_dump() for t in sorted(scan.spec.tasks, key=lambda t: t.task)]
        seed = own_seeds([question, space.spec.id, sigma, lattice], "selecting")
        chosen = SelectingDraws(first=seed, count=selection_draws, ratio=wanted, most=thresholds)
        batch = rows_of(space, rows)
        if first is not None:
            _refuse_selecting_seeds(chosen, first, draws)
        if batch > 1 and not rows_agree(model, space, sigma):
            batch = 1
        if batch > 1:  # every row of a batch is a draw: that is large enough
            scan = replace(scan, batch=None)
        return cls(scan, space, sigma, lattice, draws, confidence, chosen, ratio is not None, first, batch)

    @property
    def subject(self) -> Model:
        """See :class:`corrie.scanning.trial.Trial`."""
        return self.scan.model

    @property
    def scored(self) -> Scored:
        """See :class:`corrie.scanning.trial.Trial`."""
        return Scored(self.scan.tasks, "a subspace")

    @property
    def identity(self) -> RunIdentity:
        """What must be equal for another scan or claim to share this one's run."""
        return self.scan.identity

    def run(
        self,
        store: Store,
        *,
        asked: FineTuned | None = None,
        retain: float = CertificateQuestion.retain,
        engine: str = "serial",
        watch: Watch | None = None,
    ) -> Certificate:
        """Score the unmoved model and the selection draws, choose thresholds, fix the design in the store, then draw.

        The same call continues after a kill, and a finished one only reads.

        Args:
            asked: the fine-tune or distance that the certificate shall speak of; may change from call to call, since
                the bound holds at all distances at once.
            retain: share of the smoothed score above chance whose radius is stated; likewise.

        Raises:
            InputError: every selection draw of a task scored 0.
            RunError: the run has fixed another design for this question, or has looked along its draws.
        """
        check_retain(retain)
        executor = self.scan.executor(engine, store, Within(self.space, self.rows))
        self.scan.register(store)
        before = (Point.origin(), *(self._point(seed) for seed in self.selecting.seeds))
        fill(self.scan.spec, PlacesPlan(before), executor, store, watch=watch)
        spec = self.design(store)
        store.record_claim(spec, self.scan.provenance(engine))
        draws = tuple(spec.point(i) for i in range(spec.draws))
        fill(self.scan.spec, PlacesPlan((*before, *draws)), executor, store, watch=watch)
        return Certificate(Evidence.from_store(store, spec, dimension(self.space)), asked, retain)

    def keep(self, found: Certificate, run: Path) -> None:
        """The certificate and its outcomes as files, which can be verified without the run."""
        found.write(run)

    def design(self, store: Store) -> CertificateSpec:
        """The design that the selection draws in the store choose.

        What a run has fixed for this question stays: the r/σ that it was made high at, unless another one is required
        (the bound holds at every distance), and whether its thresholds of graded examples are multiples of what a whole
        one is worth, as in a run of before there were finer ones.

        Raises:
            InputError: every selection draw of a task scored 0.
        """
        known, kept = Known(store.cells()), self._fixed(store)
        selecting = self.selecting
        if kept is not None and not self.requires:
            selecting = selecting.model_copy(update={"ratio": kept.selection.ratio})
        levels = []
        for request in self.scan.spec.tasks:
            found = [known.successes(self.scan.spec, self._point(s), request) or () for s in self.selecting.seeds]
            scores = [sum(x or 0.0 for x in row) / len(row) for row in found]
            parts = self._parts(request, found) if kept is None else kept.row_of(request.task).parts
            chosen = selecting.choose(
                scores, request.limit, self.draws, self.confidence, len(self.scan.spec.tasks), parts
            )
            levels.append(Levels(task=request.task, levels=chosen, parts=parts))
        terms = {
            "tasks": self.scan.spec.tasks,
            "subspace": self.space.spec,
            "sigma": self.sigma,
            "lattice": self.lattice,
            "draws": self.draws,
            "confidence": self.confidence,
            "selection": selecting,
            "levels": tuple(levels),
            "block": self.scan.spec.block,
            "rows": self.rows,
        }
        if self.first is not None:
            return CertificateSpec(first=self.first, **terms)
        unseeded = CertificateSpec(first=0, **terms)
        hashed = unseeded.model_dump(mode="json", exclude={"first", "block", "rows"})
        return unseeded.model_copy(update={"first": own_seeds(hashed, "certifying")})

    def _fixed(self, store: Store) -> CertificateSpec | None:
        """The design that the run has for this question."""
        tasks = {t.task: t for t in self.scan.spec.tasks}
        for kept, _ in store.claims():
            if not isinstance(kept, CertificateSpec):
                continue
            same = {t.task: t for t in kept.tasks} == tasks and kept.subspace.id == self.space.spec.id
            if same and (kept.sigma, kept.lattice) == (self.sigma, self.lattice):
                return kept
        return None

    def _parts(self, request: TaskRequest, found: Sequence[Sequence[float | None]]) -> int:
        """How finely a task's thresholds may lie: by its way of scoring, or by an outcome that is neither 0 nor 1."""
        declared = self.scan.tasks[request.task].identity.scoring in GRADED_SCORINGS
        graded = declared or any(x not in (0.0, 1.0, None) for row in found for x in row)
        return graded_parts(request.limit) if graded else 1

    def _point(self, seed: int) -> Point:
        return noise_point(self.space.spec, seed, self.lattice, self.sigma)


def _refuse_selecting_seeds(selection: SelectingDraws, first: int, draws: int) -> None:
    if max(first, selection.first) < min(first + draws, selection.seeds.stop):
        raise InputError(
            f"{draws} certifying draws from seed {first}",
            found=f"seeds {selection.first} to {selection.seeds.stop - 1} are used to select: they can certify nothing",
            advice=f"--seeds {selection.seeds.stop}, or no --seeds at all",
        )
