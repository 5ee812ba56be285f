"""``corrie fraction``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from corrie.cli.asking import ask
from corrie.cli.console import say
from corrie.cli.options import Block, Chat, Device, Dtype, Engine, Exclude, Include, Json, Limit, Model
from corrie.cli.stating import state
from corrie.errors import InputError

Tasks = Annotated[
    list[str],
    typer.Option("--task", "-t", help="TASK, TASK:LIMIT or FILE.jsonl[:LIMIT]. Of several, all must be kept."),
]
Sigma = Annotated[float, typer.Option(help="The step along each direction: noise per coordinate.")]
AtLeast = Annotated[float, typer.Option(help="The fraction of directions that is claimed, such as 0.999.")]
Confidence = Annotated[float, typer.Option(help="With which it is claimed, such as 0.99.")]
Tolerance = Annotated[float, typer.Option(help="Share of the unmoved score above chance that may be lost.")]
Design = Annotated[
    str,
    typer.Option(
        help="zero-failure (n draws, stop at the first failure), failures:K (a larger n, K may fail), or anytime "
        "(until it is settled). Fixed in the run before the first draw."
    ),
]
Seeds = Annotated[
    int | None,
    typer.Option(help="Seed of the first draw. Default: a hash of the claim: directions of its own."),
]
Draws = Annotated[
    int | None, typer.Option(help="Look at no more than so many draws; the same command with more continues.")
]
To = Annotated[
    Path | None, typer.Option(help="The run folder. The same command continues it. Default: runs/MODEL-fraction.")
]


def fraction(
    model: Model,
    sigma: Sigma,
    at_least: AtLeast,
    confidence: Confidence,
    task: Tasks,
    tolerance: Tolerance = 0.05,
    design: Design = "zero-failure",
    seeds: Seeds = None,
    draws: Draws = None,
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
    """Show that most random directions keep a score: with confidence C, at least a fraction F of them.

    A direction keeps it if the score on the same fixed examples stays within the tolerance of the unmoved model's. Exit
    code 0: the claim holds. 3: it does not, or not yet; what the draws do support is printed. Every draw is kept in the
    run folder; after Ctrl-C or a kill the same command goes on where it was.
    """
    from corrie.records.fraction_spec import FractionSpec, parse_design
    from corrie.records.scan_spec import TaskRequest

    failures = parse_design(design)
    if draws is not None and draws < 1:
        raise InputError(f"{draws} draws", found="nothing would be looked at", advice="a number above 0, or no --draws")
    if seeds is not None and seeds < 0:
        raise InputError(f"seeds from {seeds}", found="a seed below 0", advice="a number from 0 on, or no --seeds")
    terms = {"sigma": sigma, "confidence": confidence, "tolerance": tolerance, "failures": failures, "first": seeds}
    unnamed = [TaskRequest(task=text, limit=1) for text in task]
    FractionSpec.of(unnamed, fraction=at_least, **terms)  # refuses what cannot be meant before a model is loaded

    claim, folder = ask("fraction", locals(), "-fraction")
    say(f"Run: {folder}.")
    more = claim.verdict.draws + (claim.verdict.remaining or 0)
    advice = f"the same command with --draws {more} or more" if claim.status == "open" else ""
    asked = f"at least {at_least:g} of all directions with confidence {confidence:g}"
    state(claim, asked, as_json=as_json, advice=advice)
