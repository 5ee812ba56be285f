"""``corrie scan``."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from corrie.cli.asking import WithModel, choose_tasks, preset_or_tasks, task_terms, usual_tasks
from corrie.cli.console import say
from corrie.cli.first_words import FirstWords
from corrie.cli.options import Preset, PresetExamples
from corrie.cli.question import MODEL, Asked, asks, tasks_option
from corrie.cli.scanned import estimate, say_budget_is_spent
from corrie.cli.sharding import tell_shard
from corrie.questions.scan import ScanQuestion

Directions = Annotated[
    list[str],
    typer.Option(
        "--direction",
        help="gaussian:SEEDS, such as gaussian:0-7; toward:CHECKPOINT, adapter:FOLDER, quantised:int8, quantised:int4, "
        "saved:FILE (with --alpha 0:1:11); may be repeated. Default: gaussian:0-7; auto takes as many as it needs.",
    ),
]
Normalisation = Annotated[str, typer.Option(help="none (α is σ), unit (α is the distance), layer or filter.")]


def _readable(given: dict[str, Any]) -> dict[str, Any]:
    """The options with step sizes in the place of the word for a preset's own, whose family is not yet known."""
    from corrie.capabilities.presets import OF_PRESET, preset_asked

    named = preset_asked(given["preset"], given["task"], given["examples"], given["alpha"])
    return given | {"alpha": named.grids[-1].alpha} if named and given["alpha"] == OF_PRESET else given


def _along(given: dict[str, Any]) -> dict[str, Any]:
    """Where to and what for, once the model is there."""
    from corrie.capabilities.presets import OF_PRESET, find_preset
    from corrie.records.direction import directions_asked
    from corrie.records.scan_spec import AlphaGrid, size_of, usual_directions

    steps = ScanQuestion.of(_readable(given)).steps
    preset = given["preset"]
    usual = f"gaussian:0-{usual_directions(steps) - 1}"
    if preset is not None and isinstance(steps, AlphaGrid):
        usual = find_preset(preset).directions
    wanted = directions_asked(given["direction"] or [usual], given["normalisation"])
    size_of(len(wanted), steps).check()
    terms = {"limit": given["limit"], **task_terms(given)}
    chosen = choose_tasks(given["task"], **terms)
    more = {} if preset is None else preset_or_tasks(given)

    def tasks(model: Any) -> Any:
        say(f"Engine: {model.engine}.")
        return more["tasks"].make(model) if preset is not None else chosen or usual_tasks(model, **terms)

    def directions(model: Any) -> Any:
        from corrie.models.directions import find_directions

        return find_directions(model, wanted, say=say)

    found: dict[str, Any] = {**more, "tasks": WithModel(tasks), "directions": WithModel(directions)}
    if preset is not None and given["alpha"] == OF_PRESET:
        named = find_preset(preset)
        found["alpha"] = WithModel(lambda model: named.alpha(model.identity.architecture, model.identity.parameters))
    return found


def _cost(
    question: ScanQuestion,
    model: Any,
    tasks: Any,
    directions: Any,
    engine: str,
    to: Path,
    alpha: str,
    block: int,
    preset: str | None,
) -> str:
    """What ``--dry-run`` says."""
    from corrie.scanning.scan import Scan

    question = replace(question, alpha=alpha, block=block)
    prepared = Scan.asked(question, model, tasks, directions=directions, to=to)
    prepared.check_engine(engine)
    return estimate(prepared, to, tokens=preset is not None)


@asks(
    ScanQuestion,
    first={
        **MODEL,
        "task": (tasks_option("; may be repeated. Default: the suite."), []),
        "preset": (Preset, None),
        "examples": (PresetExamples, None),
        "direction": (Directions, []),
        "normalisation": (Normalisation, "none"),
    },
    folder="",
    readable=_readable,
    before=_along,
    dry_run=_cost,
    watch=FirstWords,
)
def scan(asked: Asked) -> None:
    """Move a model along directions (by default random), score it at every point, find where each basin ends.

    Everything is kept in the run folder, cell by cell: after Ctrl-C or a kill the same command goes on where it was,
    and more directions, step sizes, tasks or examples extend the run.
    """
    question, as_json = asked.question, asked.options["as_json"]
    if question.budget is not None and asked.unfinished:
        say_budget_is_spent()
    if question.shard is not None:
        return tell_shard(question.shard, asked.folder, whole=not asked.unfinished, as_json=as_json)
    from corrie.cli.show import show_run

    show_run(asked.folder, as_json=as_json, retention=question.retention)
    say(f"Run: {asked.folder}. Next: corrie report {asked.folder} --out report.html")
