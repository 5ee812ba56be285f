"""The first answer of a scan that looks for radii: agreement, before any benchmark.

Whether a benchmark is kept takes hundreds of answers. Whether the model still says what it said shows in a few hundred
tokens, without labels. So agreement on the tasks' own texts is a task of such a scan, unless it is not wanted, and the
plan asks it before the others (:class:`corrie.scanning.plans.auto.AutoPlan`).
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from corrie.capabilities.agreement import agreement_on
from corrie.capabilities.task import Task
from corrie.errors import InputError
from corrie.records.scan_spec import Alpha, AlphaAuto
from corrie.records.sqlite_store import SqliteStore

FIRST_WINDOWS = 20
"""Windows of text: two blocks of ten, each a few hundred tokens at a point."""

Asked = tuple[Task, int]
"""A task, and how many of its examples."""


def with_first_answer(tasks: Sequence[Asked], alpha: Alpha, run: str | Path | None = None) -> tuple[Asked, ...]:
    """The tasks of a scan, before them agreement on their texts where radii are looked for.

    They stay as they are where agreement is among them, where they have no text that may be shown, and in a run that
    was begun without it: that goes on as it was begun.

    Args:
        tasks: what is asked for, with limits.
        alpha: the step sizes that are asked for.
        run: the run's folder, if it is to have one.

    Raises:
        RunError: the folder holds a run that cannot be read.

    >>> from corrie.records.scan_spec import parse_alpha
    >>> from corrie.testing.toy_tasks import toy_choice
    >>> asked = [(toy_choice(size=40), 40)]
    >>> [(task.identity.name, limit) for task, limit in with_first_answer(asked, parse_alpha("auto"))]
    [('agreement:toy', 20), ('toy', 40)]
    >>> [task.identity.name for task, _ in with_first_answer(asked, parse_alpha("edges"))]
    ['toy']
    """
    tasks = tuple(tasks)
    if not isinstance(alpha, AlphaAuto) or any(task.identity.scoring == "agreement" for task, _ in tasks):
        return tasks
    with suppress(InputError):
        first = agreement_on([task for task, _ in tasks])
        begun = _begun(run)
        if begun is None or first.identity.id in begun:
            return ((first, min(FIRST_WINDOWS, first.identity.size)), *tasks)
    return tasks


def _begun(run: str | Path | None) -> frozenset[str] | None:
    """The tasks by id that a run was asked to score along lines; None where nothing was asked yet."""
    if run is None or not (Path(run) / "run.db").exists():
        return None
    with SqliteStore.open(run) as store:
        specs = [spec for spec, _ in store.specs() if not spec.is_plane]
    return frozenset(request.task for spec in specs for request in spec.tasks) if specs else None
