"""``corrie generalise``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from corrie.cli.asking import ask
from corrie.cli.certify import Rows, Subspace
from corrie.cli.console import say
from corrie.cli.options import Block, Chat, Device, Dtype, Engine, Exclude, Include, Json, Limit, Model
from corrie.cli.stating import state

Tasks = Annotated[
    list[str],
    typer.Option("--task", "-t", help="TASK, TASK:LIMIT or FILE.jsonl[:LIMIT]; all their statements hold together."),
]
Tuned = Annotated[str, typer.Argument(metavar="ADAPTER", help="The fine-tune; it may have seen the examples.")]
Sigma = Annotated[float, typer.Option(help="Noise per coordinate, fixed without these examples.")]
Draws = Annotated[int, typer.Option(help="Noise draws around the fine-tune; the same command with more goes on.")]
Confidence = Annotated[float, typer.Option(help="With which all statements hold together.")]
Choices = Annotated[int, typer.Option(help="How many such statements (fine-tune, subspace and σ) were open to choice.")]
Exact = Annotated[
    bool, typer.Option(help="Noise and fine-tune on a lattice, so that every sum is exact. --no-exact assumes it.")
]
To = Annotated[
    Path | None, typer.Option(help="The run folder. The same command continues it. Default: runs/MODEL-generalise.")
]


def generalise(
    model: Model,
    tuned: Tuned,
    task: Tasks,
    subspace: Subspace,
    sigma: Sigma,
    draws: Draws = 100,
    confidence: Confidence = 0.95,
    choices: Choices = 1,
    exact: Exact = True,
    rows: Rows = 8,
    dtype: Dtype = "float32",
    device: Device = "auto",
    include: Include = ["*"],  # noqa: B006 (the form typer wants)
    exclude: Exclude = [],  # noqa: B006
    block: Block = 10,
    limit: Limit = 100,
    chat: Chat = False,
    engine: Engine = "serial",
    to: To = None,
    as_json: Json = False,
) -> None:
    """What a fine-tune's distance says about new examples: a PAC-Bayes limit of the smoothed model's score.

    The fine-tune may have been trained on the very examples. Exit code 0: the limit is above chance. 3: it is not; it
    is written all the same.
    """
    from corrie.records.subspace import parse_subspace

    parse_subspace(subspace)
    from corrie.scanning.generalisation_scan import check_question

    check_question(sigma, confidence, draws, choices, rows)
    statement, folder = ask("generalise", locals(), "-generalise")
    say(f"Statement: {statement.file_in(folder)}.")
    advice = "more examples, a smaller distance (corrie project), or a subspace where σ can be larger"
    state(statement, "an informative statement about new examples", as_json=as_json, advice=advice)
