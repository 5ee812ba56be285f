"""A certificate about changed inputs that is ready to be drawn."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import torch

from corrie.analysis.input_certificate import InputCertificate
from corrie.analysis.whole_file import write_whole
from corrie.capabilities.task import Task
from corrie.errors import InputError, StorageError, TaskError
from corrie.inputs.embedding_rows import check_ids_act_through_embedding
from corrie.inputs.noised_reader import NoisedReader
from corrie.inputs.prompts import Prompts
from corrie.inputs.untied import embedding_of
from corrie.models.model import Model
from corrie.records.draw_log import DrawLog, labels, logs_in
from corrie.records.input_spec import InputNoise, InputSpec
from corrie.records.run_lock import RunLock
from corrie.records.scan_spec import TaskRequest
from corrie.records.sealed import envelope
from corrie.sources.packages import Say, silent

SAY_EVERY = 10.0
"""Seconds between two lines of progress."""

ZERO_ONE = ("choice", "likelihood")
"""Scorings whose outcomes are right or wrong."""


@dataclass(frozen=True)
class InputTrial:
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
            InputError: numbers that cannot be meant, a mask for a kernel without one, a mask that is no one token.
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

    def run(
        self,
        change: float | None = None,
        *,
        to: Path | None = None,
        say: Say = silent,
        provenance: dict[str, str] | None = None,
    ) -> InputCertificate:
        """Make the draws that are missing, and judge them.

        Args:
            change: replaced tokens of each prompt (default 1), or L2 norm over each prompt (default σ).
            to: a run folder: every draw is kept there as it is made, and the certificate in the end.
            say: is told of the progress.
            provenance: written beside the certificate.

        Raises:
            InputError: a change that cannot be meant.
            RunError: another process writes to the folder, or its draws are of the same weights under other settings.
            StorageError: the disk refuses.
        """
        asked = change if change is not None else 1 if self.spec.noise.counts else self.spec.noise.level
        with _locked(to):
            log = DrawLog(to, self.spec.id, self.model.identity.function)
            found = [log.get(label) or self._score(log, label) for label in self._told(log, say)]
            certificate = InputCertificate.of(
                self.spec,
                self.model.identity,
                self.task.identity,
                asked,
                ids=log.ids,
                lengths=self.prompts.lengths,
                clean=found[0],
                selection=found[1 : 1 + self.spec.selection],
                draws=found[1 + self.spec.selection :],
                nearest=None if self.spec.noise.counts else self._nearest(),
                sharing=1 if to is None else logs_in(to),
            )
            if to is not None:
                save(certificate, to, provenance or {})
        return certificate

    def _told(self, log: DrawLog, say: Say) -> Iterator[str]:
        """The labels of all draws, with a word now and then on how far it is."""
        every = labels(self.spec.selection, self.spec.draws)
        missing = sum(log.get(label) is None for label in every)
        if 0 < missing < len(every):
            say(f"Continuing: {len(every) - missing} draws are in the run already.")
        started = said = time.monotonic()
        made = 0
        for label in every:
            new = log.get(label) is None
            yield label
            made += new
            now = time.monotonic()
            if new and now - said >= SAY_EVERY:
                left = (now - started) / made * (missing - made)
                say(f"{made} of {missing} draws, about {left:.0f} s left")
                said = now

    def _score(self, log: DrawLog, label: str) -> tuple[float, ...]:
        """The outcomes of one draw, kept."""
        reader = self._reader
        reader.draw = None if label == "clean" else label
        limit, block = self.spec.task.limit, self.spec.block
        scored = [
            o for start in range(0, limit, block) for o in self.task.score(reader, start, min(start + block, limit))
        ]
        outcomes = [o.success or 0.0 for o in scored]  # what cannot be judged counts as wrong
        log.add(label, [o.id for o in scored], outcomes)
        return tuple(outcomes)

    @cached_property
    def _reader(self) -> NoisedReader:
        """One for all draws: the weights do not move, and what all prompts begin with is computed once."""
        return NoisedReader(self.model, self.prompts, self.spec)

    @torch.no_grad()
    def _nearest(self) -> float:
        """The median distance from an own token's vector to the nearest other row."""
        embedding = embedding_of(self.model.module)
        every = torch.arange(embedding.num_embeddings, device=embedding.weight.device)
        table = embedding(every).float()
        own = torch.tensor([t for i in range(len(self.prompts.ids)) for t in self.prompts.own(i)], device=every.device)
        distinct, place = own.unique(return_inverse=True)
        parts = []
        for part in distinct.split(64):
            distance = torch.cdist(table[part], table)
            distance.scatter_(1, part[:, None], torch.inf)
            parts.append(distance.amin(dim=1))
        return float(torch.cat(parts)[place].median())


def mask_token(model: Model, asked: str | None = None) -> int:
    """The token that masks: the one asked for (its id, or a text of one token), or the tokenizer's mask, unknown,
    padding or end token, whichever it has first.

    Raises:
        InputError: no such token, or a text of several.
    """
    tokenizer = model.tokenizer
    rows = embedding_of(model.module).num_embeddings
    if asked is None:
        kinds = (tokenizer.mask_token_id, tokenizer.unk_token_id, tokenizer.pad_token_id, tokenizer.eos_token_id)
        found = next((k for k in kinds if k is not None), None)
        if found is None:
            raise InputError("a mask token", found="the tokenizer has no special token", advice="--mask ID")
        return int(found)
    if asked.isdecimal():  # an id has at most some digits, and Python reads some thousand
        ids = [int(asked)] if len(asked) < 20 else [rows]
    else:
        if any("\ud800" <= c <= "\udfff" for c in asked):
            raise InputError(f"mask {asked[:80]!r}", found="it is no text in UTF-8", advice="the id of a token")
        ids = list(tokenizer(asked, add_special_tokens=False).input_ids)
    if len(ids) != 1 or not 0 <= ids[0] < rows:
        raise InputError(
            f"mask {asked[:80]!r}",
            found=f"{len(ids)} tokens" if len(ids) != 1 else f"the embedding has {rows} rows",
            advice="the id of a token, or a text of one token",
        )
    return ids[0]


def save(certificate: InputCertificate, folder: Path, provenance: dict[str, str]) -> Path:
    """Write a certificate as canonical JSON with a hash of its content; what made it stands beside, unhashed."""
    text = envelope("certificate", certificate.to_json(), provenance)
    name = f"inputs-{certificate.spec.id}-at-{certificate.change:g}.json"
    return write_whole(folder / name, lambda file: file.write_text(text, encoding="utf-8"))


@contextmanager
def _locked(folder: Path | None) -> Iterator[None]:
    """The folder made, and this process alone in writing to it."""
    if folder is None:
        yield
        return
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StorageError(f"run folder {folder}", found=error.strerror or str(error), advice="another place") from None
    lock = RunLock(folder)
    try:
        yield
    finally:
        lock.release()
