"""A scan that is ready to run: model, tasks and spec that fit each other, checked before anything is written."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from corrie.analysis.landscape import Landscape
from corrie.analysis.plane import Plane
from corrie.capabilities.listed import data_of
from corrie.capabilities.rehearsal import rehearse, remember
from corrie.capabilities.task import Task
from corrie.capabilities.tokens_in import tokens_in
from corrie.capabilities.written_together import together, writes
from corrie.errors import InputError, RunError
from corrie.models.model import Model
from corrie.questions.plane import PlaneQuestion
from corrie.questions.scan import ScanQuestion
from corrie.records.batch_rule import BatchRule
from corrie.records.direction import GAUSSIAN_LAW, Direction, gaussian
from corrie.records.scan_spec import Alpha, AlphaAuto, AlphaEdges, AlphaGrid, ScanSpec, TaskRequest, usual_directions
from corrie.records.scoring import GRADED_SCORINGS
from corrie.records.shard import Shard, parse_shard
from corrie.records.store import RunIdentity, Store
from corrie.scanning.batch import BatchAsked, batch_of
from corrie.scanning.executor import Executor
from corrie.scanning.executors import engine_named
from corrie.scanning.first_answer import with_first_answer
from corrie.scanning.in_process import Within
from corrie.scanning.loop import Ending, fill
from corrie.scanning.plane_axes import as_far
from corrie.scanning.plans.auto import AutoPlan
from corrie.scanning.plans.edges import EdgesPlan, natural_step
from corrie.scanning.plans.line import line
from corrie.scanning.plans.plane import plane_plan
from corrie.scanning.plans.sharded import Sharded
from corrie.scanning.plans.telling import MostTelling
from corrie.scanning.provenance import provenance
from corrie.scanning.scored import Scored
from corrie.scanning.trial import Trial
from corrie.scanning.watch import Watch
from corrie.scanning.work import Known, Plan


@dataclass(frozen=True)
class Estimate:
    """What a scan will cost, from one timed block of each task at the unmoved model.

    points    places in weight space, the unmoved model included
    examples  at each of them
    cells     still to be made (blocks of examples)
    seconds   expected on this machine
    exact     False where the plan looks for its points as it goes
    """

    points: int
    examples: int
    cells: int
    seconds: float
    exact: bool

    def __str__(self) -> str:
        about = "" if self.exact else "about "
        return (
            f"{about}{self.points} points × {self.examples} examples, {about}{self.cells} cells to make: "
            f"about {_duration(self.seconds)} on this machine"
        )


@dataclass(frozen=True)
class Scan(Trial[Any]):
    """Model, tasks by id, and the frozen spec.

    batch      the rule by which answers are written in a new run (None: block by block)
    requires   a run that writes otherwise is refused; else a run goes on by its own rule
    shard      which share of the points is scored; None: all of them
    """

    model: Model
    tasks: Mapping[str, Task]
    spec: ScanSpec
    batch: BatchRule | None = None
    requires: bool = False
    shard: Shard | None = None

    @classmethod
    def of(
        cls,
        model: Model,
        tasks: Sequence[tuple[Task, int]],
        *,
        directions: Sequence[Direction],
        alpha: Alpha,
        block: int = 10,
        retention: float = 0.95,
        beta: AlphaGrid | None = None,
        shard: Shard | None = None,
        batch: BatchAsked = None,
    ) -> Scan:
        """Check that everything fits, before a weight is moved or a file is made.

        Args:
            beta: step sizes along the second of two directions: then the points lie in their plane.
            shard: which share of the points is scored; None: all of them.
            batch: examples whose answers are written together in a new run (:func:`corrie.scanning.batch.batch_of`);
                a rule that is named is also asked of a run that is there.

        Raises:
            InputError: no task, a task twice, a limit outside of a task's size, directions of several normalisations, a
                batch that is no whole number of blocks; a shard of a scan that looks for its points as it goes, or more
                shards than points.
            TaskError: this model cannot be asked this task, or one of its examples.
        """
        names = [task.identity.name for task, _ in tasks]
        twice = {n for n in names if names.count(n) > 1}
        if twice:
            raise InputError(f"tasks {', '.join(names)}", found=f"{min(twice)} is there twice", advice="each task once")
        if beta is None and len({d.normalisation for d in directions}) > 1:
            raise InputError("directions", found="several normalisations in one scan", advice="a scan for each")
        if not isinstance(alpha, AlphaGrid) and directions and directions[0].normalisation == "path":
            raise InputError(
                f"alpha {'auto' if isinstance(alpha, AlphaAuto) else 'edges'} along {directions[0]}",
                found="only random directions are looked at by a scout; this one leads from α = 0 to its end at α = 1",
                advice="--alpha 0:1:11, or further: --alpha=-0.5:1.5:9",
            )
        reader, tokens = model.reader(), 0
        for task, limit in tasks:
            if not 0 < limit <= task.identity.size:
                raise InputError(
                    f"{task.identity.name}:{limit}",
                    found=f"the task has {task.identity.size} examples",
                    advice=f"{task.identity.name}:{min(max(limit, 1), task.identity.size)}",
                )
            task.check(reader)
            scored = min(-(-limit // max(block, 1)) * max(block, 1), task.identity.size)
            tokens = max(tokens, rehearse(task, model.encoder, scored))
            remember(task, reader, scored)
        spec = ScanSpec(
            tasks=tuple(TaskRequest(task=t.identity.id, limit=limit) for t, limit in tasks),
            directions=tuple(directions),
            alpha=alpha,
            block=block,
            retention=retention,
            beta=beta,
        )
        written = [limit for task, limit in tasks if writes(task)]
        scattered = isinstance(alpha, AlphaAuto)  # one block at a point: a batch would be written for it alone
        chosen = None if batch == "auto" and scattered else batch
        scouts = isinstance(alpha, AlphaEdges)  # one block at some of the points
        scan = cls(
            model=model,
            tasks={t.identity.id: t for t, _ in tasks},
            spec=spec,
            batch=batch_of(model, chosen, written, spec.block, tokens, queue=not scouts),
            requires=batch not in (None, "auto"),
            shard=shard,
        )
        if shard is not None:
            shard.refuse_search(alpha)
            Sharded(scan.whole_plan(), shard).points(spec)
        return scan

    @classmethod
    def asked(
        cls,
        question: ScanQuestion,
        model: Model,
        tasks: Sequence[tuple[Task, int]],
        *,
        directions: Sequence[Direction] | None = None,
        to: str | Path | None = None,
    ) -> Scan:
        """The scan that a question asks of a model: by default along random directions, with a first answer.

        Args:
            to: the run folder, if there is to be one: a run that is there goes on as it was begun.

        Raises:
            InputError, TaskError: as :meth:`of`.
            RunError: the folder holds a run that cannot be read.
        """
        steps = question.steps
        return cls.of(
            model,
            with_first_answer(tasks, steps, to) if question.agreement else tasks,
            directions=gaussian(usual_directions(steps)) if directions is None else directions,
            alpha=steps,
            retention=question.kept,
            shard=question.share,
            block=question.block,
            batch=question.batch,
        )

    @property
    def subject(self) -> Model:
        """See :class:`corrie.scanning.trial.Trial`."""
        return self.model

    @property
    def scored(self) -> Scored:
        """See :class:`corrie.scanning.trial.Trial`."""
        return Scored(self.tasks)

    @classmethod
    def across(
        cls,
        question: PlaneQuestion,
        model: Model,
        tasks: Sequence[tuple[Task, int]],
        directions: tuple[Direction, Direction],
    ) -> Scan:
        """A scan all over the plane of two directions; along the second as far as along the first, unless it is said.

        Raises:
            InputError, TaskError: as :meth:`of`.
        """
        return cls.of(
            model,
            tasks,
            directions=directions,
            alpha=question.along,
            beta=question.up or as_far(model, directions, question.along),
            block=question.block,
            retention=question.retention,
            shard=parse_shard(question.shard),
        )

    @property
    def identity(self) -> RunIdentity:
        """What must be equal for another scan to share this one's run."""
        identity = RunIdentity(model=self.model.identity, block=self.spec.block, laws=(GAUSSIAN_LAW,))
        return identity.written_by(self.batch)

    @property
    def tokens(self) -> dict[str, int]:
        """Task id → distinct tokens of its first block: what it costs beside others, before any is scored."""
        sizes = {r.task: min(self.spec.block, r.limit) for r in self.spec.tasks}
        return {id: tokens_in(self.tasks[id], self.model.encoder, size) for id, size in sizes.items()}

    def folder_in(self, run: str | Path) -> Path:
        """The run folder, or this shard's own in it."""
        return Path(run) if self.shard is None else self.shard.within(Path(run))

    def plan(self, *, budgeted: bool = False) -> Plan:
        """The plan that the spec asks for, or this shard's share of it; on lines, most telling points first where time
        is short."""
        if self.shard is None:
            return self.whole_plan(budgeted=budgeted)
        return Sharded(self.whole_plan(), self.shard)

    def whole_plan(self, *, budgeted: bool = False) -> Plan:
        """The plan of all shards together."""
        if self.spec.is_plane:
            return plane_plan
        chances = {i: t.identity.chance for i, t in self.tasks.items()}
        if isinstance(self.spec.alpha, AlphaGrid):
            plan: Plan = line
        else:
            step = natural_step(self.model.identity, self.spec.directions[0].normalisation)
            if isinstance(self.spec.alpha, AlphaAuto):
                first, graded = (
                    frozenset(i for i, t in self.tasks.items() if t.identity.scoring in scorings)
                    for scorings in (("agreement",), GRADED_SCORINGS)
                )
                return AutoPlan(step=step, chances=chances, first=first, graded=graded)
            plan = EdgesPlan(step=step, chances=chances)
        return MostTelling(plan, chances) if budgeted else plan

    def run(
        self, store: Store, *, engine: str = "serial", budget: float | None = None, watch: Watch | None = None
    ) -> Ending:
        """Fill in what the store lacks (:func:`corrie.scanning.loop.fill`)."""
        return self.follow(self.plan(budgeted=budget is not None), store, engine=engine, budget=budget, watch=watch)

    def conclude(self, store: Store, **how: Any) -> Any:
        """Fill in what the store lacks, and read it: the store's landscape, or this plane."""
        self.run(store, **how)
        return Plane.of(store, self.spec) if self.spec.is_plane else Landscape.from_store(store)

    def follow(
        self,
        plan: Plan,
        store: Store,
        *,
        engine: str = "serial",
        budget: float | None = None,
        watch: Watch | None = None,
    ) -> Ending:
        """Note the spec in the store and score what a plan asks for."""
        executor = self.executor(engine, store)
        self.register(store)
        store.record_spec(self.spec, self.provenance(engine))
        return fill(self.spec, plan, executor, store, budget=budget, watch=watch)

    def provenance(self, engine: str) -> dict[str, str]:
        """With what this was made, and from which packaged data; of a shard, which one it is."""
        more = {} if self.shard is None else {"shard": str(self.shard)}
        if data := data_of(task.identity for task in self.tasks.values()):
            more["data"] = data
        return provenance(engine=engine, device=self.model.device, **more)

    def executor(self, engine: str, store: Store, within: Within | None = None) -> Executor:
        """Who scores: the engine of a name, for this model and these tasks, by the rule of the run.

        Raises:
            InputError: no such engine, or one that cannot do this.
            RunError: the run writes its answers in other batches than this scan requires.
        """
        rule, asked = store.identity.rule, self.identity.rule
        if self.requires and rule != asked:
            raise RunError(
                f"batch {asked}",
                found=f"this run writes its answers {rule.words}, and mixes no two rules",
                advice=f"--batch {rule}, or another folder",
            )
        kept = store.identity
        tasks = {id: together(task, kept.batch, kept.slots) for id, task in self.tasks.items()}
        return engine_named(engine)(self.model, tasks, self.spec.block, within)

    def register(self, store: Store) -> None:
        """Make the tasks and the examples that will be scored known to the store."""
        for request in self.spec.tasks:
            task = self.tasks[request.task]
            last = min(len(self.spec.blocks(request)) * self.spec.block, task.identity.size)
            store.register_task(task.identity, [task.card(i) for i in range(last)])

    def estimate(self, known: Known) -> Estimate:
        """Points, examples and time, without writing anything: one block of each task is scored and timed (a batch
        where answers are written)."""
        agenda = self.plan()(self.spec, known)
        scattered = isinstance(self.spec.alpha, AlphaAuto)
        per_point = {r.task: 1 if scattered else len(self.spec.blocks(r)) for r in self.spec.tasks}
        blocks = sum(per_point.values())
        seconds, block = 0.0, self.spec.block
        reader = self.model.reader()
        for request in self.spec.tasks:
            task = self.tasks[request.task]
            size = min(self.identity.rule.at_once, task.identity.size) if writes(task) else block
            started = time.perf_counter()
            task.score(reader, 0, size)
            seconds += (time.perf_counter() - started) / -(-size // block) * per_point[request.task] / blocks
        cells = max(agenda.expected - len(known), 0)
        return Estimate(
            points=round(agenda.expected / blocks),
            examples=sum(r.limit for r in self.spec.tasks),
            cells=cells,
            seconds=cells * seconds,
            exact=isinstance(self.spec.alpha, AlphaGrid),
        )


def _duration(seconds: float) -> str:
    """A length of time as a person says it.

    >>> _duration(42), _duration(400), _duration(9000)
    ('42 s', '7 min', '2.5 h')
    """
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
