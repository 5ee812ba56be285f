"""``corrie plane``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from corrie.cli.asking import WithModel
from corrie.cli.console import say
from corrie.cli.question import MODEL, Asked, Ending, asks, tasks_option
from corrie.cli.scanned import estimate, say_budget_is_spent
from corrie.cli.sharding import tell_shard
from corrie.errors import InputError
from corrie.questions.plane import PlaneQuestion

Directions = Annotated[
    list[str],
    typer.Option(
        "--direction",
        help="One of the two: gaussian:SEED, toward:CHECKPOINT, adapter:FOLDER, quantised:int8, saved:FILE. Default: "
        "gaussian:0 and gaussian:1.",
    ),
]
Normalisation = Annotated[str, typer.Option(help="Of random directions: none (α is σ), unit, layer or filter.")]


def _two(given: dict[str, Any]) -> dict[str, Any]:
    """The two directions, once the model is there."""
    from corrie.records.direction import parse_directions

    texts, normalisation = given["direction"], given["normalisation"]
    wanted = [
        d for text in texts for d in parse_directions(text, normalisation if text.startswith("gaussian") else "none")
    ]
    if len(wanted) != 2 or wanted[0].id == wanted[1].id:
        raise InputError(
            " ".join(texts),
            found=f"{len(wanted)} directions where a plane has two, each of its own",
            advice="--direction gaussian:0 --direction gaussian:1",
        )

    def find(model: Any) -> Any:
        from corrie.models.directions import find_directions

        return find_directions(model, wanted, say=say)

    return {"directions": WithModel(find)}


def _cost(question: PlaneQuestion, model: Any, tasks: Any, directions: Any, engine: str, to: Path) -> str:
    """What ``--dry-run`` says."""
    from corrie.scanning.scan import Scan

    prepared = Scan.across(question, model, tasks, directions)
    prepared.check_engine(engine)
    return estimate(prepared, to)


@asks(
    PlaneQuestion,
    first={
        **MODEL,
        "task": (tasks_option("; may be repeated."), ...),
        "direction": (Directions, ["gaussian:0", "gaussian:1"]),
        "normalisation": (Normalisation, "none"),
    },
    folder="-plane",
    before=_two,
    dry_run=_cost,
)
def plane(asked: Asked) -> Ending | None:
    """Score a model all over the plane of two directions: two random ones, a tuned and a random one, two tuned ones.

    With --direction toward:A --direction toward:B the plane holds the model at (0, 0), A at (1, 0) and B at (0, 1).
    Everything is kept in the run folder, cell by cell: after Ctrl-C or a kill the same command goes on where it was.
    Then corrie report RUN draws contours and surfaces.
    """
    if asked.question.budget is not None and asked.unfinished:
        say_budget_is_spent()
    if asked.question.shard is not None:
        return tell_shard(
            asked.question.shard, asked.folder, whole=not asked.unfinished, as_json=asked.options["as_json"]
        )
    say(f"Run: {asked.folder}. Next: corrie report {asked.folder} --out plane.html, or --figure plane.pdf")
    return Ending()
