"""Tasks by name: the packaged ones, a user's file, and what other packages bring."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import NamedTuple

from corrie.capabilities.agreement import AGREEMENT, agreement_in, agreement_on
from corrie.capabilities.jsonl import jsonl_task
from corrie.capabilities.packaged import packaged_task
from corrie.capabilities.suite import DEFAULT_SUITE, SCORINGS, SUITE
from corrie.capabilities.task import Task
from corrie.capabilities.windows import MOST_WINDOWS
from corrie.errors import InputError, TaskError, UnknownName
from corrie.records.canonical import Record
from corrie.records.task import BEHAVIOUR, Scoring, TaskIdentity
from corrie.sources.manifest import find_package
from corrie.sources.packages import Say, silent

TASK_GROUP = "corrie.tasks"
"""The entry-point group in which other packages name their tasks."""

_SUFFIX = ".jsonl"

_TEXTS = ("language", "knowledge", "math", "code", "reasoning")
"""Whose texts ``agreement`` compares on where no other task is asked for."""


class CatalogueRow(Record):
    """A task as ``corrie tasks`` lists it; nothing is fetched or loaded for it.

    What only the task itself knows is None for tasks of other packages.

    default     part of a scan that names no tasks
    chat        asks through the chat template, whatever the switch says
    sensitive   its prompts are harmful requests
    licence     of the data
    """

    name: str
    what: str
    source: str
    capability: str | None = None
    scoring: Scoring | None = None
    chance: float | None = None
    size: int | None = None
    licence: str | None = None
    default: bool = False
    chat: bool = False
    sensitive: bool = False

    def __str__(self) -> str:
        if self.size is None:
            return f"{self.name} – {self.what}, from {self.source}"
        return (
            f"{self.name} – {self.what} ({self.capability} by {self.scoring}, chance {self.chance:.3g}, "
            f"{self.size} examples of {self.source}, {self.licence})"
        )


class TaskAsked(NamedTuple):
    """A task as it is asked for: its name, and how many of its examples (None: all)."""

    name: str
    limit: int | None


def catalogue() -> tuple[CatalogueRow, ...]:
    """Every task that can be named, without fetching anything.

    >>> print(next(row for row in catalogue() if row.name == "piqa"))
    piqa – PIQA: everyday physics (language by choice, chance 0.5, 1838 examples of piqa/rc_0shot, AFL-3.0)
    """
    own = tuple(
        CatalogueRow(
            name=row.name,
            what=find_package(row.package).file(row.path).what,
            source=row.source,
            capability=row.capability,
            scoring=SCORINGS[row.kind],
            chance=row.chance,
            size=row.size,
            licence=find_package(row.package).file(row.path).licence,
            default=row.name in DEFAULT_SUITE,
            chat=row.kind in ("refuse", "margin", "answer"),
            sensitive=row.kind in ("refuse", "margin"),
        )
        for row in SUITE
    )
    behaviour = CatalogueRow(
        name=AGREEMENT,
        what="does the moved model still say what the unmoved one says?",
        source="the texts of the tasks beside it",
        capability=BEHAVIOUR,
        scoring="agreement",
        chance=0.0,
        size=MOST_WINDOWS,
        licence="as these tasks",
    )
    others = tuple(
        CatalogueRow(name=name, what="a task of another package", source=_origin(point))
        for name, point in sorted(_third_party().items())
    )
    return (behaviour, *own, *others)


def parse_task(text: str) -> TaskAsked:
    """``TASK`` or ``TASK:LIMIT``, where TASK may be a file, or ``agreement:TEXTS``.

    Raises:
        InputError: a limit that is no number, or zero examples.

    >>> parse_task("math:40"), parse_task("my:facts.jsonl")
    (TaskAsked(name='math', limit=40), TaskAsked(name='my:facts.jsonl', limit=None))
    >>> parse_task("agreement:20"), parse_task("agreement:story.txt:20")
    (TaskAsked(name='agreement', limit=20), TaskAsked(name='agreement:story.txt', limit=20))
    """
    name, colon, limit = text.rpartition(":")
    texts = text.startswith(f"{AGREEMENT}:") and not limit.removeprefix("-").isdigit()
    if not colon or limit.endswith(_SUFFIX) or texts:
        return TaskAsked(text, None)
    try:
        count = int(limit)
    except ValueError:
        raise InputError(f"task {text!r}", found=f"{limit!r} is no number", advice=f"{name}:40") from None
    if count < 1:
        raise InputError(f"task {text!r}", found="zero examples", advice=f"{name}:40")
    return TaskAsked(name, count)


def examples_asked(task: Task, limit: int | None) -> int:
    """How many examples a limit means: all of them where there is none.

    Raises:
        InputError: more than there are, or none.
    """
    size = task.identity.size
    if limit is None:
        return size
    if not 1 <= limit <= size:
        raise InputError(
            f"{limit} examples of task {task.identity.name!r}",
            found="zero examples" if limit < 1 else f"it has {size}",
            advice=f"{task.identity.name}:{size if limit > size else 40}",
        )
    return limit


def default_suite(chat_template: bool) -> tuple[str, ...]:
    """The tasks of a scan that names none, for a model with or without a chat template.

    >>> [name for name in default_suite(True) if name not in default_suite(False)]
    ['safety']
    """
    asks_in_chat = {row.name for row in catalogue() if row.chat}
    return tuple(name for name in DEFAULT_SUITE if chat_template or name not in asks_in_chat)


def tasks(*names: str, chat: bool = False, say: Say = silent) -> tuple[Task, ...]:
    """Tasks by name; the default suite where none is named.

    Args:
        names: a packaged task, a ``FILE.jsonl``, or a task of the entry-point group ``corrie.tasks``. A packaged
            task goes before another package's task of the same name. ``agreement`` compares on the texts of the tasks
            it is asked with, ``agreement:FILE.txt`` and ``agreement:TASK+TASK`` on these.
        chat: ask through the model's chat template. (Another package's task decides for itself.)
        say: is notified when something is fetched.

    Raises:
        UnknownName: no such task (the nearest name is given).
        InputError: the same name twice.
        TaskError: a file or another package's task that cannot be read.
        FetchError, StorageError: the data cannot be had.

    >>> tasks("gsm9k")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    corrie.errors.UnknownName: no task named 'gsm9k'. Known: ... Did you mean 'gsm8k'?
    """
    asked = names or DEFAULT_SUITE
    others = tuple(_find(name, chat, say) for name in asked if name != AGREEMENT)
    beside = iter(others)
    found = tuple(_agreement_beside(others, say) if name == AGREEMENT else next(beside) for name in asked)
    seen: set[str] = set()
    for task in found:
        if task.identity.name in seen:
            raise InputError(
                f"task {task.identity.name!r}", found="it is asked for twice", advice="once, or a file of another name"
            )
        seen.add(task.identity.name)
    return found


def same_tasks(known: Iterable[TaskIdentity], say: Say = silent) -> tuple[Task, ...]:
    """The tasks that a run measured, found again by name.

    Args:
        known: their identities, as the run keeps them.
        say: is notified when something is fetched.

    Raises:
        TaskError: a name leads to no task of that content, such as a user's file.
    """
    found = []
    for identity in known:
        for chat in (False, True):
            with contextlib.suppress(UnknownName):
                (task,) = tasks(identity.name, chat=chat, say=say)
                if task.identity.id == identity.id:
                    found.append(task)
                    break
        else:
            raise TaskError(
                f"task {identity.name!r} as the run measured it",
                found="no task of that name and content is known by name",
                advice="-t FILE.jsonl[:LIMIT], as it was asked for then",
            )
    return tuple(found)


def _agreement_beside(others: Iterable[Task], say: Say) -> Task:
    """Agreement on the texts of the tasks it is asked with; where there are none, on those of the suite."""
    own = [task for task in others if task.identity.scoring != "agreement"]
    return agreement_on(own) if own else agreement_on([_find(name, False, say) for name in _TEXTS], AGREEMENT)


def _agreement_on(texts: str, chat: bool, say: Say) -> Task:
    """Agreement on a text file (its name has a dot, which no task's has), or on the texts of some tasks."""
    if Path(texts).suffix not in ("", _SUFFIX):
        return agreement_in(Path(texts).expanduser())
    return agreement_on([_find(name, chat, say) for name in texts.split("+")])


def _find(name: str, chat: bool, say: Say) -> Task:
    if name.startswith(f"{AGREEMENT}:"):
        return _agreement_on(name.removeprefix(f"{AGREEMENT}:"), chat, say)
    if name.endswith(_SUFFIX):
        return jsonl_task(Path(name).expanduser(), chat=chat)
    for row in SUITE:
        if row.name == name:
            return packaged_task(row, chat=chat, say=say)
    others = _third_party()
    if name in others:
        return _load(name, others[name])
    raise UnknownName("task", name, [AGREEMENT, *(row.name for row in SUITE), *others])


def _third_party() -> dict[str, EntryPoint]:
    own = {AGREEMENT, *(row.name for row in SUITE)}
    return {point.name: point for point in entry_points(group=TASK_GROUP) if point.name not in own}


def _origin(point: EntryPoint) -> str:
    return f"{point.dist.name} {point.dist.version}" if point.dist else point.value


def _load(name: str, point: EntryPoint) -> Task:
    try:
        task = point.load()()
    except Exception as problem:  # another package's code may raise anything
        raise TaskError(
            f"task {name!r} of {_origin(point)}",
            found=f"{point.value} raises {type(problem).__name__}: {problem}",
            advice="a fixed or another version of that package",
        ) from problem
    if not isinstance(task, Task):
        raise TaskError(
            f"task {name!r} of {_origin(point)}",
            found=f"{point.value} returns {type(task).__name__}, which is no task",
            advice="a callable without arguments that returns a corrie.capabilities.Task",
        )
    return task
