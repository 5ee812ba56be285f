"""The one way from a command to its verb: load what the command names, call the verb with the rest, by name.

A command's options carry the verb's own words (``tests/cli/test_verbs.py`` compares them), so a new option is a line in
the command and one in the verb. What a command names in text becomes what the verb takes: ``-t TASK:LIMIT`` with
``--limit`` and ``--chat`` the tasks, MODEL with ``--dtype``, ``--device``, ``--include`` and ``--exclude`` the loaded
model, no ``--to`` the usual run folder.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from corrie.cli.console import complain, say
from corrie.cli.progress import ScanProgress
from corrie.errors import InputError
from corrie.records.rules import check_block

if TYPE_CHECKING:
    from corrie.capabilities.task import Task
    from corrie.models.model import Model
    from corrie.weights.drawn_again import Drawing


PHRASES = "phrases"
"""The judge of requests where none is named."""


class Answer(NamedTuple):
    """What a verb found, in which run folder, and whether it stopped before everything was scored."""

    found: Any
    folder: Path
    unfinished: bool = False


class WithModel(NamedTuple):
    """A word of a verb that is made of the loaded model."""

    make: Callable[[Model], Any]


def ask(
    verb: str | Callable[..., Any],
    given: Mapping[str, Any],
    folder: str = "",
    *,
    watching: Callable[[], ScanProgress] = ScanProgress,
    **more: Any,
) -> Answer:
    """Call a verb with a command's options.

    Args:
        verb: its name in :mod:`corrie.verbs`, or what is called in its place with the same words.
        given: the command's options by name; those that the verb does not know are used to load, or left. A model is
            loaded if the command has a ``--dtype``.
        folder: what the default run folder is called behind the model's name.
        watching: makes who shows the progress.
        more: what was made of options, in the verb's words (:class:`WithModel`, if that takes the model).

    Raises:
        CorrieError: whatever loading or the verb refuses.
    """
    check_block(given.get("block", 1))
    asked = {**given, "say": say, **more}
    if "workers" in given:
        asked["engine"] = engine_asked(given["engine"], given["workers"], given["address"])
    named = "base" if "base" in given else "model"
    if "task" in given and "tasks" not in more and "task" not in more:
        asked |= _tasks(given)
    if "dtype" in given and isinstance(asked[named], str):
        kept = {k: given[k] for k in ("dtype", "device", "device_map", "draw", "include", "exclude") if k in given}
        asked[named] = load_model(asked[named], **kept)
        asked |= {name: one.make(asked[named]) for name, one in more.items() if isinstance(one, WithModel)}
        if given.get("judge", PHRASES) != PHRASES:
            asked |= _judged(given, asked, given[named])
    if "to" in given:
        asked["to"] = given["to"] or Path("runs") / f"{asked[named].identity.name.replace('/', '--')}{folder}"
    from corrie import verbs

    called = getattr(verbs, verb) if isinstance(verb, str) else verb
    words = inspect.signature(called).parameters
    with watching() if "watch" in words else nullcontext() as progress:
        asked["watch"] = progress
        found = called(**{name: asked[name] for name in words if name in asked})
    if "dtype" in given:  # it has a model that was loaded
        from corrie.models.footprint import peak_memory

        say(f"Memory taken: at most {peak_memory(set(asked[named].devices))}.")
    return Answer(found, asked.get("to") or given["out"], progress is not None and progress.unfinished)


def engine_asked(engine: str, workers: int | None, address: str | None) -> str:
    """The engine with its terms in its name, known to be there.

    Raises:
        UnknownName: there is none of that name.
        InputError: workers of an engine that has none, or an engine that is not installed.
    """
    if workers is not None or address is not None:
        given = "--workers" if workers is not None else "--address"
        kind, _, terms = engine.partition(":")
        if kind != "ray":
            raise InputError(f"{given} with the engine {engine}", found="only ray has workers", advice="--engine ray")
        if "@" in terms or terms.rpartition(":")[2].isdecimal():
            raise InputError(
                f"{given} with the engine {engine}", found="its name says it already", advice="one of them"
            )
        engine += f":{'' if workers is None else workers}" + (f"@{address}" if address else "")
    from corrie.scanning.executors import engine_named

    engine_named(engine)
    return engine


def _tasks(given: Mapping[str, Any]) -> dict[str, Any]:
    """The tasks of ``-t``, or the one of a command that takes one."""
    terms = {"limit": given["limit"], **task_terms(given)}
    if isinstance(given["task"], str):
        (one,) = choose_tasks([given["task"]], **terms)
        return {"task": one}
    return {"tasks": choose_tasks(given["task"], **terms)}


def _judged(given: Mapping[str, Any], asked: Mapping[str, Any], model: str) -> dict[str, Any]:
    """The tasks with another judge where they judge requests."""
    from corrie.capabilities.judge import judge_named
    from corrie.capabilities.safety import with_judge

    lists = {name: asked[name] for name in ("tasks", "skills") if asked.get(name)}
    if not lists:
        raise InputError(
            f"--judge {given['judge']}", found="no tasks beside it", advice="-t safety, as the landscape has it"
        )
    who = judge_named(given["judge"], model, dtype=given["dtype"], device=given["device"], say=say)
    judged = iter(with_judge([task for those in lists.values() for task, _ in those], who))
    return {name: [(next(judged), limit) for _, limit in those] for name, those in lists.items()}


def task_terms(given: Mapping[str, Any]) -> dict[str, bool]:
    """How tasks are made, of what was typed, in the words of :func:`corrie.tasks`."""
    return {name: given[name] for name in ("chat", "trust_task_code", "run_code_unsandboxed") if name in given}


def load_model(
    name: str,
    *,
    dtype: str,
    device: str,
    device_map: str | None = None,
    draw: Drawing = "auto",
    include: Sequence[str] = ("*",),
    exclude: Sequence[str] = (),
) -> Model:
    """The model, said on stderr."""
    say(f"Loading {name} …")
    from corrie.models.load import load

    terms: Any = {"dtype": dtype, "device": device, "device_map": device_map, "draw": draw}
    loaded = load(name, **terms, include=tuple(include), exclude=tuple(exclude), say=say)
    say(str(loaded) + "".join(f"\nNote: {note}." for note in loaded.identity.notes))
    return loaded


def usual_tasks(model: Model, *, limit: int, **how: bool) -> list[tuple[Task, int]]:
    """The suite of a model, said on stderr."""
    from corrie.capabilities.registry import default_suite

    found = choose_tasks(default_suite(model.reader().has_chat_template), limit=limit, **how)
    say(f"Tasks: {', '.join(task.identity.name for task, _ in found)}.")
    return found


def preset_or_tasks(given: Mapping[str, Any]) -> dict[str, Any]:
    """What a command asks whose ``--preset`` stands in the place of ``-t``, in the verb's words; nothing where tasks
    are named.

    With few examples a block is as small as they are.

    Raises:
        UnknownName: no such preset.
        InputError: both, or neither.
    """
    from corrie.capabilities.presets import preset_asked

    name, examples = given["preset"], given["examples"]
    preset = preset_asked(name, given["task"], examples, given.get("alpha", ""))
    if preset is None:
        if not given["task"]:
            raise InputError("no task", found="nothing that could be scored", advice="-t knowledge, or --preset paper")
        return {}
    how = {"examples": examples, "run_code_unsandboxed": given["run_code_unsandboxed"]}
    most = examples or max(limit for _, limit in preset.tasks)
    return {"tasks": WithModel(partial(tasks_of_preset, name, **how)), "block": min(given["block"], most)}


def tasks_of_preset(
    name: str,
    model: Model,
    *,
    examples: int | None = None,
    most: int | None = None,
    run_code_unsandboxed: bool = False,
) -> list[tuple[Task, int]]:
    """A preset's tasks for a model, said on stderr.

    Args:
        name: of the preset.
        model: which may have a chat template.
        examples: of each task, in place of the preset's own numbers.
        most: examples of each task, where the preset has more.
        run_code_unsandboxed: as for :func:`corrie.tasks`.
    """
    from corrie.capabilities.presets import preset_tasks

    chat = model.reader().has_chat_template
    found = preset_tasks(
        name, chat_template=chat, examples=examples, run_code_unsandboxed=run_code_unsandboxed, say=say
    )
    _warn_of_programs(task for task, _ in found)
    found = [(task, count if most is None else min(count, most)) for task, count in found]
    say(f"Tasks: {', '.join(f'{task.identity.name}:{count}' for task, count in found)}.")
    return found


def choose_tasks(written: Sequence[str], *, limit: int, **how: bool) -> list[tuple[Task, int]]:
    """Tasks as they are written on the command line, each with its number of examples.

    Args:
        how: see :func:`task_terms`.
    """
    from corrie.capabilities.registry import examples_asked, parse_task, tasks

    asked = [parse_task(text) for text in written]
    names = [a.name for a in asked]
    found = tasks(*names, say=say, **how) if asked else ()
    _warn_of_programs(found)
    return [(t, examples_asked(t, a.limit or min(limit, t.identity.size))) for t, a in zip(found, asked, strict=True)]


def _warn_of_programs(found: Iterable[Task]) -> None:
    """Say which tasks run what a model writes, where nothing holds it."""
    names = ", ".join(task.identity.name for task in found if getattr(task, "unsandboxed", False))
    if names:
        complain(f"{names}: what the model writes is run here with your rights, without a sandbox.", "Warning")
