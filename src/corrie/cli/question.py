"""The one way from a question to its command: the options are the question's terms, the rest loads and says.

A command is a function of what was found, decorated with its question: the decorator declares the options, makes the
question of what was typed (which refuses what is not valid, before anything is loaded), asks the verb of the command's
name, and ends by what the function returns (None: everything is said). So a new option is one line: a field of the
question.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import typer

from corrie.cli.asking import PHRASES, ask
from corrie.cli.console import give
from corrie.cli.options import (
    Address,
    Block,
    Chat,
    Device,
    DeviceMap,
    Draw,
    DryRun,
    Dtype,
    Engine,
    Exclude,
    Include,
    Json,
    Judge,
    Limit,
    Model,
    RunCodeUnsandboxed,
    TrustTaskCode,
    Workers,
)
from corrie.cli.progress import ScanProgress
from corrie.cli.stating import state
from corrie.questions.question import BaseQuestion, Field

LOADED: dict[str, tuple[Any, Any]] = {
    "dtype": (Dtype, "float32"),
    "device": (Device, "auto"),
    "device_map": (DeviceMap, None),
    "draw": (Draw, "auto"),
    "include": (Include, ["*"]),
    "exclude": (Exclude, []),
    "limit": (Limit, 100),
    "chat": (Chat, False),
    "trust_task_code": (TrustTaskCode, False),
    "run_code_unsandboxed": (RunCodeUnsandboxed, False),
    "judge": (Judge, PHRASES),
    "engine": (Engine, "serial"),
    "workers": (Workers, None),
    "address": (Address, None),
}
"""Options of every command that loads a model and scores tasks, with their defaults."""


DEVICE_ALONE = tuple(LOADED.keys() - {"device"})
"""What a command is without that loads the model which a certificate names."""


class Ending(NamedTuple):
    """How a command ends: what was asked, if its result is a statement that may not hold, and what to try then; what
    is printed below the result; and the exit code where the statement holds."""

    asked: str = ""
    advice: str = ""
    more: str = ""
    code: int = 0


class Asked(NamedTuple):
    """What a command's function gets: the question, the options as typed, and the answer (as :class:`Answer`)."""

    question: Any
    options: Mapping[str, Any]
    found: Any
    folder: Path
    unfinished: bool


def tasks_option(says: str) -> Any:
    """``-t``, with what is said of several tasks."""
    return Annotated[list[str], typer.Option("--task", "-t", help=f"TASK, TASK:LIMIT or FILE.jsonl[:LIMIT]{says}")]


def asks(
    question: type[BaseQuestion],
    *,
    first: Mapping[str, tuple[Any, Any]],
    without: tuple[str, ...] = (),
    folder: str | None = None,
    readable: Callable[[dict[str, Any]], dict[str, Any]] = lambda given: given,
    before: Callable[[dict[str, Any]], dict[str, Any]] = lambda given: {},
    dry_run: Callable[..., str] | None = None,
    verb: str = "",
    watch: Callable[[], ScanProgress] = ScanProgress,
) -> Callable[[Callable[[Asked], Ending | None]], Callable[..., None]]:
    """A command that asks a question. Its function says what there is to say beside the result, and how the command
    ends: with a claim, with the result alone (``Ending()``), or with nothing more, since everything is said (None).
    It has the name of a verb; ``verb`` is for one that is named otherwise.

    Args:
        question: its kind; its fields become options.
        first: arguments and options that stand before them, as (type, default) by name; no default: ``...``. One of
            :data:`LOADED`, or ``to``, stands here if the command words it in its own way.
        without: options of :data:`LOADED` that it does not have.
        folder: what the default run folder is called behind the model's name; None: the command has no ``--to``.
        readable: what was typed, in words that the question knows; the verb gets what was typed, or what ``before``
            returns in its place.
        before: called with what was typed once the question is valid; what it returns goes to the verb, too. It may end
            the command (``typer.Exit``).
        dry_run: called in the verb's place if that is asked, with the verb's words and ``question``; what it returns is
            printed.
        watch: makes who shows the progress.
    """
    options = _options_of(question, first=first, without=without, folder=folder, dry_run=dry_run is not None)

    def decorate(told: Callable[[Asked], Ending | None]) -> Callable[..., None]:
        def command(**typed: Any) -> None:
            terms = {name: field.term.read for name, field in question.fields().items()}
            given: dict[str, Any] = {
                n: read(v) if (read := terms.get(n)) and v is not None else v for n, v in typed.items()
            }
            made = question.of(readable(given))
            more = before(given)
            if dry_run is not None and given["dry_run"]:
                give(ask(dry_run, given, folder or "", question=made, **more).found)
                return
            answer = ask(verb or told.__name__, given, folder or "", watching=watch, **more)
            ending = told(Asked(made, given, *answer))
            if ending is not None:
                state(answer.found, ending.asked, as_json=given["as_json"], more=ending.more, advice=ending.advice)
                if ending.code:
                    raise typer.Exit(ending.code)

        _describe(command, told, options)
        return command

    return decorate


def _options_of(
    question: type[BaseQuestion],
    *,
    first: Mapping[str, tuple[Any, Any]],
    without: tuple[str, ...] = (),
    folder: str | None = None,
    dry_run: bool = False,
) -> dict[str, tuple[Any, Any]]:
    """The options of a command, as (type, default) by name; the arguments are those of :func:`asks`."""
    options = {**first, **{name: _option(field, _default(question, name)) for name, field in question.fields().items()}}
    block = options.pop("block", None)
    options |= {name: kept for name, kept in LOADED.items() if name not in without and name not in first}
    if block is not None:
        options["block"] = (Block, block[1])
    if dry_run:
        options["dry_run"] = (DryRun, False)
    if folder is not None and "to" not in first:
        says = f"The run folder. The same command continues it. Default: runs/MODEL{folder}."
        options["to"] = (Annotated[Path | None, typer.Option(help=says)], None)
    options["as_json"] = (Json, False)
    return options


def _default(question: type[BaseQuestion], name: str) -> Any:
    return getattr(question, name, ...)


def _option(field: Field, default: Any) -> tuple[Any, Any]:
    """A field as typer wants it: its type (text where the term reads text), and its default."""
    term, kind = field.term, field.type if field.term.read is None else str
    if term.place:
        return Annotated[kind, typer.Argument(metavar=term.place, help=term.says)], default
    return Annotated[kind, typer.Option(*term.flags, help=term.says)], default


def _describe(command: Any, told: Callable[..., Any], options: Mapping[str, tuple[Any, Any]]) -> None:
    """Give a function the name, help and parameters of a command; those that must be given come first."""
    command.__name__, command.__doc__, command.__module__ = told.__name__, told.__doc__, told.__module__
    made = [
        inspect.Parameter(
            name,
            inspect.Parameter.KEYWORD_ONLY,
            annotation=kind,
            default=inspect.Parameter.empty if default is ... else default,
        )
        for name, (kind, default) in options.items()
    ]
    command.__signature__ = inspect.Signature(made)
    command.__annotations__ = {p.name: p.annotation for p in made}


MODEL = {"model": (Model, ...)}
"""The argument of a command that moves one model."""
