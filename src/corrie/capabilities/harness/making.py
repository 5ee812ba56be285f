"""A harness task as corrie's own: loaded, its requests built, its documents in their fixed order."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from corrie.capabilities.harness.asked import HARNESS_PREFIX, HarnessAsked
from corrie.capabilities.harness.documents import Documents, digest, documents_of, settings_of
from corrie.capabilities.harness.judge import HarnessJudge, judge_of
from corrie.capabilities.harness.loading import HarnessLoaded, load_harness
from corrie.capabilities.harness.standing import standing
from corrie.capabilities.harness.task import HARNESS_TASKS, HarnessTask
from corrie.capabilities.order import fixed_order
from corrie.errors import CorrieError, TaskError
from corrie.sources.harness_names import HARNESS, harness_version
from corrie.sources.packages import Say, silent


def harness_task(text: str, *, chat: bool = False, trust: bool = False, say: Say = silent) -> HarnessTask:
    """The task, group or tag of that name, or in that file, as one task.

    The score of a group is the mean over the documents of all its tasks, which is the harness's own where it weights
    them by size.

    Args:
        text: ``lm_eval:NAME``, ``lm_eval:FILE.yaml``, with ``@METRIC,FILTER``.
        chat: ask through the model's chat template: the whole prompt is one user's turn.
        trust: code of a user's task file may be run.
        say: is notified before data are fetched or read.

    Raises:
        InputError: the harness is not installed, or no such file.
        UnknownName: the harness has no task of that name.
        TaskError: a task that cannot be scored here, or code that is not trusted.
        FetchError: the data cannot be had.
    """
    asked = HarnessAsked.parse(text)
    loaded = load_harness(asked, trust=trust, say=say)
    with standing():
        try:
            judges = _judges(asked, loaded)
            many = len(judges) > 1
            built = {name: documents_of(judge, name, f"{name}:" if many else "") for name, judge in judges.items()}
        except CorrieError:
            raise
        except Exception as problem:  # a task is somebody's program: it may raise anything
            words = f"{type(problem).__name__}: {' '.join(str(problem).split())[:300]}"
            raise TaskError(
                str(asked),
                found=f"its requests cannot be built ({words})",
                advice="a task that lm_eval itself can run",
            ) from problem
        settings = {name: digest(dict(settings_of(judge.task))) for name, judge in judges.items()}
    kinds = sorted({documents.kind for documents in built.values()})
    if len(kinds) > 1:
        raise TaskError(
            str(asked),
            found=f"its tasks are scored by {' and '.join(kinds)}",
            advice=f"its tasks one by one: {HARNESS_PREFIX}{next(iter(built))}, …",
        )
    _check_weights(asked, loaded, built)
    examples = [e for documents in built.values() for e in documents.examples]
    return HARNESS_TASKS[kinds[0]](
        HARNESS_PREFIX + loaded.title + (f"@{asked.wanted}" if asked.wanted else ""),
        fixed_order(examples, HARNESS),
        capability=loaded.title,
        source=f"{HARNESS} {harness_version()}: {_source(judges)}",
        chance=math.fsum(d.chance * len(d.examples) for d in built.values()) / len(examples),
        chat=chat,
        settings={
            "harness": harness_version(),
            "score": sorted({judge.name for judge in judges.values()}),
            "tasks": settings,
        },
        judges=judges,
        instances={id: group for d in built.values() for id, group in d.instances.items()},
        again=(_again, (text, chat, trust)),
    )


def _again(text: str, chat: bool, trust: bool) -> HarnessTask:
    return harness_task(text, chat=chat, trust=trust)


def _judges(asked: HarnessAsked, loaded: HarnessLoaded) -> Mapping[str, HarnessJudge]:
    """Who scores each member: all by one metric and filter."""
    wanted, allowed = asked.wanted, ()
    aggregates = getattr(loaded.group, "aggregate_metric_list", None) or ()
    if aggregates and not wanted:
        first = aggregates[0]
        if first.aggregation != "mean":
            raise TaskError(
                str(asked),
                found="the group has an aggregate of its own, and a score here is a mean over documents",
                advice=f"its tasks one by one: {HARNESS_PREFIX}{next(iter(loaded.members))}, …",
            )
        allowed = tuple(a.metric for a in aggregates)
        wanted = ",".join([first.metric, *(first.filter_list or [])[:1]])
    judges = {name: judge_of(task, wanted, allowed) for name, task in loaded.members.items()}
    names = sorted({judge.name for judge in judges.values()})
    if len(names) > 1:
        raise TaskError(
            str(asked),
            found=f"its tasks have different scores: {'; '.join(names)}",
            advice=f"one of them for all, {asked}@{names[0]}, or its tasks one by one",
        )
    return judges


def _check_weights(asked: HarnessAsked, loaded: HarnessLoaded, built: Mapping[str, Documents]) -> None:
    """A group whose tasks count alike whatever their size has no mean over documents, unless they are of one size."""
    aggregates = getattr(loaded.group, "aggregate_metric_list", None) or ()
    alike = aggregates and not aggregates[0].weight_by_size
    if alike and len({len(documents.examples) for documents in built.values()}) > 1:
        raise TaskError(
            str(asked),
            found="the group weights tasks of different sizes alike, so that its score is no mean over documents",
            advice=f"its tasks one by one: {HARNESS_PREFIX}{next(iter(built))}, …",
        )


def _source(judges: Mapping[str, Any]) -> str:
    if len(judges) > 1:
        return f"{len(judges)} tasks"
    (judge,) = judges.values()
    config = judge.task.config
    parts = (getattr(config, "dataset_path", None), getattr(config, "dataset_name", None))
    return " ".join(str(part) for part in parts if part) or judge.task.task_name
