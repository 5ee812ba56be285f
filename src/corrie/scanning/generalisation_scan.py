"""A statement about new examples that is ready to be drawn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from corrie.analysis.generalisation import Generalisation
from corrie.capabilities.task import Task
from corrie.models.model import Model
from corrie.questions.generalisation import GeneralisationQuestion
from corrie.records.generalisation_spec import GeneralisationSpec
from corrie.records.point import Point
from corrie.records.scan_spec import AlphaGrid
from corrie.records.store import RunIdentity, Store
from corrie.scanning.in_process import Within
from corrie.scanning.loop import fill
from corrie.scanning.plans.places import PlacesPlan
from corrie.scanning.scan import Scan
from corrie.scanning.scored import Scored
from corrie.scanning.subspace_executor import rows_of
from corrie.scanning.trial import Trial
from corrie.scanning.watch import Watch
from corrie.subspaces.space import Space, dimension
from corrie.subspaces.stand import Stand


@dataclass(frozen=True)
class GeneralisationScan(Trial[Generalisation]):
    """Model and tasks (as a scan has them), the subspace, where the fine-tune stands in it, and the question."""

    scan: Scan
    space: Space
    place: Stand
    spec: GeneralisationSpec

    @classmethod
    def of(
        cls,
        model: Model,
        tasks: Sequence[tuple[Task, int]],
        space: Space,
        place: Stand,
        *,
        sigma: float,
        draws: int,
        confidence: float,
        lattice: int | None = None,
        choices: int = GeneralisationQuestion.choices,
        rows: int = GeneralisationQuestion.rows,
        block: int = 10,
    ) -> GeneralisationScan:
        """Check that everything fits, before a draw is made.

        Raises:
            InputError: no task, a task twice, a limit outside of a task's size, σ, confidence or counts that cannot be
                meant.
            TaskError: this model cannot be asked this task.
        """
        asked = {"sigma": sigma, "confidence": confidence, "draws": draws, "choices": choices, "rows": rows}
        GeneralisationQuestion(subspace="full", block=block, **asked)  # in whichever subspace
        scan = Scan.of(model, tasks, directions=(), alpha=AlphaGrid(low=sigma, high=sigma, count=1), block=block)
        spec = GeneralisationSpec(
            tasks=scan.spec.tasks,
            subspace=space.spec,
            sigma=sigma,
            lattice=lattice,
            place=place.record,
            distance=place.distance,
            draws=draws,
            confidence=confidence,
            choices=choices,
            block=block,
            rows=rows_of(space, rows),
        )
        return cls(scan, space, place, spec)

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

    def run(self, store: Store, *, engine: str = "serial", watch: Watch | None = None) -> Generalisation:
        """Score the unmoved model, the fine-tune and the draws around it, as far as the store lacks them.

        The same call continues after a kill, with more draws goes on, and a finished one only reads.
        """
        held = {self.place.record.id: self.place.coordinates}
        executor = self.scan.executor(engine, store, Within(self.space, self.spec.rows, held))
        self.scan.register(store)
        draws = tuple(self.spec.point(i) for i in range(self.spec.draws))
        fill(self.spec.scan, PlacesPlan((Point.origin(), self.spec.centre, *draws)), executor, store, watch=watch)
        return Generalisation.from_store(store, self.spec, dimension(self.space))

    def keep(self, found: Generalisation, run: Path) -> None:
        """The statement as a file."""
        found.write(run)
