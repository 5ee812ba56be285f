"""``corrie retract``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from corrie.cli.asking import choose_tasks, task_terms
from corrie.cli.console import complain, say
from corrie.cli.options import Base, Tuned
from corrie.cli.question import Asked, Ending, asks, tasks_option
from corrie.questions.retraction import RetractionQuestion

Out = Annotated[Path, typer.Option(help="A new folder for the retracted checkpoint or adapter.")]
Skill = Annotated[
    list[str], typer.Option(help="TASK[:LIMIT] the fine-tune was for: how much of it survives; may be repeated.")
]


def _skills(given: dict[str, Any]) -> dict[str, Any]:
    """What the fine-tune was for, once it is known that the folder may be made."""
    from corrie.analysis.whole_folder import refuse_full
    from corrie.weights.asked_note import asked_of

    if asked_of(given["out"]) is None:
        refuse_full(given["out"])
    return {"skills": choose_tasks(given["skill"], limit=given["limit"], **task_terms(given))}


@asks(
    RetractionQuestion,
    first={
        "base": (Base, ...),
        "tuned": (Tuned, ...),
        "task": (tasks_option(". Of several, all must be kept."), ...),
        "out": (Out, ...),
        "skill": (Skill, []),
    },
    folder="-diff",
    before=_skills,
)
def retract(asked: Asked) -> Ending:
    """Pull a fine-tune back along its path until every named capability is kept, and write it.

    Finds the largest α in [0, 1] at which the base moved by α times the fine-tune's change keeps every task, by the
    rule of corrie diff, and confirms it on the tasks' next examples. Exit code 3: nothing of the fine-tune can be kept.
    """
    say(f"Run: {asked.folder}.")
    if asked.found.alpha and not asked.found.confirmed:
        complain("not every capability is confirmed as kept on fresh examples.", "Warning")
    return Ending(f"keeping something of {asked.options['tuned']}", "a larger --tolerance")
