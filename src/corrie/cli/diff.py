"""``corrie diff``."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from corrie.cli.asking import PHRASES, WithModel, choose_tasks, task_terms, tasks_of_preset, usual_tasks
from corrie.cli.console import complain, say
from corrie.cli.options import Base, Preset, Tuned
from corrie.cli.progress import Telling
from corrie.cli.question import Asked, Ending, asks, tasks_option
from corrie.cli.stating import state
from corrie.errors import InputError
from corrie.questions.diff import DiffQuestion
from corrie.records.rules import check_examples

UNDECIDED = 4
"""The exit code of ``--strict`` where nothing is lost and something is undecided."""

Examples = Annotated[
    int | None, typer.Option(help="Most examples a verdict may take of each task. Default: all that it has.")
]
Followed = Annotated[int, typer.Option("--limit", help="Examples of each task along the path and in the landscape.")]
Strict = Annotated[bool, typer.Option("--strict", help="Exit code 4 if a task is undecided and none is lost.")]
Samples = Annotated[
    bool,
    typer.Option(
        "--samples",
        help="BASE and TUNED are folders that lm_eval --log_samples wrote; -t TASK, TASK/METRIC or "
        "TASK/METRIC,FILTER. No model is loaded.",
    ),
]
LandscapeRun = Annotated[
    Path | None,
    typer.Option(
        "--landscape", help="A run of the base along random directions. Default: one is made, in the diff's own run."
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


def _compared(given: dict[str, Any]) -> dict[str, Any]:
    """What is compared, in the verb's words; two folders of logged results are compared here, without it."""
    base, tuned, task, examples = (given[name] for name in ("base", "tuned", "task", "examples"))
    if examples is not None:
        check_examples(examples)
    if given["samples"]:
        _by_samples(given)
        raise typer.Exit
    if _holds_logs(base):
        raise InputError(
            f"model {base}", found="logged samples of lm_eval", advice=f"corrie diff --samples {base} {tuned} -t TASK"
        )
    preset = given["preset"]
    if preset is not None:
        from corrie.capabilities.presets import preset_asked

        preset_asked(preset, task, examples, given["alpha"])
    terms: dict[str, Any] = {"limit": examples or sys.maxsize, **task_terms(given)}
    chosen: Any = [(one, min(limit, terms["limit"])) for one, limit in choose_tasks(task, **terms)]
    if preset is not None:
        unsandboxed = given["run_code_unsandboxed"]
        chosen = WithModel(partial(tasks_of_preset, preset, most=examples, run_code_unsandboxed=unsandboxed))
    elif not chosen:
        chosen = WithModel(partial(usual_tasks, **terms)) if given["landscape"] is None else None
    return {
        "tasks": chosen,
        "certificates": given["certificate"],
        "subspaces": given["subspace"],
        "follow": given["limit"],
        "on_look": Telling(),
    }


@asks(
    DiffQuestion,
    first={
        "base": (Base, ...),
        "tuned": (Tuned, ...),
        "task": (tasks_option("; may be repeated. Default: the landscape's, or the suite."), []),
        "preset": (Preset, None),
        "examples": (Examples, None),
        "strict": (Strict, False),
        "samples": (Samples, False),
        "landscape": (LandscapeRun, None),
        "certificate": (Certificates, []),
        "subspace": (Subspaces, []),
        "limit": (Followed, 100),
        "to": (To, None),
    },
    folder="-diff",
    before=_compared,
)
def diff(asked: Asked) -> Ending:
    """Say what a fine-tune kept and what it lost, where on the way, and whether it left the basin.

    Blocks of the same examples are scored before and after until each task is decided, or used up. Kept: a loss as
    large as the tolerance is rejected. Lost: a loss within it is. Both hold at every look, and over all tasks together.

    Exit code 0: no named capability is lost (a warning names those that are undecided). 3: one is. 4, with --strict:
    one is undecided, or the base cannot do it.
    """
    found, given = asked.found, asked.options
    say(f"Run: {asked.folder}. Next: corrie report {asked.folder} --out report.html")
    if found.undecided:
        takes = [f"{c.task}: {c.scores.takes}" for c in found.capabilities if c.scores.takes]
        more = f" ({'; '.join(takes)})" if takes else ""
        complain(f"nothing can be said of {' and '.join(found.undecided)} on these examples{more}.", "Warning")
    named = "".join(f" -t {text}" for text in given["task"])
    return Ending(
        f"keeping what {given['base']} can do",
        f"corrie retract {given['base']} {given['tuned']}{named} --out FOLDER",
        code=UNDECIDED if given["strict"] and found.undecided else 0,
    )


def _holds_logs(folder: str) -> bool:
    """Whether it is no checkpoint, and lm_eval wrote into it."""
    place = Path(folder)
    return place.is_dir() and not (place / "config.json").exists() and any(place.rglob("samples_*.jsonl"))


def _by_samples(given: dict[str, Any]) -> None:
    """Two folders of logged results, compared by the same rule. Without a model there is no run folder, and nothing but
    verdicts."""
    for name in ("preset", "to", "landscape", "worst", "certificate", "subspace"):
        if given[name]:
            raise InputError(
                f"--samples with --{name}",
                found="no model is loaded, so there are verdicts alone and no run",
                advice=f"without --{name} (--json > FILE keeps the verdicts)",
            )
    if given["judge"] != PHRASES:
        raise InputError("--samples with --judge", found="answers that are judged already", advice="without --judge")
    from corrie.analysis.samples_diff import SamplesDiff

    terms = {name: given[name] for name in ("tolerance", "confidence", "examples")}
    found = SamplesDiff.of(given["base"], given["tuned"], given["task"], **terms)
    if found.undecided:
        complain(f"nothing can be said of {' and '.join(found.undecided)} on these documents.", "Warning")
    state(found, f"keeping what {given['base']} can do", as_json=given["as_json"])
    if given["strict"] and found.undecided:
        raise typer.Exit(UNDECIDED)
