"""A certificate about changed inputs that is ready to be drawn."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from corrie.analysis.input_certificate import InputCertificate
from corrie.analysis.whole_file import write_whole
from corrie.capabilities.task import Task
from corrie.errors import InputError, TaskError
from corrie.inputs.embedding_rows import check_ids_act_through_embedding
from corrie.inputs.mask_token import mask_token
from corrie.inputs.nearest_token import nearest_token
from corrie.inputs.prompts import Prompts
from corrie.inputs.untied import embedding_of
from corrie.models.model import Model
from corrie.records.direction import GAUSSIAN_LAW
from corrie.records.draw_log import DrawLog
from corrie.records.input_draws import InputDraws, specs_drawn, take_over
from corrie.records.input_spec import InputNoise, InputSpec, check_change
from corrie.records.point import Point
from corrie.records.scan_spec import TaskRequest
from corrie.records.sealed import envelope
from corrie.records.store import RunIdentity, Store
from corrie.scanning.executors import engine_named
from corrie.scanning.in_process import Noised
from corrie.scanning.loop import fill
from corrie.scanning.plans.places import PlacesPlan
from corrie.scanning.provenance import provenance
from corrie.scanning.scored import Scored
from corrie.scanning.trial import Trial
from corrie.scanning.watch import Watch

ZERO_ONE = ("choice", "likelihood")
"""Scorings whose outcomes are right or wrong."""


@dataclass(frozen=True)
class InputTrial(Trial[InputCertificate]):
    """Model, task, its prompts, and the spec."""

    model: Model
    task: Task
    prompts: Prompts
    spec: InputSpec

    @classmethod
    def of(
        cls,
        model: Model,
        task: Task,
        limit: int,
        noise: InputNoise,
        *,
        draws: int = 100,
        selection: int = 10,
        confidence: float = 0.95,
        mask: str | None = None,
        block: int = 10,
    ) -> InputTrial:
        """Check that everything fits, before anything is drawn.

        Raises:
            InputError: numbers that are not valid, a mask for a kernel without one, a mask that is no one token.
            TaskError: a task without one prompt for each example, or one that is not scored right or wrong.
            ModelError: for embedding noise, a model whose ids do not act through its embedding alone.
        """
        size = task.identity.size
        if not 0 < limit <= size:
            raise InputError(f"{task.identity.name}:{limit}", found=f"the task has {size} examples", advice=f"{size}")
        if task.identity.scoring not in ZERO_ONE:
            raise TaskError(
                f"a certificate about changed inputs of task {task.identity.name!r}",
                found=f"it is scored by {task.identity.scoring}",
                advice="a task that is scored by choice or likelihood",
            )
        if mask is not None and noise.kind != "absorbing":
            raise InputError(f"mask {mask!r}", found=f"the kernel {noise} puts none", advice="absorbing:0.7")
        task.check(model.reader())
        prompts = Prompts.of(model, task, limit)
        embedding = embedding_of(model.module)
        if not noise.counts:
            check_ids_act_through_embedding(model.module)
        spec = InputSpec(
            model=model.identity.fingerprint,
            tokenizer=model.identity.tokenizer,
            dtype=model.identity.dtype,
            task=TaskRequest(task=task.identity.id, limit=limit),
            noise=noise,
            vocabulary=embedding.num_embeddings,
            mask=mask_token(model, mask) if noise.kind == "absorbing" else None,
            before=prompts.before,
            after=prompts.after,
            selection=selection,
            draws=draws,
            confidence=confidence,
            block=block,
        )
        return cls(model, task, prompts, spec)

    @property
    def subject(self) -> Model:
        """See :class:`corrie.scanning.trial.Trial`."""
        return self.model

    @property
    def scored(self) -> Scored:
        """See :class:`corrie.scanning.trial.Trial`."""
        return Scored({self.spec.task.task: self.task}, "noised prompts")

    @property
    def identity(self) -> RunIdentity:
        """What must be equal for another trial to share this one's run."""
        return RunIdentity(model=self.model.identity, block=self.spec.block, laws=(GAUSSIAN_LAW,))

    def answer(
        self, to: str | Path | None = None, *, engine: str = "serial", change: float | None = None, **how: Any
    ) -> InputCertificate:
        """As every trial's (:meth:`corrie.scanning.trial.Trial.answer`); draws that an earlier version kept in a log
        in the run folder are taken over.

        Raises:
            InputError: a change that is not valid; nothing is written then.
            RunError: the run folder, or its log of these draws, belongs to another model.
            StorageError: the disk refuses.
        """
        asked = change if change is not None else 1 if self.spec.noise.counts else self.spec.noise.level
        check_change(self.spec.noise, asked)
        folder = None if to is None else Path(to)
        if folder is not None:
            DrawLog.read(folder, self.spec.id).refuse_other_function(folder, self.model.identity.function)
        return super().answer(to, engine=engine, change=asked, folder=folder, **how)

    def run(
        self,
        store: Store,
        *,
        change: float,
        folder: Path | None = None,
        engine: str = "serial",
        watch: Watch | None = None,
    ) -> InputCertificate:
        """Make the draws that the store lacks, and judge them. The same call continues, and a finished one only reads.

        Args:
            change: replaced tokens of each prompt, or L2 norm over each prompt.
            folder: where an earlier version may have left logs of its draws.
        """
        spec, task = self.spec, self.task
        executor = engine_named(engine)(self.model, {spec.task.task: task}, spec.block, Noised(self.prompts, spec))
        last = min(len(spec.scan.blocks(spec.task)) * spec.block, task.identity.size)
        store.register_task(task.identity, [task.card(i) for i in range(last)])
        if folder is not None:
            take_over(store, spec, DrawLog.read(folder, spec.id))
        places = PlacesPlan(tuple(Point.along(draw, 1.0) for draw in spec.every_draw))
        fill(spec.scan, places, executor, store, watch=watch)
        draws = InputDraws.from_store(store, spec)
        return InputCertificate.of(
            spec,
            self.model.identity,
            task.identity,
            change,
            ids=draws.ids,
            lengths=self.prompts.lengths,
            clean=draws.clean,
            selection=draws.selection,
            draws=draws.certifying,
            nearest=None if spec.noise.counts else nearest_token(self.model, self.prompts),
            sharing=len(specs_drawn(store, folder)),
        )

    def keep(self, found: InputCertificate, run: Path) -> None:
        """The certificate as canonical JSON with a hash of its content; what made it stands beside, unhashed."""
        text = envelope("certificate", found.to_json(), provenance(device=self.model.device))
        name = f"inputs-{found.spec.id}-at-{found.change:g}.json"
        write_whole(run / name, lambda file: file.write_text(text, encoding="utf-8"))
