"""``corrie protect``."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from corrie.cli.asked import choose_tasks, load_model
from corrie.cli.certify import (
    Confidence,
    Draws,
    Exact,
    Retain,
    Rows,
    Selection,
    Sigma,
    Thresholds,
    number,
)
from corrie.cli.console import say
from corrie.cli.drawing import draw_and_give
from corrie.cli.scan import Block, Chat, Device, Dtype, Json, Limit, Model
from corrie.errors import InputError

Tasks = Annotated[
    list[str],
    typer.Option("--task", "-t", help="What to keep: TASK, TASK:LIMIT or FILE.jsonl[:LIMIT], LIMIT to be certified."),
]
Examples = Annotated[
    str | None,
    typer.Option(help="The fine-tune's own examples, TASK or FILE.jsonl[:LIMIT]. Without: it is taken as unknown."),
]
Layers = Annotated[str, typer.Option(help="Which linear layers: q_proj, q_proj+v_proj, a shell pattern, or all.")]
Rank = Annotated[int, typer.Option(help="Rank of the adapter.")]
Prompts = Annotated[int, typer.Option(help="Examples of each task to listen to; those after the certified ones.")]
Out = Annotated[Path, typer.Option(help="The folder to make: an adapter (A frozen, B zero) with its certificate.")]


def protect(
    model: Model,
    task: Tasks,
    out: Out,
    examples: Examples = None,
    layers: Layers = "q_proj",
    rank: Rank = 1,
    prompts: Prompts = 60,
    sigma: Sigma = "auto",
    draws: Draws = 300,
    confidence: Confidence = 0.99,
    retain: Retain = 0.8,
    exact: Exact = True,
    selection_draws: Selection = 20,
    ratio: Annotated[float, typer.Option(help="r/σ at which the bound shall be as high as can be.")] = 1.0,
    thresholds: Thresholds = 3,
    rows: Rows = 8,
    dtype: Dtype = "float32",
    device: Device = "auto",
    block: Block = 10,
    limit: Limit = 100,
    chat: Chat = False,
    as_json: Json = False,
) -> None:
    """Make an adapter in which fine-tuning hardly touches what it should keep, with a certificate of how far it may go.

    Each layer's A is chosen so that the prompts of the named tasks barely feel a change and the fine-tune's examples do
    (if they are given), and frozen. PEFT loads the folder; freeze A while training (corrie.optim.freeze_down) with any
    Trainer. Exit code 3: the certificate is not informative; the adapter is there all the same.

    Until it is whole, the work lies beside --out under a hidden name: after a stop or a kill the same command goes on.
    """
    from corrie.weights.asked_note import asked_of

    if os.path.lexists(out) and asked_of(out) is None:
        raise _there_already(out)
    chosen_sigma = None if sigma == "auto" else number(sigma, "sigma")
    from corrie.capabilities.registry import examples_asked, parse_task, tasks
    from corrie.scanning.certificate_scan import CertificateScan, check_terms

    check_terms(1.0 if chosen_sigma is None else chosen_sigma, confidence, draws, selection_draws, ratio,
                thresholds, rows)  # fmt: skip
    chosen = choose_tasks(task, limit=limit, chat=chat)
    lesson = None
    if examples is not None:
        wanted = parse_task(examples)
        (learned,) = tasks(wanted.name, chat=chat, say=say)
        lesson = (learned, examples_asked(learned, wanted.limit))
    from corrie.models.unfinished import Unfinished
    from corrie.records.canonical import content_hash
    from corrie.scanning.choosing_sigma import choose_sigma
    from corrie.scanning.protecting import protected_space
    from corrie.subspaces.find import adapter_space
    from corrie.subspaces.space import fine_lattice, nowhere
    from corrie.subspaces.written_adapter import write_place
    from corrie.weights.asked_note import note_of

    loaded = load_model(model, dtype=dtype, device=device)
    question = content_hash(
        {
            "protect": loaded.identity.canonical(),
            "tasks": [[t.identity.id, count] for t, count in chosen],
            "lesson": [lesson[0].identity.id, lesson[1]] if lesson else None,
            "adapter": [layers, rank, prompts, block],
            "certificate": [sigma, draws, confidence, retain, exact, selection_draws, ratio, thresholds, rows],
        }
    )
    place = Unfinished(out, question)
    if os.path.lexists(out) and not place.whole:
        raise _there_already(out)
    if not place.begun:
        names = ", ".join(t.identity.name for t, _ in chosen)
        say(f"Listening to {prompts} examples each of {names} at {layers} …")
        made = protected_space(
            loaded,
            chosen,
            layers=layers,
            rank=rank,
            lesson=lesson,
            prompts=prompts,
            block=block,
            name=f"adapter:{out.name}",
        )
        write_place(made, nowhere(made), place.work, loaded.identity.name, note_of(question))
    elif not place.whole:
        say("Going on with what the same command left unfinished.")
    space = adapter_space(loaded, place.work, out.resolve().name)
    if chosen_sigma is None:
        choice = choose_sigma(loaded, space, chosen, rows=rows, block=block)
        say(f"{choice}.")
        chosen_sigma = choice.sigma
    prepared = CertificateScan.of(
        loaded,
        chosen,
        space,
        sigma=chosen_sigma,
        draws=draws,
        confidence=confidence,
        lattice=fine_lattice(chosen_sigma) if exact else None,
        selection_draws=selection_draws,
        ratio=ratio,
        thresholds=thresholds,
        rows=rows,
        block=block,
    )
    say(f"Adapter: {out}. Train its B, A frozen (corrie.optim.freeze_down); then corrie certify … --tuned FOLDER.")
    advice = "other layers, a smaller rank, or a smaller σ"
    draw_and_give(
        prepared,
        place.work / "run",
        place.work,
        asked=None,
        retain=retain,
        as_json=as_json,
        advice=advice,
        finish=lambda file: place.finish() / file.name,
    )


def _there_already(out: Path) -> InputError:
    return InputError(
        f"--out {out}", found="something is there already, and not from this command", advice="another folder"
    )
