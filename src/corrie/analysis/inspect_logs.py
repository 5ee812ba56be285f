"""A run as logs that Inspect's viewer opens: one for each place in weight space and task.

Inspect (https://inspect.aisi.org.uk) keeps one JSON file for each evaluation of one model on one task: what was asked
(``eval``), the scores (``results``), and every sample with its messages and its own score. The fields used here are
those of its format version 2; all others are optional there. Where a log stands is in its task arguments, which the
viewer shows and ``inspect_ai.analysis.evals_df`` turns into columns: direction, alpha, sigma, distance.

A run keeps no whole prompt, so a sample's input is what the run knows of it: the end of the prompt. Of harmful requests
neither prompt nor answer is written.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import Any, NamedTuple

from corrie.analysis.whole_folder import whole_folder
from corrie.errors import RunError
from corrie.records.canonical import content_hash
from corrie.records.cell import Outcome
from corrie.records.input_draw import InputDraw
from corrie.records.point import Point
from corrie.records.store import Realised, Store
from corrie.records.store_law import realised_at
from corrie.records.task import ExampleCard, TaskIdentity

_BEGINNING = "1970-01-01T00:00:00+00:00"
"""The date of a run that says none."""

_WITHHELD = "(an answer to a harmful request, not shown)"


class InspectLog(NamedTuple):
    """The name of a file, and what is in it."""

    name: str
    content: dict[str, Any]


def export_logs(store: Store, folder: Path) -> Path:
    """Write every log of a run into a new folder, whole or not at all.

    Args:
        store: the run.
        folder: where to; it must not be there yet.

    Returns:
        The folder.

    Raises:
        InputError: something is there already.
        RunError: nothing was scored.
        StorageError: the disk refuses.
    """

    def write(made: Path) -> None:
        for log in inspect_logs(store):
            (made / log.name).write_text(json.dumps(log.content, indent=1, allow_nan=False), encoding="utf-8")

    if not store.keys():
        raise RunError("logs of this run", found="nothing was scored yet", advice="the command that began it")
    return whole_folder(folder, write)


def inspect_logs(store: Store) -> Iterator[InspectLog]:
    """The logs of a run, task by task, the unmoved model's first.

    >>> from corrie.testing.cliff_run import cliff_run
    >>> first = next(inspect_logs(cliff_run(directions=1, examples=4)))
    >>> first.content["eval"]["task_args"]["direction"], first.content["results"]["total_samples"]
    ('origin', 4)
    """
    points, tasks = store.points(), {task.id: task for task in store.tasks()}
    model = store.identity.model.name
    origins = [origin for _, origin in (*store.specs(), *store.claims())]
    made = origins[-1] if origins else {}
    order = {id: number for number, id in enumerate(tasks)}
    keys = sorted(store.keys(), key=lambda key: (order[key.task], key.point != Point.origin().id, key))
    for (name, place), blocks in groupby(keys, key=lambda key: (key.task, key.point)):
        outcomes = [outcome for cell in store.cells(list(blocks)) for outcome in cell.outcomes]
        cards = {card.id: card for card in store.cards(name)}
        args = _place(*realised_at(points, place))
        yield _log(tasks[name], model, made, args, outcomes, cards)


def _log(
    task: TaskIdentity,
    model: str,
    made: dict[str, str],
    args: dict[str, Any],
    outcomes: list[Outcome],
    cards: dict[str, ExampleCard],
) -> InspectLog:
    created = made.get("date", _BEGINNING)
    scores = [o.success for o in outcomes if o.success is not None]
    mean = {"mean": {"name": "mean", "value": math.fsum(scores) / len(scores)}} if scores else {}
    scored = {"scored_samples": len(scores), "unscored_samples": len(outcomes) - len(scores), "metrics": mean}
    id = content_hash([task.id, model, args])[:16]
    content = {
        "version": 2,
        "status": "success",
        "eval": {
            "run_id": content_hash([model, made])[:16],
            "eval_id": id,
            "created": created,
            "task": task.name,
            "task_id": id,  # of this log alone: the viewer takes logs of one id for tries of the same
            "task_args": args,
            "dataset": {"name": task.source, "samples": task.size, "sample_ids": [o.id for o in outcomes]},
            "model": model,
            "config": {},
            "packages": {name: made[name] for name in ("corrie", "torch", "transformers") if name in made},
            "metadata": {"capability": task.capability, "chance": task.chance, "task": task.id},
        },
        "plan": {"name": "corrie", "steps": []},
        "results": {
            "total_samples": len(outcomes),
            "completed_samples": len(outcomes),
            "scores": [{"name": task.scoring, "scorer": task.scoring, **scored}],
        },
        "stats": {"started_at": created, "completed_at": created},
        "samples": [_sample(o, cards.get(o.id), task, model) for o in outcomes],
    }
    date, name = created.replace(":", "-"), re.sub(r"[^A-Za-z0-9.-]+", "-", task.name)
    return InspectLog(f"{date}_{name}_{id}.json", content)


def _sample(outcome: Outcome, card: ExampleCard | None, task: TaskIdentity, model: str) -> dict[str, Any]:
    prompt, target = (_text(card.prompt), _text(card.target)) if card else ("", "")
    answer = _WITHHELD if task.sensitive else _text(outcome.answer)
    said = {"role": "assistant", "content": answer, "source": "generate"}
    score = {"value": outcome.success, "answer": answer, "metadata": {"label": outcome.label, "loss": outcome.loss}}
    return {
        "id": outcome.id,
        "epoch": 1,
        "input": prompt,
        "target": target,
        "messages": [{"role": "user", "content": prompt}, said],
        "output": {"model": model, "choices": [{"message": said, "stop_reason": "stop"}]},
        "scores": {} if outcome.success is None else {task.scoring: score},
        "metadata": {"label": outcome.label},
    }


def _place(point: Point, realised: Realised) -> dict[str, Any]:
    """Where a log stands: the columns of a table of outcomes."""
    steps = [(step.direction, step.alpha) for step in point.steps]
    if not steps:
        return {"direction": "origin", "alpha": 0.0, "sigma": 0.0, "distance": 0.0}
    named = [(d.label if isinstance(d, InputDraw) else d.id, alpha) for d, alpha in steps]
    raw = [alpha for (d, alpha) in steps if d.normalisation == "none"]
    second = {"second": named[1][0], "beta": named[1][1]} if len(named) > 1 else {}
    sigma = {"sigma": math.hypot(*raw)} if raw else {}
    return {"direction": named[0][0], "alpha": named[0][1], **second, **sigma, "distance": realised.norm}


def _text(text: str) -> str:
    """Half a character (a lone surrogate) written out: Inspect reads whole ones alone."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")
