"""``corrie inputs``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from corrie.cli.asking import ask, choose_tasks, load_model
from corrie.cli.console import give, say
from corrie.cli.question import MODEL, options_of, with_options
from corrie.errors import InputError
from corrie.questions.inputs import InputQuestion

if TYPE_CHECKING:
    from corrie.models.model import Model as LoadedModel

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


@with_options(
    options_of(
        InputQuestion,
        first={**MODEL, "task": (Task, None), "replace": (Replace, None)},
        without=("include", "exclude", "limit", "workers", "address"),
        folder="-inputs",
    )
)
def inputs(**given: Any) -> None:
    """Certify a score against changed prompts: any so many tokens replaced, or vectors moved by any so much.

    What is certified is the model read through noise on its prompts. Every draw is kept in the run folder, and the
    certificate beside them; after Ctrl-C or a kill the same command goes on where it was. With --replace: which weight
    change one replaced text is.
    """
    task, replaced, dtype, device = (given[name] for name in ("task", "replace", "dtype", "device"))
    if (task is None) == (replaced is None):
        raise InputError("corrie inputs", found="a task or two texts are needed, one of both", advice="-t knowledge:20")
    if replaced is not None:
        loaded = load_model(given["model"], dtype=dtype, device=device)
        _replace(loaded, replaced, given["to"], as_json=given["as_json"])
        return
    InputQuestion.of(given)
    from corrie.records.input_spec import INPUT_EXAMPLES

    (chosen,) = choose_tasks([task], limit=INPUT_EXAMPLES, chat=given["chat"])
    certificate, folder, _ = ask("certify_inputs", given, "-inputs", task=chosen)
    give(certificate.to_json() if given["as_json"] else f"{certificate}\n{certificate.rows}")
    say(f"Run: {folder}.")


def _replace(loaded: LoadedModel, texts: tuple[str, str], to: Path | None, *, as_json: bool) -> None:
    from corrie.inputs.text_change import TextChange, save_change
    from corrie.scanning.provenance import provenance

    found = TextChange.of(loaded, *texts)
    if to is not None:
        say(f"Written: {save_change(found, to, provenance(device=loaded.device, command=''))}.")
    give(found.to_json() if as_json else str(found))
