"""``corrie certify``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from corrie.cli.asking import ask
from corrie.cli.console import say
from corrie.cli.options import Block, Chat, Device, Dtype, Engine, Exclude, Include, Json, Limit, Model
from corrie.cli.stating import state
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
    engine: Engine = "serial",
    to: To = None,
    as_json: Json = False,
) -> None:
    """Certify scores of the smoothed model after every weight change of a norm, searched for or not.

    The run folder gets the outcomes and the certificate (corrie verify checks it without the model). Exit code 0: the
    certificate is informative. 3: it is vacuous at the distance asked about, or abstains; it is written all the same.
    """
    from corrie.records.subspace import parse_subspace

    parse_subspace(subspace)
    chosen_sigma = sigma_asked(sigma)
    from corrie.analysis.certificate import check_distance, check_retain
    from corrie.scanning.certificate_scan import check_terms

    check_retain(retain)
    check_distance(0.0 if distance is None else distance)
    check_terms(1.0 if chosen_sigma == "auto" else chosen_sigma, confidence, draws, selection_draws, ratio or 0.0,
                thresholds, rows, seeds)  # fmt: skip
    certificate, folder = ask("certify", locals(), "-certificate", sigma=chosen_sigma)
    say(f"Certificate: {certificate.file_in(folder)}. Next: corrie verify {certificate.file_in(folder)}")
    advice = "a subspace of fewer dimensions, where σ can be larger, or more draws"
    state(certificate, "an informative certificate", as_json=as_json, advice=advice)


def sigma_asked(text: str) -> float | Literal["auto"]:
    """A number, or ``auto``.

    Raises:
        InputError: neither.

    >>> sigma_asked("0.4"), sigma_asked("auto")
    (0.4, 'auto')
    """
    if text == "auto":
        return "auto"
    try:
        return float(text)
    except ValueError:
        raise InputError(f"sigma {text!r}", found="no number", advice="0.4, say, or auto") from None
