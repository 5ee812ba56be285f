"""``corrie worst``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from corrie.cli.progress import Telling
from corrie.cli.question import MODEL, Asked, Ending, asks
from corrie.questions.search import SearchQuestion

Task = Annotated[
    str, typer.Option("--task", "-t", help="TASK, TASK:LIMIT or FILE.jsonl[:LIMIT], whose loss is climbed.")
]
Out = Annotated[Path, typer.Option(help="The .safetensors file that will hold the direction.")]


@asks(
    SearchQuestion,
    first={**MODEL, "task": (Task, ...), "out": (Out, ...)},
    without=("run_code_unsandboxed", "judge", "engine", "workers", "address"),
    before=lambda given: {"on_look": Telling()},
)
def worst(asked: Asked) -> Ending:
    """Search the direction along which a task's loss rises most at a distance, and keep it.

    The file is from then on a direction like any other: corrie scan MODEL --direction saved:FILE --alpha 0:SIGMA:11. It
    has norm √d, so along it α is the σ of random noise that moves the weights as far. The same command reads what it
    found before.
    """
    return Ending()
