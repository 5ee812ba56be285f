"""Which of a task's scores counts, and how an answer gets it: by the harness's own filter and metric."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from corrie.errors import TaskError

if TYPE_CHECKING:
    from lm_eval.api.filter import FilterEnsemble
    from lm_eval.api.instance import Instance

_PLACES = 6
"""Of a score: last digits of a log-likelihood depend on what is read beside it, and a score should not."""

_PROBE = (0.0, 0.25, 1.0, 1.0, 0.5, 0.0)


@dataclass(frozen=True)
class HarnessJudge:
    """One task's filter and metric.

    task     the harness's own
    metric   the score that is taken of those that the task gives
    filter   what is done with an answer before
    skips    numbers that are no numbers are left out of the mean
    """

    task: Any
    metric: str
    filter: FilterEnsemble
    skips: bool

    @property
    def name(self) -> str:
        """As the harness's results call it: ``METRIC,FILTER``."""
        return f"{self.metric},{self.filter.name}"

    def score(self, instances: Sequence[Instance], answers: Sequence[Any]) -> float | None:
        """What these answers to one document's requests are worth, from 0 to 1; None: they cannot be judged.

        The instances are copied: nothing of one point stays for the next.

        Raises:
            TaskError: the metric gives no number from 0 to 1.
        """
        asked = [copy.copy(i) for i in instances]
        document = copy.deepcopy(instances[0].doc)
        for instance, answer in zip(asked, answers, strict=True):
            instance.doc = document
            instance.resps, instance.filtered_resps = [answer] * (instance.repeats or 1), {}
        try:
            self.filter.apply(asked)
            given = self.task.process_results(document, [i.filtered_resps[self.filter.name] for i in asked])
        except Exception:  # a task's own code may raise anything at what a broken model writes
            return None
        return self._checked(given)

    def _checked(self, given: Any) -> float | None:
        if not isinstance(given, dict) or self.metric not in given:
            raise self._refused(f"it gives no {self.metric}")
        value = given[self.metric]
        number = float(value) if isinstance(value, int | float | np.number | np.bool_) else None
        if number is not None and math.isnan(number):
            return None if self.skips else 0.0
        if number is None or not 0 <= number <= 1:
            raise self._refused(f"its {self.metric} of a document is {value!r:.80}, and not from 0 to 1")
        return round(number, _PLACES)

    def try_out(self, instances: Sequence[Instance]) -> None:
        """Refuse now what would be refused after the first answers.

        Raises:
            TaskError: as :meth:`score`.
        """
        made_up = {"loglikelihood": (-1.0, False), "loglikelihood_rolling": -1.0, "generate_until": "1"}
        self.score(instances, [made_up[i.request_type] for i in instances])

    def _refused(self, found: str) -> TaskError:
        others = [m for m in means_of(self.task) if m != self.metric]
        advice = f"@{others[0]} behind its name" if others else "another task, or another metric in a YAML file"
        return TaskError(f"the score {self.name!r} of {self.task.task_name}", found=found, advice=advice)


def means_of(task: Any) -> list[str]:
    """The metrics of a task that are means over its documents, and of which more is better."""
    better = task.higher_is_better()
    return [metric for metric, how in task.aggregation().items() if is_mean(how) and better.get(metric, True)]


def is_mean(aggregate: Callable[[Sequence[float]], Any]) -> bool:
    """Whether an aggregate is the mean of what it is given; it is tried out.

    >>> is_mean(lambda values: sum(values) / len(values)), is_mean(max)
    (True, False)
    """
    try:
        return math.isclose(float(aggregate(list(_PROBE))), math.fsum(_PROBE) / len(_PROBE))
    except Exception:  # an aggregate of something else, such as pairs
        return False


def skips_nothing_numbers(aggregate: Callable[[Sequence[float]], Any]) -> bool:
    """Whether a mean leaves out what is no number.

    >>> import numpy as np
    >>> skips_nothing_numbers(np.nanmean), skips_nothing_numbers(np.mean)
    (True, False)
    """
    try:
        return math.isclose(float(aggregate([1.0, math.nan])), 1.0)
    except Exception:
        return False


def judge_of(task: Any, wanted: str = "", allowed: Sequence[str] = ()) -> HarnessJudge:
    """The score that counts: the one asked for, or the first metric that is a mean, behind the first filter.

    Args:
        task: the harness's own.
        wanted: ``METRIC``, ``FILTER``, ``METRIC,FILTER``, or empty.
        allowed: the metrics of the group that it is asked in, where that names some.

    Raises:
        TaskError: no such score, or none that is a mean over documents of which more is better.
    """
    filters = {ensemble.name: ensemble for ensemble in task._filters}
    aggregates = task.aggregation()
    means = [m for m in means_of(task) if not allowed or m in allowed]
    metric, _, behind = wanted.partition(",")
    if metric in filters and metric not in aggregates and not behind:
        metric, behind = "", metric
    asked = f"lm_eval:{task.task_name}" + (f"@{wanted}" if wanted else "")
    if behind and behind not in filters:
        raise TaskError(asked, found=f"its filters are {', '.join(filters)}", advice=f"@{next(iter(filters))}")
    if metric and metric not in aggregates:
        raise TaskError(asked, found=f"its metrics are {', '.join(aggregates)}", advice=f"@{next(iter(aggregates))}")
    if not means or (metric and metric not in means):
        words = "; ".join(_why_not(task, m) for m in ([metric] if metric else aggregates))
        advice = f"@{means[0]}" if means else "a task with a mean, such as acc or exact_match"
        raise TaskError(asked, found=f"a score here is a mean over documents, each from 0 to 1: {words}", advice=advice)
    chosen = metric or means[0]
    return HarnessJudge(task, chosen, filters[behind or next(iter(filters))], skips_nothing_numbers(aggregates[chosen]))


def _why_not(task: Any, metric: str) -> str:
    how = task.aggregation()[metric]
    if is_mean(how):
        less = not task.higher_is_better().get(metric, True)
        return f"of {metric}, less is better" if less else f"{metric} is not what the group asks for"
    return f"{metric} is an aggregate of its own ({getattr(how, '__name__', type(how).__name__)})"
