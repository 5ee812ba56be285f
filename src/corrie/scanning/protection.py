"""An adapter in which fine-tuning hardly touches what it should keep, with its certificate, in one resumable go.

Until it is whole, the work lies beside its place under a hidden name (:mod:`corrie.models.unfinished`): the frozen
adapter first, then the certificate's run; the same question goes on after a stop or a kill.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from corrie.analysis.certificate import Certificate
from corrie.capabilities.task import Task
from corrie.models.model import Model
from corrie.models.unfinished import Unfinished, refuse_others
from corrie.questions.protection import ProtectionQuestion
from corrie.records.canonical import content_hash
from corrie.scanning.certificate_scan import CertificateScan
from corrie.scanning.choosing_sigma import choose_sigma
from corrie.scanning.protecting import protected_space
from corrie.scanning.watch import Watch
from corrie.sources.packages import Say, silent
from corrie.subspaces.find import adapter_space
from corrie.subspaces.space import dimension, fine_lattice, nowhere
from corrie.subspaces.written_adapter import write_place
from corrie.weights.asked_note import note_of


def protection(
    model: Model,
    tasks: Sequence[tuple[Task, int]],
    out: Path,
    asked: ProtectionQuestion,
    *,
    lesson: tuple[Task, int] | None,
    engine: str = "serial",
    watch: Watch | None = None,
    say: Say = silent,
) -> Certificate:
    """Make the adapter and its certificate in ``out`` (:func:`corrie.verbs.protect` has the terms).

    Raises:
        InputError: something is at ``out`` that is not this question's answer; no examples to listen to.
        StorageError: the disk refuses.
    """
    refuse_others(out)
    place = Unfinished(
        out,
        content_hash(
            {
                "protect": model.identity.canonical(),
                "tasks": [[t.identity.id, count] for t, count in tasks],
                "lesson": [lesson[0].identity.id, lesson[1]] if lesson else None,
                "adapter": [asked.layers, asked.rank, asked.prompts, asked.block],
                "certificate": [
                    str(asked.sigma), asked.draws, asked.confidence, asked.retain, asked.exact, asked.selection_draws,
                    asked.ratio, asked.thresholds, asked.rows,
                ],
            }
        ),
    )  # fmt: skip
    place.refuse_others()
    if not place.begun:
        names = ", ".join(t.identity.name for t, _ in tasks)
        say(f"Listening to {asked.prompts} examples each of {names} at {asked.layers} …")
        terms = {name: getattr(asked, name) for name in ("layers", "rank", "prompts", "block")}
        made = protected_space(model, tasks, lesson=lesson, name=f"adapter:{out.name}", **terms)
        write_place(made, nowhere(made), place.work, model.identity.name, note_of(place.question))
    elif not place.whole:
        say("Going on with what the same command left unfinished.")
    space = adapter_space(model, place.work, out.resolve().name)
    sigma = asked.sigma
    if sigma == "auto":
        choice = choose_sigma(model, space, tasks, rows=asked.rows, block=asked.block)
        say(f"{choice}.")
        sigma = choice.sigma
    trial = CertificateScan.of(
        model,
        tasks,
        space,
        sigma=sigma,
        lattice=fine_lattice(sigma) if asked.exact else None,
        **asked.terms("layers", "rank", "prompts", "sigma", "retain", "exact"),
    )
    say(f"Adapter: {out}. Train its B, A frozen (corrie.optim.freeze_down); then corrie certify … --tuned FOLDER.")
    say(f"Certify in {space.spec}: {dimension(space):,} coordinates, σ = {sigma:g}, {asked.draws} draws.")
    certificate = trial.answer(place.work / "run", engine=engine, retain=asked.retain, watch=watch)
    certificate.write(place.work)
    place.finish()
    return certificate
