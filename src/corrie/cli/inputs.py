"""``corrie inputs``."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from corrie.cli.asking import choose_tasks, load_model, task_terms
from corrie.cli.console import give, say
from corrie.cli.question import MODEL, Asked, Ending, asks
from corrie.errors import InputError
from corrie.questions.inputs import InputQuestion

Task = Annotated[
    str | None, typer.Option("--task", "-t", help="TASK, TASK:LIMIT or FILE.jsonl[:LIMIT], scored right or wrong.")
]
Replace = Annotated[
    tuple[str, str] | None,
    typer.Option(
        metavar="TEXT TEXT",
        help="Instead of a certificate: what replacing the first text by the second is as a change of weights.",
    ),
]


def _task(given: dict[str, Any]) -> dict[str, Any]:
    """What is scored; two texts are compared here, without the verb."""
    task, replaced = given["task"], given["replace"]
    if (task is None) == (replaced is None):
        raise InputError("corrie inputs", found="a task or two texts are needed, one of both", advice="-t knowledge:20")
    if replaced is not None:
        _replace(given, replaced)
        raise typer.Exit
    from corrie.records.input_spec import INPUT_EXAMPLES

    (chosen,) = choose_tasks([task], limit=INPUT_EXAMPLES, **task_terms(given))
    return {"task": chosen}


@asks(
    InputQuestion,
    first={**MODEL, "task": (Task, None), "replace": (Replace, None)},
    without=("include", "exclude", "limit", "run_code_unsandboxed", "judge", "workers", "address"),
    folder="-inputs",
    before=_task,
    verb="certify_inputs",
)
def inputs(asked: Asked) -> Ending:
    """Certify a score against changed prompts: any so many tokens replaced, or vectors moved by any so much.

    What is certified is the model read through noise on its prompts. Every draw is kept in the run folder, and the
    certificate beside them; after Ctrl-C or a kill the same command goes on where it was. With --replace: which weight
    change one replaced text is.
    """
    say(f"Run: {asked.folder}.")
    return Ending(more=str(asked.found.rows))


def _replace(given: dict[str, Any], texts: tuple[str, str]) -> None:
    from corrie.inputs.text_change import TextChange, save_change
    from corrie.scanning.provenance import provenance

    loaded = load_model(given["model"], dtype=given["dtype"], device=given["device"])
    found, to = TextChange.of(loaded, *texts), given["to"]
    if to is not None:
        say(f"Written: {save_change(found, to, provenance(device=loaded.device, command=''))}.")
    give(found.to_json() if given["as_json"] else str(found))
