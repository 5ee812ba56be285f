"""``corrie widen``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from corrie.cli.asking import choose_tasks, task_terms
from corrie.cli.console import say
from corrie.cli.question import MODEL, Asked, Ending, asks, tasks_option
from corrie.questions.widening import WideningQuestion

Out = Annotated[Path, typer.Option(help="The folder to make: a checkpoint that every program loads.")]
Text = Annotated[
    list[str], typer.Option(help="FILE, FOLDER or TASK to read; may be repeated. Default: what the model writes.")
]
Labelled = Annotated[
    list[str],
    typer.Option(help="TASK[:LIMIT] or FILE.jsonl[:LIMIT] whose answers are learned beside; may be repeated."),
]
Teacher = Annotated[
    str | None,
    typer.Option(help="A model that it is to say the same as, in its own place: what MODEL was widened from before."),
]
Log = Annotated[
    list[str],
    typer.Option(help="Log every step to tensorboard, wandb, … (as a Trainer's report_to); may be repeated."),
]


def _free(given: dict[str, Any]) -> dict[str, Any]:
    """Refuse a place that is taken, before a model is loaded; the labelled tasks."""
    from corrie.models.unfinished import refuse_others

    refuse_others(given["out"])
    return {"labelled": choose_tasks(given["labelled"], limit=sys.maxsize, **task_terms(given))}


@asks(
    WideningQuestion,
    first={
        **MODEL,
        "task": (tasks_option(", measured beside agreement; may be repeated."), []),
        "out": (Out, ...),
        "text": (Text, []),
        "labelled": (Labelled, []),
        "teacher": (Teacher, None),
        "log": (Log, []),
    },
    before=_free,
)
def widen(asked: Asked) -> Ending:
    """Make a model that does the same and stands more: fine-tunes, merges, quantisation, attacks.

    A short run of GO: the model, moved by Gaussian noise, learns to say what it says without. No labels are needed, and
    no text. Radii and scores are measured before and after along the same directions, and both runs are kept: corrie
    compare OUT/before OUT/after --unit relative. The weights must be float32.

    Until it is whole, the work lies beside --out under a hidden name: after a stop or a kill the same command goes on,
    to the same weights.
    """
    say(f"Widened model: {asked.options['out']}. Next: corrie scan {asked.options['out']}")
    return Ending()
