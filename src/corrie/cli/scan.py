"""``corrie scan``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from corrie.cli.asking import engine_asked
from corrie.cli.console import give, say
from corrie.cli.first_words import FirstWords
from corrie.cli.options import (
    Address,
    Batch,
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
    Preset,
    Shard,
    Workers,
)
from corrie.cli.progress import ScanProgress
from corrie.cli.scanned import estimate, say_budget_is_spent
from corrie.cli.sharding import tell_shard
from corrie.questions.terms import read_duration
from corrie.records.rules import check_block, check_retention

Tasks = Annotated[
    list[str],
    typer.Option("--task", "-t", help="TASK, TASK:LIMIT or FILE.jsonl[:LIMIT]; may be repeated. Default: the suite."),
]
Directions = Annotated[
    list[str],
    typer.Option(
        "--direction",
        help="gaussian:SEEDS, such as gaussian:0-7; toward:CHECKPOINT, adapter:FOLDER, quantised:int8, quantised:int4, "
        "saved:FILE (with --alpha 0:1:11); may be repeated. Default: gaussian:0-7; auto takes as many as it needs.",
    ),
]
Alpha = Annotated[
    str,
    typer.Option(
        help="auto (find the radii), edges (a grid around the edges), LO:HI:N, both ends included, or, with --preset, "
        "preset: its grid for this family of models."
    ),
]
Examples = Annotated[
    int | None, typer.Option(help="With --preset: examples of each of its tasks. Default: the preset's own numbers.")
]
Precision = Annotated[float | None, typer.Option(help="With auto: upper over lower limit of each radius. Default: 2.")]
Retention = Annotated[
    float | None,
    typer.Option(help="Share of the score above chance that counts as kept. Default: 0.95, with auto 0.8."),
]
Agreement = Annotated[
    bool,
    typer.Option(
        "--agreement/--no-agreement",
        help="With auto: first of all, how far the model says what it said, on the tasks' own texts.",
    ),
]
Normalisation = Annotated[str, typer.Option(help="none (α is σ), unit (α is the distance), layer or filter.")]
To = Annotated[Path | None, typer.Option(help="The run folder. The same command continues it. Default: runs/MODEL.")]


def scan(
    model: Model,
    task: Tasks = [],  # noqa: B006 (the form typer wants)
    preset: Preset = None,
    examples: Examples = None,
    direction: Directions = [],  # noqa: B006
    alpha: Alpha = "auto",
    precision: Precision = None,
    agreement: Agreement = True,
    normalisation: Normalisation = "none",
    dtype: Dtype = "float32",
    device: Device = "auto",
    include: Include = ["*"],  # noqa: B006
    exclude: Exclude = [],  # noqa: B006
    retention: Retention = None,
    block: Block = 10,
    batch: Batch = "auto",
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
    """Move a model along directions (by default random), score it at every point, find where each basin ends.

    Everything is kept in the run folder, cell by cell: after Ctrl-C or a kill the same command goes on where it was,
    and more directions, step sizes, tasks or examples extend the run.
    """
    from corrie.records.direction import directions_asked

    if retention is not None:
        check_retention(retention)
    check_block(block)
    seconds = None if budget is None else read_duration(budget)
    from corrie.capabilities.presets import OF_PRESET, preset_asked, preset_tasks
    from corrie.records.scan_spec import AlphaGrid, parse_alpha, size_of, usual_directions, usual_retention
    from corrie.records.shard import parse_shard

    named = preset_asked(preset, task, examples, alpha)
    alphas = parse_alpha(named.grids[-1].alpha if named and alpha == OF_PRESET else alpha, precision)
    share = parse_shard(shard)
    if share is not None:
        share.refuse_search(alphas)
    retention = usual_retention(alphas) if retention is None else retention
    usual = (
        named.directions if named and isinstance(alphas, AlphaGrid) else f"gaussian:0-{usual_directions(alphas) - 1}"
    )
    wanted = directions_asked(direction or [usual], normalisation)
    size_of(len(wanted), alphas).check()
    from corrie.capabilities.registry import default_suite, examples_asked, parse_task, tasks

    asked = [parse_task(text) for text in task]
    found = tasks(*(a.name for a in asked), chat=chat, say=say) if asked else ()
    engine = engine_asked(engine, workers, address)
    from corrie.scanning.batch import parse_batch

    answers = parse_batch(batch)
    say(f"Loading {model} …")
    from corrie.models.directions import find_directions
    from corrie.models.load import load
    from corrie.scanning.first_answer import with_first_answer
    from corrie.scanning.scan import Scan

    loaded = load(model, dtype=dtype, device=device, include=include, exclude=exclude, say=say)
    say(str(loaded) + "".join(f"\nNote: {note}." for note in loaded.identity.notes))
    say(f"Engine: {loaded.engine}.")
    if named is not None:
        family = named.alpha(loaded.identity.architecture, loaded.identity.parameters)
        alphas = parse_alpha(family) if alpha == OF_PRESET else alphas
        template = loaded.reader().has_chat_template
        chosen = preset_tasks(str(preset), chat_template=template, examples=examples, say=say)
        block = min(block, max(count for _, count in chosen))
        say(f"Tasks: {', '.join(f'{t.identity.name}:{count}' for t, count in chosen)}; in blocks of {block}.")
    else:
        if not asked:
            asked = [parse_task(name) for name in default_suite(loaded.reader().has_chat_template)]
            found = tasks(*(a.name for a in asked), chat=chat, say=say)
            say(f"Tasks: {', '.join(a.name for a in asked)}.")
        counts = [examples_asked(t, a.limit or min(limit, t.identity.size)) for t, a in zip(found, asked, strict=True)]
        chosen = list(zip(found, counts, strict=True))
    directions = find_directions(loaded, wanted, say=say)
    run = to or Path("runs") / loaded.identity.name.replace("/", "--")
    if agreement:
        chosen = list(with_first_answer(chosen, alphas, run))
    terms = {"alpha": alphas, "block": block, "retention": retention, "shard": share, "batch": answers}
    prepared = Scan.of(loaded, chosen, directions=directions, **terms)
    prepared.check_engine(engine)
    folder = prepared.folder_in(run)

    from corrie.records.sqlite_store import SqliteStore

    if dry_run:
        give(estimate(prepared, run, tokens=named is not None))
        return
    say(f"To score: {prepared.spec.size}.")
    with SqliteStore.create_or_open(folder, prepared.identity) as store, ScanProgress() as progress:
        if store.identity.batch is not None:
            say(f"Answers are written {store.identity.batch} at a time.")
        first = next((t.identity for t, _ in chosen if t.identity.scoring == "agreement"), None)
        watch = FirstWords(progress, store, first, say)
        ending = prepared.run(store, engine=engine, budget=seconds, watch=watch)
    if ending == "budget":
        say_budget_is_spent()
    if share is not None:
        tell_shard(str(share), run, whole=ending == "complete", as_json=as_json)
        return
    from corrie.cli.show import show_run

    show_run(folder, as_json=as_json, retention=retention)
    say(f"Run: {folder}. Next: corrie report {folder} --out report.html")
