"""``corrie plane``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from corrie.cli.asking import choose_tasks, engine_asked, load_model
from corrie.cli.console import complain, give, say
from corrie.cli.options import (
    Address,
    Block,
    Budget,
    Chat,
    Device,
    DryRun,
    Dtype,
    Engine,
    Exclude,
    Include,
    Json,
    Limit,
    Model,
    Retention,
    Shard,
    Workers,
)
from corrie.cli.progress import ScanProgress
from corrie.cli.scan import parse_duration
from corrie.cli.sharding import tell_shard
from corrie.errors import InputError

Tasks = Annotated[
    list[str],
    typer.Option("--task", "-t", help="TASK, TASK:LIMIT or FILE.jsonl[:LIMIT]; may be repeated."),
]
Directions = Annotated[
    list[str],
    typer.Option(
        "--direction",
        help="One of the two: gaussian:SEED, toward:CHECKPOINT, adapter:FOLDER, quantised:int8, saved:FILE. Default: "
        "gaussian:0 and gaussian:1.",
    ),
]
Alpha = Annotated[str, typer.Option(help="Steps along the first direction, LO:HI:N, both ends included.")]
Beta = Annotated[
    str | None, typer.Option(help="Steps along the second. Default: as far as alpha, in the same unit or in L2.")
]
Normalisation = Annotated[str, typer.Option(help="Of random directions: none (α is σ), unit, layer or filter.")]
To = Annotated[
    Path | None, typer.Option(help="The run folder. The same command continues it. Default: runs/MODEL-plane.")
]


def plane(
    model: Model,
    task: Tasks,
    alpha: Alpha,
    beta: Beta = None,
    direction: Directions = ["gaussian:0", "gaussian:1"],  # noqa: B006 (the form typer wants)
    normalisation: Normalisation = "none",
    dtype: Dtype = "float32",
    device: Device = "auto",
    include: Include = ["*"],  # noqa: B006
    exclude: Exclude = [],  # noqa: B006
    retention: Retention = 0.95,
    block: Block = 10,
    limit: Limit = 100,
    chat: Chat = False,
    engine: Engine = "serial",
    workers: Workers = None,
    address: Address = None,
    budget: Budget = None,
    shard: Shard = None,
    dry_run: DryRun = False,
    to: To = None,
    as_json: Json = False,
) -> None:
    """Score a model all over the plane of two directions: two random ones, a tuned and a random one, two tuned ones.

    With --direction toward:A --direction toward:B the plane holds the model at (0, 0), A at (1, 0) and B at (0, 1).
    Everything is kept in the run folder, cell by cell: after Ctrl-C or a kill the same command goes on where it was.
    Then corrie report RUN draws contours and surfaces.
    """
    from corrie.records.direction import parse_directions
    from corrie.records.scan_spec import AlphaGrid, size_of

    if not 0 < retention <= 1:
        raise InputError(f"retention {retention:g}", found="not a share between 0 and 1", advice="0.95")
    if block < 1:
        raise InputError(f"block {block}", found="no examples", advice="10")
    wanted = [
        d
        for text in direction
        for d in parse_directions(text, normalisation if text.startswith("gaussian") else "none")
    ]
    if len(wanted) != 2 or wanted[0].id == wanted[1].id:
        raise InputError(
            " ".join(direction),
            found=f"{len(wanted)} directions where a plane has two, each of its own",
            advice="--direction gaussian:0 --direction gaussian:1",
        )
    alphas, betas = AlphaGrid.parse(alpha), None if beta is None else AlphaGrid.parse(beta)
    size_of(2, alphas, betas or alphas).check()
    seconds = None if budget is None else parse_duration(budget)
    from corrie.records.shard import parse_shard

    share, engine = parse_shard(shard), engine_asked(engine, workers, address)

    chosen = choose_tasks(task, limit=limit, chat=chat)
    from corrie.analysis.plane import Plane
    from corrie.models.directions import find_directions
    from corrie.records.sqlite_store import SqliteStore
    from corrie.scanning.plane_axes import as_far
    from corrie.scanning.scan import Scan

    loaded = load_model(model, dtype=dtype, device=device, include=include, exclude=exclude)
    first, second = find_directions(loaded, wanted, say=say)
    betas = betas or as_far(loaded, (first, second), alphas)
    terms = {"alpha": alphas, "beta": betas, "block": block, "retention": retention, "shard": share}
    prepared = Scan.of(loaded, chosen, directions=(first, second), **terms)
    prepared.check_engine(engine)
    run = to or Path("runs") / f"{loaded.identity.name.replace('/', '--')}-plane"
    folder = prepared.folder_in(run)
    if dry_run:
        from corrie.scanning.work import Known

        known = Known()
        if (folder / "run.db").exists():
            with SqliteStore.open(folder) as kept:
                known = Known(kept.cells())
        give(str(prepared.estimate(known)))
        return
    say(f"To score: {prepared.spec.size}.")
    with SqliteStore.create_or_open(folder, prepared.identity) as store, ScanProgress() as progress:
        ending = prepared.run(store, engine=engine, budget=seconds, watch=progress)
        result = Plane.of(store, prepared.spec)
    if ending == "budget":
        complain("the time budget is spent before everything was scored; the same command continues.", "Note")
    if share is not None:
        tell_shard(share, run, whole=ending == "complete", as_json=as_json)
        return
    give(result.to_json() if as_json else str(result))
    say(f"Run: {folder}. Next: corrie report {folder} --out plane.html, or --figure plane.pdf")
