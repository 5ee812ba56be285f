"""``corrie retract``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from corrie.cli.asking import ask, choose_tasks
from corrie.cli.console import complain, say
from corrie.cli.diff import Base, Tolerance, Tuned
from corrie.cli.options import (
    Address,
    Block,
    Chat,
    Device,
    Dtype,
    Engine,
    Exclude,
    Include,
    Json,
    Limit,
    Workers,
)
from corrie.cli.stating import state

Tasks = Annotated[
    list[str],
    typer.Option("--task", "-t", help="TASK, TASK:LIMIT or FILE.jsonl[:LIMIT]. Of several, all must be kept."),
]
Out = Annotated[Path, typer.Option(help="A new folder for the retracted checkpoint or adapter.")]
Skill = Annotated[
    list[str], typer.Option(help="TASK[:LIMIT] the fine-tune was for: how much of it survives; may be repeated.")
]
Confidence = Annotated[float, typer.Option(help="Of the tests on fresh examples.")]
To = Annotated[
    Path | None, typer.Option(help="The run folder. The same command continues it. Default: runs/MODEL-diff.")
]


def retract(
    base: Base,
    tuned: Tuned,
    task: Tasks,
    out: Out,
    skill: Skill = [],  # noqa: B006 (the form typer wants)
    tolerance: Tolerance = 0.1,
    confidence: Confidence = 0.95,
    dtype: Dtype = "float32",
    device: Device = "auto",
    include: Include = ["*"],  # noqa: B006
    exclude: Exclude = [],  # noqa: B006
    block: Block = 10,
    limit: Limit = 100,
    chat: Chat = False,
    engine: Engine = "serial",
    workers: Workers = None,
    address: Address = None,
    to: To = None,
    as_json: Json = False,
) -> None:
    """Pull a fine-tune back along its path until every named capability is kept, and write it.

    Finds the largest α in [0, 1] at which the base moved by α times the fine-tune's change keeps every task, by the
    rule of corrie diff, and confirms it on the tasks' next examples. Exit code 3: nothing of the fine-tune can be kept.
    """
    from corrie.analysis.whole_folder import refuse_full
    from corrie.weights.asked_note import asked_of

    if asked_of(out) is None:
        refuse_full(out)
    skills = choose_tasks(skill, limit=limit, chat=chat)
    found, folder = ask("retract", locals(), "-diff")
    say(f"Run: {folder}.")
    if found.alpha and not found.confirmed:
        complain("not every capability is confirmed as kept on fresh examples.", "Warning")
    state(found, f"keeping something of {tuned}", as_json=as_json, advice="a larger --tolerance")
