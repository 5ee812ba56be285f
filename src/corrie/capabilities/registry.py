"""Tasks by name: the packaged ones, a user's file, and what other packages bring."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import NamedTuple

from corrie.capabilities.agreement import agreement_in, agreement_on
from corrie.capabilities.graded_choice import GRADED, graded
from corrie.capabilities.harness.asked import HARNESS_PREFIX, is_harness
from corrie.capabilities.jsonl import jsonl_task
from corrie.capabilities.listed import catalogue, package_of, third_party
from corrie.capabilities.packaged import packaged_task
from corrie.capabilities.suite import AGREEMENT, DEFAULT_SUITE, SUITE
from corrie.capabilities.task import Task
from corrie.errors import InputError, TaskError, UnknownName
from corrie.records.task import TaskIdentity
from corrie.sandbox import UNSANDBOXED
from corrie.sources.packages import Say, silent

_SUFFIX = ".jsonl"

_TEXTS = ("language", "knowledge", "math", "code", "reasoning")
"""Whose texts ``agreement`` compares on where no other task is asked for."""


class TaskAsked(NamedTuple):
    """A task as it is asked for: its name, and how many of its examples (None: all)."""

    name: str
    limit: int | None


def parse_task(text: str) -> TaskAsked:
    """``TASK`` or ``TASK:LIMIT``, where TASK may be a file, ``graded:TASK``, ``agreement:TEXTS`` or ``lm_eval:NAME``.

    Raises:
        InputError: a limit that is no number, or zero examples.

    >>> parse_task("math:40"), parse_task("my:facts.jsonl")
    (TaskAsked(name='math', limit=40), TaskAsked(name='my:facts.jsonl', limit=None))
    >>> parse_task("agreement:20"), parse_task("agreement:story.txt:20")
    (TaskAsked(name='agreement', limit=20), TaskAsked(name='agreement:story.txt', limit=20))
    >>> parse_task("graded:knowledge"), parse_task("graded:knowledge:20")
    (TaskAsked(name='graded:knowledge', limit=None), TaskAsked(name='graded:knowledge', limit=20))
    >>> parse_task("lm_eval:gsm8k"), parse_task("lm_eval:gsm8k:200")
    (TaskAsked(name='lm_eval:gsm8k', limit=None), TaskAsked(name='lm_eval:gsm8k', limit=200))
    """
    name, colon, limit = text.rpartition(":")
    made = text.startswith((f"{AGREEMENT}:", f"{GRADED}:", HARNESS_PREFIX)) and not limit.removeprefix("-").isdigit()
    if not colon or limit.endswith(_SUFFIX) or made:
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


class _How(NamedTuple):
    """How tasks are made: asked through the chat template, with code that is trusted, programs run without walls."""

    chat: bool = False
    trust: bool = False
    unsandboxed: bool = False
    say: Say = silent


def tasks(
    *names: str,
    chat: bool = False,
    trust_task_code: bool = False,
    run_code_unsandboxed: bool = False,
    say: Say = silent,
) -> tuple[Task, ...]:
    """Tasks by name; the default suite where none is named.

    Args:
        names: a packaged task, a ``FILE.jsonl``, or a task of the entry-point group ``corrie.tasks``. A packaged
            task goes before another package's task of the same name. ``agreement`` compares on the texts of the tasks
            it is asked with, ``agreement:FILE.txt`` and ``agreement:TASK+TASK`` on these. ``graded:TASK`` asks a
            multiple-choice task's questions and scores the right option's probability. ``lm_eval:NAME`` is a task,
            group or tag of lm-evaluation-harness, ``lm_eval:FILE.yaml`` one in its form.
        chat: ask through the model's chat template. (Another package's task decides for itself.)
        trust_task_code: Python that a user's file of the harness names may be run.
        run_code_unsandboxed: programs that a model writes are run with your rights, and nothing holds them: for a
            machine that has nothing to lose. The task's source says so, and it is another task than with a sandbox.
        say: is notified when something is fetched.

    Raises:
        UnknownName: no such task (the nearest name is given).
        InputError: the same name twice, or the harness is not installed.
        TaskError: a file or another package's task that cannot be read, or code that is not trusted.
        FetchError, StorageError: the data cannot be had.

    >>> tasks("gsm9k")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    corrie.errors.UnknownName: no task named 'gsm9k'. Known: ... Did you mean 'gsm8k'?
    """
    asked = names or DEFAULT_SUITE
    how = _How(chat, trust_task_code, run_code_unsandboxed, say)
    others = tuple(_find(name, how) for name in asked if name != AGREEMENT)
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
        TaskError: a name leads to no task of that content, such as a user's file; or programs were run without a
            sandbox, which nobody has asked for now.
    """
    found = []
    for identity in known:
        if identity.source.endswith(UNSANDBOXED):
            raise TaskError(
                f"task {identity.name!r} as the run measured it",
                found=f"{identity.source}",
                advice=f"-t {identity.name} with --run-code-unsandboxed, if that is what you want",
            )
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
    return agreement_on(own) if own else agreement_on([_find(name, _How(say=say)) for name in _TEXTS], AGREEMENT)


def _agreement_on(texts: str, how: _How) -> Task:
    """Agreement on a text file (its name has a dot, which no task's has), or on the texts of some tasks."""
    if not is_harness(texts) and Path(texts).suffix not in ("", _SUFFIX):
        return agreement_in(Path(texts).expanduser())
    return agreement_on([_find(name, how) for name in texts.split("+")])


def _find(name: str, how: _How) -> Task:
    if name.startswith(f"{AGREEMENT}:"):
        return _agreement_on(name.removeprefix(f"{AGREEMENT}:"), how)
    if name.startswith(f"{GRADED}:"):
        return graded(_find(name.removeprefix(f"{GRADED}:"), how))
    if is_harness(name):
        from corrie.capabilities.harness.making import harness_task  # here, because it brings what most never need

        return harness_task(name, chat=how.chat, trust=how.trust, say=how.say)
    if name.endswith(_SUFFIX):
        return jsonl_task(Path(name).expanduser(), chat=how.chat)
    for row in SUITE:
        if row.name == name:
            return packaged_task(row, chat=how.chat, unsandboxed=how.unsandboxed, say=how.say)
    others = third_party()
    if name in others:
        return _load(name, others[name])
    raise UnknownName("task", name, [AGREEMENT, *(row.name for row in SUITE), *others])


def _load(name: str, point: EntryPoint) -> Task:
    try:
        task = point.load()()
    except Exception as problem:  # another package's code may raise anything
        raise TaskError(
            f"task {name!r} of {package_of(point)}",
            found=f"{point.value} raises {type(problem).__name__}: {problem}",
            advice="a fixed or another version of that package",
        ) from problem
    if not isinstance(task, Task):
        raise TaskError(
            f"task {name!r} of {package_of(point)}",
            found=f"{point.value} returns {type(task).__name__}, which is no task",
            advice="a callable without arguments that returns a corrie.capabilities.Task",
        )
    return task
