"""``corrie worst``."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from corrie.cli.asking import ask
from corrie.cli.console import give, say
from corrie.cli.options import Chat, Device, Dtype, Exclude, Include, Json, Limit, Model

TELL_EVERY = 5.0
"""Seconds between two words about a search that goes on."""

Task = Annotated[
    str, typer.Option("--task", "-t", help="TASK, TASK:LIMIT or FILE.jsonl[:LIMIT], whose loss is climbed.")
]
Distance = Annotated[float, typer.Option(help="L2 distance at which the loss shall be highest.")]
Out = Annotated[Path, typer.Option(help="The .safetensors file that will hold the direction.")]
Method = Annotated[
    str,
    typer.Option(
        help="ascent (projected gradient ascent), gradient (its first step: the gradient of the unmoved model) or "
        "hessian (the top eigenvector of the Hessian)."
    ),
]
Steps = Annotated[int | None, typer.Option(help="Of each climb (default 20); Hessian products at most (default 50).")]
Restarts = Annotated[int, typer.Option(help="Further climbs, from random points at that distance.")]
Seed = Annotated[int, typer.Option(help="Of the first random start.")]


def worst(
    model: Model,
    task: Task,
    distance: Distance,
    out: Out,
    method: Method = "ascent",
    steps: Steps = None,
    restarts: Restarts = 0,
    seed: Seed = 0,
    dtype: Dtype = "float32",
    device: Device = "auto",
    include: Include = ["*"],  # noqa: B006 (the form typer wants)
    exclude: Exclude = [],  # noqa: B006
    limit: Limit = 100,
    chat: Chat = False,
    as_json: Json = False,
) -> None:
    """Search the direction along which a task's loss rises most at a distance, and keep it.

    The file is from then on a direction like any other: corrie scan MODEL --direction saved:FILE --alpha 0:SIGMA:11. It
    has norm √d, so along it α is the σ of random noise that moves the weights as far. The same command reads what it
    found before.
    """
    from corrie.records.search_spec import check_search

    check_search(
        distance=distance, method=method, steps=steps, restarts=restarts, seed=seed
    )  # refuses what is not valid before a model is loaded
    result, _ = ask("worst", locals(), on_look=Telling())
    give(result.to_json() if as_json else str(result))


class Telling:
    """Says what the loss is, now and then."""

    def __init__(self) -> None:
        self._last = -TELL_EVERY

    def __call__(self, looks: int, loss: float) -> None:
        if time.monotonic() - self._last >= TELL_EVERY:
            self._last = time.monotonic()
            say(f"Gradient {looks}: loss {loss:.4g}")
