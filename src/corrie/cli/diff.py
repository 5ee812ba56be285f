"""``corrie diff``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from corrie.cli.asking import ask, choose_tasks, load_model
from corrie.cli.console import complain, say
from corrie.cli.options import (
    Address,
    Base,
    Block,
    Chat,
    Device,
    Dtype,
    Engine,
    Exclude,
    Include,
    Json,
    Preset,
    Tuned,
    Workers,
)
from corrie.cli.progress import Telling
from corrie.cli.stating import state
from corrie.errors import InputError

UNDECIDED = 4
"""The exit code of ``--strict`` where nothing is lost and something is undecided."""

Tasks = Annotated[
    list[str],
    typer.Option(
        "--task",
        "-t",
        help="TASK, TASK:LIMIT or FILE.jsonl[:LIMIT]; may be repeated. Default: the landscape's, or the suite.",
    ),
]
Examples = Annotated[
    int | None, typer.Option(help="Most examples a verdict may take of each task. Default: all that it has.")
]
Followed = Annotated[int, typer.Option("--limit", help="Examples of each task along the path and in the landscape.")]
Quick = Annotated[bool, typer.Option("--quick", help="Verdicts alone: neither path nor landscape is scored.")]
Strict = Annotated[bool, typer.Option("--strict", help="Exit code 4 if a task is undecided and none is lost.")]
Samples = Annotated[
    bool,
    typer.Option(
        "--samples",
        help="BASE and TUNED are folders that lm_eval --log_samples wrote; -t TASK, TASK/METRIC or "
        "TASK/METRIC,FILTER. No model is loaded.",
    ),
]
Tolerance = Annotated[float, typer.Option(help="Share of the base's score above chance that may be lost.")]
Confidence = Annotated[
    float, typer.Option(help="1 − the error, over all tasks together, of saying lost, and of saying kept.")
]
LandscapeRun = Annotated[
    Path | None,
    typer.Option(
        "--landscape", help="A run of the base along random directions. Default: one is made, in the diff's own run."
    ),
]
DirectionCount = Annotated[
    int, typer.Option("--directions", help="Random directions of the landscape that is made; 0: none is made.")
]
Alpha = Annotated[str, typer.Option(help="Steps along the path, LO:HI:N; 1, the fine-tune, must be among them.")]
Worst = Annotated[
    str | None,
    typer.Option(
        help="search: each task's own worst-case direction is searched for and kept in the run folder (float32). "
        "saved:FILE: one for all tasks. Adds cosine and ratio."
    ),
]
Certificates = Annotated[
    list[Path],
    typer.Option(
        "--certificate",
        help="A certificate-….json of the base; may be repeated. Those in the run folder are found by themselves.",
    ),
]
Subspaces = Annotated[
    list[str],
    typer.Option(
        "--subspace",
        help="Where a certificate's subspace lies, if no law makes it: adapter:FOLDER, core:FILE, span:A,B. May be "
        "repeated; it is compared.",
    ),
]
To = Annotated[
    Path | None,
    typer.Option(
        help="The run folder. The same command continues it, other fine-tunes share it. Default: runs/MODEL-diff."
    ),
]


def diff(
    base: Base,
    tuned: Tuned,
    task: Tasks = [],  # noqa: B006 (the form typer wants)
    preset: Preset = None,
    examples: Examples = None,
    quick: Quick = False,
    strict: Strict = False,
    samples: Samples = False,
    tolerance: Tolerance = 0.1,
    confidence: Confidence = 0.95,
    landscape: LandscapeRun = None,
    directions: DirectionCount = 8,
    alpha: Alpha = "0:1.5:7",
    worst: Worst = None,
    certificate: Certificates = [],  # noqa: B006
    subspace: Subspaces = [],  # noqa: B006
    dtype: Dtype = "float32",
    device: Device = "auto",
    include: Include = ["*"],  # noqa: B006
    exclude: Exclude = [],  # noqa: B006
    block: Block = 10,
    limit: Followed = 100,
    chat: Chat = False,
    engine: Engine = "serial",
    workers: Workers = None,
    address: Address = None,
    to: To = None,
    as_json: Json = False,
) -> None:
    """Say what a fine-tune kept and what it lost, where on the way, and whether it left the basin.

    Blocks of the same examples are scored before and after until each task is decided, or used up. Kept: a loss as
    large as the tolerance is rejected. Lost: a loss within it is. Both hold at every look, and over all tasks together.

    Exit code 0: no named capability is lost (a warning names those that are undecided). 3: one is. 4, with --strict:
    one is undecided, or the base cannot do it.
    """
    if block < 1:
        raise InputError(f"block {block}", found="no examples", advice="10")
    if worst is not None and worst != "search" and not worst.startswith("saved:"):
        raise InputError(f"worst {worst!r}", found="no saved direction, and no search", advice="search, or saved:FILE")
    from corrie.capabilities.presets import preset_asked, preset_tasks
    from corrie.records.scan_spec import AlphaGrid

    if examples is not None and examples < 1:
        raise InputError(f"examples {examples}", found="none to judge by", advice="400")
    if samples:
        _refuse_model_terms(
            preset=preset, to=to, landscape=landscape, worst=worst, certificate=certificate, subspace=subspace
        )
        _by_samples(base, tuned, task, tolerance, confidence, examples, strict, as_json)
        return
    if _holds_logs(base):
        raise InputError(
            f"model {base}", found="logged samples of lm_eval", advice=f"corrie diff --samples {base} {tuned} -t TASK"
        )
    if preset is not None:
        preset_asked(preset, task, examples, alpha)
    steps = AlphaGrid.parse(alpha)
    most = examples or sys.maxsize
    chosen = [(one, min(asked, most)) for one, asked in choose_tasks(task, limit=most, chat=chat)]
    loaded = load_model(base, dtype=dtype, device=device, include=include, exclude=exclude)
    if preset is not None:
        template = loaded.reader().has_chat_template
        chosen = [(one, min(asked, most)) for one, asked in preset_tasks(preset, chat_template=template, say=say)]
        say(f"Tasks: {', '.join(f'{t.identity.name}:{count}' for t, count in chosen)}.")
    if not chosen and landscape is None:
        from corrie.capabilities.registry import default_suite

        chosen = choose_tasks(default_suite(loaded.reader().has_chat_template), limit=most, chat=chat)
        say(f"Tasks: {', '.join(t.identity.name for t, _ in chosen)}.")
    found, folder, _ = ask(
        "diff",
        locals(),
        "-diff",
        base=loaded,
        tasks=chosen or None,
        alpha=steps,
        worst=worst if worst in (None, "search") else Path(worst.removeprefix("saved:")),
        certificates=certificate,
        subspaces=subspace,
        follow=limit,
        on_look=Telling(),
    )
    say(f"Run: {folder}. Next: corrie report {folder} --out report.html")
    if found.undecided:
        takes = [f"{c.task}: {c.scores.takes}" for c in found.capabilities if c.scores.takes]
        more = f" ({'; '.join(takes)})" if takes else ""
        complain(f"nothing can be said of {' and '.join(found.undecided)} on these examples{more}.", "Warning")
    named = "".join(f" -t {text}" for text in task)
    advice = f"corrie retract {base} {tuned}{named} --out FOLDER"
    state(found, f"keeping what {base} can do", as_json=as_json, advice=advice)
    if strict and found.undecided:
        raise typer.Exit(UNDECIDED)


def _holds_logs(folder: str) -> bool:
    """Whether it is no checkpoint, and lm_eval wrote into it."""
    place = Path(folder)
    return place.is_dir() and not (place / "config.json").exists() and any(place.rglob("samples_*.jsonl"))


def _refuse_model_terms(**given: object) -> None:
    """Without a model there is no run folder, and nothing but verdicts."""
    for name, value in given.items():
        if value:
            raise InputError(
                f"--samples with --{name}",
                found="no model is loaded, so there are verdicts alone and no run",
                advice=f"without --{name} (--json > FILE keeps the verdicts)",
            )


def _by_samples(
    base: str,
    tuned: str,
    tasks: list[str],
    tolerance: float,
    confidence: float,
    examples: int | None,
    strict: bool,
    as_json: bool,
) -> None:
    """Two folders of logged results, compared by the same rule."""
    from corrie.analysis.samples_diff import SamplesDiff

    found = SamplesDiff.of(base, tuned, tasks, tolerance=tolerance, confidence=confidence, examples=examples)
    if found.undecided:
        complain(f"nothing can be said of {' and '.join(found.undecided)} on these documents.", "Warning")
    state(found, f"keeping what {base} can do", as_json=as_json)
    if strict and found.undecided:
        raise typer.Exit(UNDECIDED)
