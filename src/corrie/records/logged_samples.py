"""Per-document results that lm-evaluation-harness wrote with ``--log_samples``.

A run's folder holds, somewhere below it, one file for each task, ``samples_TASK_DATE.jsonl``, a JSON object a line:
``doc_id``, ``doc_hash`` (of the document's content), ``prompt_hash``, ``filter``, ``metrics`` (names) and each metric's
value under its name; of a task of several filters one line for each document *and* filter. A document is known by its
``doc_id`` and ``doc_hash`` together, so that results on other documents are never taken for the same ones.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from corrie.errors import InputError, UnknownName
from corrie.records.plain_file import read_plain

MOST_BYTES = 2**31
USUAL = ("acc", "exact_match", "pass@1")
"""Metrics that are taken where several are there and none is named, the first of them."""

_FILE = re.compile(r"samples_(.+)_(\d{4}-\d\d-\d\dT[\d.\-:]+)\.jsonl")


@dataclass(frozen=True)
class LoggedSamples:
    """One task's results.

    task, metric, filter   what was read
    file                   from where
    scores                 document → its score in [0, 1]
    prompts                document → hash of its prompt, where the log has one
    chance                 1/k in the mean over documents whose k options were compared (metrics ``acc``…); else 0

    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> line = {"doc_id": 0, "doc_hash": "d", "filter": "none", "metrics": ["acc"], "acc": 1.0,
    ...         "arguments": [["Q:", " a"], ["Q:", " b"]]}
    >>> file = folder / "samples_quiz_2026-01-01T00-00-00.000000.jsonl"
    >>> _ = file.write_text(json.dumps(line) + chr(10))
    >>> found = LoggedSamples.open(folder, "quiz")
    >>> found.metric, found.scores, found.chance
    ('acc', {'0:d': 1.0}, 0.5)
    """

    task: str
    metric: str
    filter: str
    file: Path
    scores: Mapping[str, float]
    prompts: Mapping[str, str]
    chance: float

    @classmethod
    def open(cls, folder: Path, asked: str) -> LoggedSamples:
        """Read a task's newest log below a folder (or in a file).

        Args:
            folder: what ``--output_path`` named, or one ``samples_….jsonl``.
            asked: ``TASK``, ``TASK/METRIC`` or ``TASK/METRIC,FILTER`` (``exact_match,strict-match``).

        Raises:
            InputError: nothing there, logs of several models, a line that is no result, several filters or metrics and
                none named, a metric that is no number in [0, 1].
            UnknownName: no such task, metric or filter.
        """
        task, _, rest = asked.partition("/")
        metric, _, wanted = rest.partition(",")
        file = _newest(folder, task)
        lines = _lines(file)
        filters = sorted({str(line.get("filter", "none")) for line in lines})
        if wanted and wanted not in filters:
            raise UnknownName(f"filter of {task}", wanted, filters)
        if not wanted and len(filters) > 1:
            raise InputError(
                f"{asked} in {file.name}", found=f"several filters: {', '.join(filters)}",
                advice=f"-t {task}/{metric or _metric(lines, '', file)},{filters[0]}",
            )  # fmt: skip
        chosen = wanted or filters[0]
        lines = [line for line in lines if str(line.get("filter", "none")) == chosen]
        metric = _metric(lines, metric, file)
        scores, prompts, options = {}, {}, []
        for number, line in enumerate(lines, 1):
            document = f"{line.get('doc_id')}:{line.get('doc_hash', '')}"
            if document in scores:
                raise InputError(f"{file}", found=f"document {document} is there twice", advice="one run's own log")
            scores[document] = _score(line.get(metric), metric, file, number)
            if line.get("prompt_hash"):
                prompts[document] = str(line["prompt_hash"])
            options.append(_options(line, metric))
        chance = sum(1 / k for k in options) / len(options) if all(k > 1 for k in options) else 0.0
        return cls(task, metric, chosen, file, scores, prompts, chance)


def logged_tasks(folder: Path) -> tuple[str, ...]:
    """The tasks that have a log below a folder, in the order of the alphabet; none for a file.

    Raises:
        InputError: nothing there.
    """
    return () if folder.is_file() else tuple(sorted({task for task, _, _ in _logs(folder)}))


def _logs(folder: Path) -> list[tuple[str, str, Path]]:
    """Task, date and file of every log below a folder."""
    if not folder.is_dir():
        raise InputError(f"logged samples in {folder}", found="no such folder", advice="what --output_path named")
    named = [(_FILE.fullmatch(file.name), file) for file in folder.rglob("samples_*.jsonl")]
    logs = [(found[1], found[2], file) for found, file in named if found]
    if not logs:
        found = "no samples_TASK_DATE.jsonl below it"
        raise InputError(f"logged samples in {folder}", found=found, advice="lm_eval … --log_samples --output_path DIR")
    return logs


def _newest(folder: Path, task: str) -> Path:
    """The file of a task; of several of one model the one with the latest date in its name."""
    if folder.is_file():
        return folder
    logs = _logs(folder)
    mine = sorted((date, file) for found, date, file in logs if found == task)
    if not mine:
        raise UnknownName(f"logged task in {folder}", task, sorted({found for found, _, _ in logs}))
    places = sorted({file.parent for _, file in mine})
    if len(places) > 1:
        there = ", ".join(str(place.relative_to(folder)) for place in places)
        raise InputError(f"{task} in {folder}", found=f"logs of several models: {there}", advice=f"{places[0]}")
    return mine[-1][1]


def _lines(file: Path) -> list[dict[str, Any]]:
    found = []
    advice = "a samples_….jsonl of lm_eval --log_samples"
    content = read_plain(file, f"logged samples in {file}", most=MOST_BYTES, error=InputError, advice=advice)
    for number, text in enumerate(content.decode(errors="replace").split("\n"), 1):
        if not text.strip():
            continue
        try:
            line = json.loads(text)
        except (ValueError, RecursionError):
            line = None
        if not isinstance(line, dict) or "doc_id" not in line:
            raise InputError(f"{file}, line {number}", found="no result of one document", advice=advice)
        found.append(line)
    if not found:
        raise InputError(f"{file}", found="no line in it", advice=advice)
    return found


def _metric(lines: list[dict[str, Any]], asked: str, file: Path) -> str:
    """The metric that is asked for, or the only one, or a usual one."""
    named = lines[0].get("metrics")
    names = [str(n) for n in named] if isinstance(named, list) else [n for n in USUAL if n in lines[0]]
    if asked:
        if asked not in names:
            raise UnknownName(f"metric in {file.name}", asked, names)
        return asked
    usual = [n for n in USUAL if n in names]
    if len(names) == 1 or usual:
        return usual[0] if usual else names[0]
    found = f"several metrics: {', '.join(names)}" if names else "no metric"
    raise InputError(f"{file}", found=found, advice="-t TASK/METRIC")


def _score(value: object, metric: str, file: Path, number: int) -> float:
    if isinstance(value, bool | int | float) and math.isfinite(value) and 0 <= value <= 1:
        return float(value)
    said = repr(value)[:60]
    raise InputError(
        f"{metric} of result {number} in {file}", found=f"{said} is no number in [0, 1]",
        advice="a metric that is a mean of numbers in [0, 1]: -t TASK/METRIC",
    )  # fmt: skip


def _options(line: dict[str, Any], metric: str) -> int:
    """How many options were compared; 1 where none were.

    For ``acc_mutual_info`` each option is scored once more after an empty context; those are no options of their own.
    """
    arguments = line.get("arguments")
    if not metric.startswith("acc") or not isinstance(arguments, list | dict):
        return 1
    asked = arguments if isinstance(arguments, list) else list(arguments.values())
    after_context = [one for one in asked if _context(one) != ""]
    return len({json.dumps(one, sort_keys=True) for one in after_context or asked})


def _context(request: object) -> object:
    """What an option was scored after: first of a list, or ``arg_0`` as the harness writes it."""
    if isinstance(request, dict):
        return request.get("arg_0")
    return request[0] if isinstance(request, list) and request else None
