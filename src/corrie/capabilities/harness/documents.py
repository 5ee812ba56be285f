"""The harness's requests as examples: built once, plain values, with what the harness needs to judge them beside."""

from __future__ import annotations

import hashlib
import inspect
import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from corrie.capabilities.harness.judge import HarnessJudge
from corrie.errors import TaskError

if TYPE_CHECKING:
    from lm_eval.api.instance import Instance

HarnessKind = Literal["choice", "likelihood", "text", "generation"]
"""How documents are asked: options chosen, one continuation, running text, an answer written."""

USUAL_TOKENS = 256
"""What the harness lets a model write where a task names no limit."""

_LIMITS = ("max_gen_toks", "max_new_tokens", "max_tokens", "max_completion_tokens")
_NO_MATTER = {"until", "do_sample", "temperature", "top_p", "top_k", "min_p", *_LIMITS}
"""Settings that change nothing about a greedy answer, beside those that are read here."""


class HarnessExample(NamedTuple):
    """One document.

    id         its number in the task (behind the task's name, in a group)
    member     the task that it belongs to
    requests   what is asked: (context, continuation) for each likelihood, (text,) for running text, (prompt,) for what
               is to be written
    stops      what is written ends before the first of these
    tokens     most tokens that are written
    gold       the requests that are right; empty where the task does not say
    target     what a report shows as right
    document   hash of the document, which the metric reads
    """

    id: str
    member: str
    requests: tuple[tuple[str, ...], ...]
    stops: tuple[str, ...]
    tokens: int
    gold: tuple[int, ...]
    target: str
    document: str


@dataclass(frozen=True)
class Documents:
    """The documents of one task: how they are asked, as examples, the instances that they came from, and the score of a
    model that knows nothing."""

    kind: HarnessKind
    examples: tuple[HarnessExample, ...]
    instances: Mapping[str, tuple[Instance, ...]]
    chance: float


def documents_of(judge: HarnessJudge, member: str, prefix: str = "") -> Documents:
    """Build a task's requests, in the harness's own order, so that its few-shot examples are the same ones.

    Args:
        judge: the task and its score.
        member: the task's name.
        prefix: of ids, in a group.

    Raises:
        TaskError: a task of images or sound, one that samples, or one that runs what a model writes.
    """
    task: Any = judge.task
    asked = f"lm_eval:{member}"
    if getattr(task, "UNSAFE_CODE", False):
        raise TaskError(
            asked,
            found="it runs the programs that a model writes, in this process",
            advice="humaneval or mbpp, which corrie runs in a sandbox",
        )
    if getattr(task, "MULTIMODAL", False):
        raise TaskError(asked, found="it asks with images or sound", advice="a task of text")
    task.build_all_requests()
    together: dict[int, list[Instance]] = {}
    for instance in task.instances:
        together.setdefault(int(instance.doc_id or 0), []).append(instance)
    task._instances = None  # all of it is held here
    for group in together.values():
        group.sort(key=lambda instance: instance.idx)
    kind = _kind(asked, task.OUTPUT_TYPE, next(iter(together.values())))
    examples = tuple(_example(asked, judge, kind, member, prefix, n, group) for n, group in together.items())
    held = {example.id: tuple(group) for example, group in zip(examples, together.values(), strict=True)}
    judge.try_out(held[examples[0].id])
    return Documents(kind, examples, held, _chance(judge, examples) if kind == "choice" else 0.0)


def _chance(judge: HarnessJudge, examples: Sequence[HarnessExample]) -> float:
    """The mean of 1/k over documents of k options; 0 where the right one has to be the model's own words."""
    if judge.metric == "exact_match":
        return 0.0
    asked = 2 if "acc_mutual_info" in judge.task.aggregation() else 1  # times: also without its question
    return math.fsum(1 / max(2, len(e.requests) // asked) for e in examples) / len(examples)


def _kind(asked: str, output: str | None, instances: list[Instance]) -> HarnessKind:
    kinds = {instance.request_type for instance in instances}
    if kinds == {"generate_until"} and len(instances) == 1:
        return "generation"
    if kinds == {"loglikelihood_rolling"} and len(instances) == 1:
        return "text"
    if kinds == {"loglikelihood"}:
        return "choice" if output == "multiple_choice" or len(instances) > 1 else "likelihood"
    words = " and ".join(sorted(kinds))
    raise TaskError(asked, found=f"a document asks {len(instances)} times by {words}", advice="one kind of request")


def _example(
    asked: str, judge: HarnessJudge, kind: HarnessKind, member: str, prefix: str, number: int, instances: list[Instance]
) -> HarnessExample:
    stops: tuple[str, ...] = ()
    tokens = 0
    arguments: list[tuple[Any, ...]] = [instance.args for instance in instances]
    if kind == "generation":
        ((prompt, settings),) = arguments
        stops, tokens = _writing(asked, settings)
        arguments = [(prompt,)]
    requests = tuple(tuple(map(str, one)) for one in arguments)
    gold = _gold(judge.task, instances) if kind == "choice" else (0,) if kind == "likelihood" else ()
    return HarnessExample(
        id=f"{prefix}{number}",
        member=member,
        requests=requests,
        stops=stops,
        tokens=tokens,
        gold=gold,
        target=_target(judge.task, kind, requests, gold, instances[0].doc),
        document=digest(instances[0].doc),
    )


def _writing(asked: str, settings: Mapping[str, Any]) -> tuple[tuple[str, ...], int]:
    """Stop strings and token limit of a task that lets a model write."""
    sampled = settings.get("do_sample")
    if sampled or (sampled is None and float(settings.get("temperature") or 0) > 0):
        raise TaskError(asked, found="it samples its answers, and here they are greedy", advice="do_sample: false")
    for key, value in settings.items():
        if key not in _NO_MATTER and not (key == "num_beams" and value == 1):
            raise TaskError(asked, found=f"it writes with {key}: {value!r}, and here answers are greedy")
    until = settings.get("until") or []
    tokens = next((settings[key] for key in _LIMITS if settings.get(key) is not None), USUAL_TOKENS)
    return tuple(s for s in ([until] if isinstance(until, str) else until) if s), int(tokens)


def _gold(task: Any, instances: list[Instance]) -> tuple[int, ...]:
    """Which requests are right, as far as the task says it the usual way."""
    document, choices = instances[0].doc, range(len(instances))
    try:
        right = task.doc_to_text(document) if getattr(task, "multiple_input", 0) else task.doc_to_target(document)
        if isinstance(right, str) and not getattr(task, "multiple_input", 0):
            options = task.doc_to_choice(document)
            right = options.index(right) if right in options else document.get("gold", ())
    except Exception:  # a task's own code
        return ()
    found = right if isinstance(right, list | tuple) else (right,)
    return tuple(int(i) for i in found if isinstance(i, int) and i in choices)


def _target(
    task: Any, kind: HarnessKind, requests: tuple[tuple[str, ...], ...], gold: tuple[int, ...], document: Any
) -> str:
    if kind == "generation":
        try:
            return str(task.doc_to_target(document))
        except Exception:  # a task's own code
            return ""
    if not gold:
        return ""
    context, continuation = requests[gold[0]]
    return continuation.strip() or context[-80:].strip()


def digest(value: Any) -> str:
    """A hash of a document or a setting: text and numbers by value, functions by the file that holds them.

    >>> digest({"a": 1, "b": [2]}) == digest({"b": [2], "a": 1})
    True
    """
    text = json.dumps(value, sort_keys=True, default=_plain, ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _plain(value: Any) -> Any:
    if callable(value):
        try:
            file = inspect.getsourcefile(value)
            source = hashlib.sha256(Path(file).read_bytes()).hexdigest() if file else ""
        except (TypeError, OSError):
            source = ""
        return [getattr(value, "__qualname__", type(value).__name__), source]
    if isinstance(value, set | frozenset):
        return sorted(map(str, value))
    return value.tolist() if hasattr(value, "tolist") else re.sub(r" at 0x[0-9a-f]+", "", repr(value))


def settings_of(task: Any) -> Iterator[tuple[str, Any]]:
    """The settings of a task that can change a score and are not in its requests: what judges, not where data lie."""
    config = task.config
    for name in ("process_results", "metric_list", "filter_list", "repeats", "output_type"):
        yield name, getattr(config, name, None)
    yield "version", str(getattr(task, "VERSION", None))
