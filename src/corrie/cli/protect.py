"""``corrie protect``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from corrie.cli.asking import task_terms
from corrie.cli.console import say
from corrie.cli.question import MODEL, Asked, Ending, asks
from corrie.questions.protection import ProtectionQuestion

Tasks = Annotated[
    list[str],
    typer.Option("--task", "-t", help="What to keep: TASK, TASK:LIMIT or FILE.jsonl[:LIMIT], LIMIT to be certified."),
]
Examples = Annotated[
    str | None,
    typer.Option(help="The fine-tune's own examples, TASK or FILE.jsonl[:LIMIT]. Without: it is taken as unknown."),
]
Out = Annotated[Path, typer.Option(help="The folder to make: an adapter (A frozen, B zero) with its certificate.")]


def _lesson(given: dict[str, Any]) -> dict[str, Any]:
    """The fine-tune's examples, once it is known that the folder may be made."""
    from corrie.models.unfinished import refuse_others

    refuse_others(given["out"])
    if given["examples"] is None:
        return {}
    from corrie.capabilities.registry import examples_asked, parse_task, tasks

    wanted = parse_task(given["examples"])
    (learned,) = tasks(wanted.name, say=say, **task_terms(given))
    return {"examples": (learned, examples_asked(learned, wanted.limit))}


@asks(
    ProtectionQuestion,
    first={**MODEL, "task": (Tasks, ...), "out": (Out, ...), "examples": (Examples, None)},
    without=("include", "exclude", "judge"),
    before=_lesson,
)
def protect(asked: Asked) -> Ending:
    """Make an adapter in which fine-tuning hardly touches what it should keep, with a certificate of how far it may go.

    Each layer's A is chosen so that the prompts of the named tasks barely feel a change and the fine-tune's examples do
    (if they are given), and frozen. PEFT loads the folder; freeze A while training (corrie.optim.freeze_down) with any
    Trainer. Exit code 3: the certificate is not informative; the adapter is there all the same.

    Until it is whole, the work lies beside --out under a hidden name: after a stop or a kill the same command goes on.
    """
    file = asked.found.file_in(asked.options["out"])
    say(f"Certificate: {file}. Next: corrie verify {file}")
    return Ending("an informative certificate", "other layers, a smaller rank, or a smaller σ")
