"""A claim about most directions that is ready to be drawn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from corrie.analysis.fraction_claim import FractionClaim
from corrie.capabilities.task import Task
from corrie.errors import InputError
from corrie.models.model import Model
from corrie.records.fraction_spec import ROOM, FractionSpec
from corrie.records.scan_spec import AlphaGrid
from corrie.records.shard import Shard
from corrie.records.store import RunIdentity, Store
from corrie.scanning.loop import fill
from corrie.scanning.plans.fraction import FixedDraws, FractionPlan
from corrie.scanning.plans.line import line
from corrie.scanning.plans.sharded import Sharded
from corrie.scanning.presence import refuse_what_is_absent
from corrie.scanning.scan import Scan
from corrie.scanning.scored import Scored
from corrie.scanning.trial import Trial
from corrie.scanning.watch import Watch
from corrie.scanning.work import Plan

PATIENCE = 10
"""How many times the draws of a clean sheet the design without a plan looks at, unless another number is given."""


@dataclass(frozen=True)
class FractionScan(Trial[FractionClaim]):
    """Model and tasks (as a scan has them), and the claim."""

    scan: Scan
    claim: FractionSpec

    @classmethod
    def of(
        cls,
        model: Model,
        tasks: Sequence[tuple[Task, int]],
        *,
        sigma: float,
        at_least: float,
        confidence: float,
        tolerance: float = 0.05,
        failures: int | None = 0,
        first: int | None = None,
        block: int = 10,
        shard: Shard | None = None,
    ) -> FractionScan:
        """Check that everything fits, before a weight is moved or a file is made.

        Raises:
            InputError: no task, a task twice, a limit outside of a task's size, a claim that is not valid; a shard
                of a claim without a number of draws.
            TaskError: this model cannot be asked this task.
        """
        grid = AlphaGrid.between(sigma, sigma, 1)
        scan = Scan.of(model, tasks, directions=(), alpha=grid, block=block, batch="auto")
        claim = FractionSpec.of(
            scan.spec.tasks,
            sigma=sigma,
            fraction=at_least,
            confidence=confidence,
            tolerance=tolerance,
            failures=failures,
            first=first,
            block=block,
        )
        if shard is not None:
            shard.refuse_anytime(claim.failures)
        return cls(scan=replace(scan, spec=claim.scan, shard=shard), claim=claim)

    @property
    def subject(self) -> Model:
        """See :class:`corrie.scanning.trial.Trial`."""
        return self.scan.model

    @property
    def scored(self) -> Scored:
        """See :class:`corrie.scanning.trial.Trial`."""
        return self.scan.scored

    @property
    def identity(self) -> RunIdentity:
        """What must be equal for another scan or claim to share this one's run."""
        return self.scan.identity

    def folder_in(self, run: str | Path) -> Path:
        """The run folder, or this shard's own in it."""
        return self.scan.folder_in(run)

    def check(self, *, draws: int | None = None, **_: Any) -> None:
        """Refuse a number of draws that is not valid, or cannot be dealt out to so many shards."""
        plan = self.plan(draws)
        if isinstance(plan, Sharded):
            plan.points(self.scan.spec)

    def run(
        self, store: Store, *, engine: str = "serial", draws: int | None = None, watch: Watch | None = None
    ) -> FractionClaim:
        """Score the unmoved model, fix the design in the store, then draw until it is settled.

        Args:
            draws: look at no more than so many in all; the claim may stay open, and the same call with more goes on.

        Raises:
            InputError: the unmoved model's score cannot be told from chance: nothing is there to be kept.
            RunError: the run has fixed another design for this question, or has looked along these directions.
        """
        executor = self.scan.executor(engine, store)
        self.scan.register(store)
        fill(self.scan.spec, line, executor, store, watch=watch)  # no direction: the unmoved model alone
        refuse_what_is_absent(self.scan, store, "a claim that {} is kept", "the unmoved model")
        store.record_claim(self.claim, self.scan.provenance(engine))
        fill(self.scan.spec, self.plan(draws), executor, store, watch=watch)
        return FractionClaim.from_store(store, self.claim)

    def plan(self, draws: int | None = None) -> Plan:
        """Which draws come next; of a shard, its share of all of them, for it cannot know of another's failures.

        Raises:
            InputError: no draws at all.
        """
        if draws is not None and draws < 1:
            raise InputError(f"{draws} draws", found="nothing would be looked at", advice=str(self.claim.draws))
        if self.scan.shard is not None:
            return Sharded(FixedDraws(self.claim, min(self.claim.draws, draws or ROOM)), self.scan.shard)
        usual = self.claim.draws * (PATIENCE if self.claim.failures is None else 1)
        tasks = {id: task.identity for id, task in self.scan.tasks.items()}
        return FractionPlan(self.claim, tasks, min(usual if draws is None else draws, ROOM))
