"""``corrie protect``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from corrie.cli.asking import ask
from corrie.cli.certify import (
    Confidence,
    Draws,
    Exact,
    Retain,
    Rows,
    Selection,
    Sigma,
    Thresholds,
    sigma_asked,
)
from corrie.cli.console import say
from corrie.cli.options import Block, Chat, Device, Dtype, Engine, Json, Limit, Model
from corrie.cli.stating import state

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
    engine: Engine = "serial",
    as_json: Json = False,
) -> None:
    """Make an adapter in which fine-tuning hardly touches what it should keep, with a certificate of how far it may go.

    Each layer's A is chosen so that the prompts of the named tasks barely feel a change and the fine-tune's examples do
    (if they are given), and frozen. PEFT loads the folder; freeze A while training (corrie.optim.freeze_down) with any
    Trainer. Exit code 3: the certificate is not informative; the adapter is there all the same.

    Until it is whole, the work lies beside --out under a hidden name: after a stop or a kill the same command goes on.
    """
    from corrie.models.unfinished import refuse_others
    from corrie.scanning.certificate_scan import check_terms

    refuse_others(out)
    chosen = sigma_asked(sigma)
    check_terms(1.0 if chosen == "auto" else chosen, confidence, draws, selection_draws, ratio, thresholds, rows)
    lesson = None
    if examples is not None:
        from corrie.capabilities.registry import examples_asked, parse_task, tasks

        wanted = parse_task(examples)
        (learned,) = tasks(wanted.name, chat=chat, say=say)
        lesson = (learned, examples_asked(learned, wanted.limit))
    certificate, _ = ask("protect", locals(), sigma=chosen, examples=lesson)
    file = certificate.file_in(out)
    say(f"Certificate: {file}. Next: corrie verify {file}")
    advice = "other layers, a smaller rank, or a smaller σ"
    state(certificate, "an informative certificate", as_json=as_json, advice=advice)
