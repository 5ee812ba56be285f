"""``corrie certify``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from corrie.cli.asked import choose_tasks, load_model
from corrie.cli.console import say
from corrie.cli.drawing import draw_and_give
from corrie.cli.scan import Block, Chat, Device, Dtype, Exclude, Include, Json, Limit, Model
from corrie.errors import InputError

Tasks = Annotated[
    list[str],
    typer.Option("--task", "-t", help="TASK, TASK:LIMIT or FILE.jsonl[:LIMIT]; all their bounds hold together."),
]
Subspace = Annotated[
    str,
    typer.Option(
        help="Where noise and weight change live: full, full:rms; adapter:LAYERS:RANK (random frozen A), "
        "adapter:FOLDER (that adapter's A); core:LAYERS:RANK, core:FILE (few numbers a layer); span:PLACE,PLACE; "
        "random:COUNT."
    ),
]
Sigma = Annotated[str, typer.Option(help="Noise per coordinate; or auto: the largest that hardly costs any score.")]
Draws = Annotated[int, typer.Option(help="Certifying draws. Selection draws are extra.")]
Confidence = Annotated[float, typer.Option(help="With which all bounds hold together.")]
Tuned = Annotated[
    str | None, typer.Option(help="A fine-tune (adapter, checkpoint) whose distance the certificate speaks of.")
]
Distance = Annotated[float | None, typer.Option(help="Or a bare L2 distance.")]
Retain = Annotated[float, typer.Option(help="Share of the smoothed score above chance whose radius is stated.")]
Exact = Annotated[
    bool, typer.Option(help="Noise and weight change on a lattice, so that every sum is exact. --no-exact assumes it.")
]
Selection = Annotated[int, typer.Option("--selection-draws", help="Draws that the thresholds are chosen on.")]
Ratio = Annotated[
    float | None,
    typer.Option(
        help="r/σ where the bound shall be as high as can be. Default: the run's, the fine-tune's up to 2, or 1."
    ),
]
Thresholds = Annotated[int, typer.Option(help="Thresholds a task may have.")]
Seeds = Annotated[int | None, typer.Option(help="Seed of the first certifying draw. Default: a hash of the question.")]
Rows = Annotated[int, typer.Option(help="Draws run as one batch, where the subspace allows it.")]
To = Annotated[
    Path | None, typer.Option(help="The run folder. The same command continues it. Default: runs/MODEL-certificate.")
]


def certify(
    model: Model,
    task: Tasks,
    subspace: Subspace = "full",
    sigma: Sigma = "auto",
    draws: Draws = 300,
    confidence: Confidence = 0.99,
    tuned: Tuned = None,
    distance: Distance = None,
    retain: Retain = 0.8,
    exact: Exact = True,
    selection_draws: Selection = 20,
    ratio: Ratio = None,
    thresholds: Thresholds = 3,
    seeds: Seeds = None,
    rows: Rows = 8,
    dtype: Dtype = "float32",
    device: Device = "auto",
    include: Include = ["*"],  # noqa: B006 (the form typer wants)
    exclude: Exclude = [],  # noqa: B006
    block: Block = 10,
    limit: Limit = 100,
    chat: Chat = False,
    to: To = None,
    as_json: Json = False,
) -> None:
    """Certify scores of the smoothed model after every weight change of a norm, searched for or not.

    The run folder gets the outcomes and the certificate (corrie verify checks it without the model). Exit code 0: the
    certificate is informative. 3: it is vacuous at the distance asked about, or abstains; it is written all the same.
    """
    from corrie.records.subspace import parse_subspace

    asked_space = parse_subspace(subspace)
    chosen_sigma = None if sigma == "auto" else number(sigma, "sigma")
    if block < 1:
        raise InputError(f"block {block}", found="no examples", advice="10")
    from corrie.analysis.certificate import check_distance, check_retain
    from corrie.scanning.certificate_scan import CertificateScan, check_terms

    check_retain(retain)
    check_distance(0.0 if distance is None else distance)
    check_terms(1.0 if chosen_sigma is None else chosen_sigma, confidence, draws, selection_draws, ratio or 0.0,
                thresholds, rows, seeds)  # fmt: skip
    chosen = choose_tasks(task, limit=limit, chat=chat)
    from corrie.scanning.choosing_sigma import choose_sigma
    from corrie.subspaces.find import find_subspace
    from corrie.subspaces.space import fine_lattice
    from corrie.subspaces.stand import fine_tuned

    loaded = load_model(model, dtype=dtype, device=device, include=include, exclude=exclude)
    if chosen_sigma is None:
        choice = choose_sigma(loaded, find_subspace(loaded, asked_space, say=say), chosen, rows=rows, block=block)
        say(f"{choice}.")
        chosen_sigma = choice.sigma
    lattice = fine_lattice(chosen_sigma) if exact else None
    space = find_subspace(loaded, asked_space, lattice=lattice, say=say)
    about = fine_tuned(loaded, space, tuned, distance, lattice, say=say)
    prepared = CertificateScan.of(
        loaded,
        chosen,
        space,
        sigma=chosen_sigma,
        draws=draws,
        confidence=confidence,
        lattice=lattice,
        selection_draws=selection_draws,
        ratio=ratio,
        expected=1.0 if about is None else about.distance / chosen_sigma,
        thresholds=thresholds,
        first=seeds,
        rows=rows,
        block=block,
    )
    folder = to or Path("runs") / f"{loaded.identity.name.replace('/', '--')}-certificate"
    advice = "a subspace of fewer dimensions, where σ can be larger, or more draws"
    draw_and_give(prepared, folder, folder, asked=about, retain=retain, as_json=as_json, advice=advice)


def number(text: str, what: str) -> float:
    """A number as it was typed.

    Raises:
        InputError: none.

    >>> number("0.4", "sigma")
    0.4
    """
    try:
        return float(text)
    except ValueError:
        raise InputError(f"{what} {text!r}", found="no number", advice="0.4, say, or auto") from None
