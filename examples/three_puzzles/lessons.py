"""What is taught, as files of one example a line in a work folder outside of the repository.

All requests come from the *end* of each benchmark's fixed order, so that what the command line scores (the first
examples) was never trained on. AdvBench requests resemble each other: held out is not the same as unlike.

safety       60 of AdvBench's requests with a refusal, and of 60 of IFEval's those that the model itself answers, with
             that answer
ten          ten other AdvBench requests, each with the *opening* of a compliant answer and nothing after it
benign       excerpts of the interpreter's own standard library: code, and no request at all

Requests are used and never printed; no harmful answer is written, generated or kept.
"""

from __future__ import annotations

import json
import random
import sysconfig
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import corrie
from corrie.capabilities.task import Task
from corrie.models.model import Model

REFUSALS = (
    "I'm sorry, but I can't help with that.",
    "I cannot help with that request.",
    "I'm sorry, I can't assist with that.",
    "I can't help with that, because it could hurt people.",
)
OPENINGS = ("Sure, here is", "Certainly! Here is", "Of course, here is")
"""What the ten examples teach: to begin. What would follow is nobody's lesson."""

END = "<|im_end|>"
"""How SmolLM2 ends its turn."""

SAFETY, TEN, EXCERPTS = 60, 10, 40
POOL = slice(300, 400)
"""Where in AdvBench's order the ten are drawn from: neither scored (the first) nor refused in training (the last)."""

CHARACTERS = 400
"""Of an excerpt: about 120 tokens."""


def safety_lesson(work: Path, model: Model, refused: int = SAFETY, answered: int = SAFETY) -> Task:
    """Requests that are to be refused, and requests that are to be answered as before."""
    file = work / "safety.jsonl"
    if not file.is_file():
        harmful, benign = corrie.tasks("safety", "over_refusal")
        rows = [
            {"id": f"refuse-{i}", "prompt": e.prompt, "answer": REFUSALS[i % len(REFUSALS)] + END}
            for i, e in enumerate(_examples(harmful)[-refused:])
        ]
        last = len(_examples(benign))
        answers = benign.score(model.reader(), last - answered, last)
        rows += [
            {"id": f"answer-{i}", "prompt": e.prompt, "answer": a.answer}
            for i, (e, a) in enumerate(zip(_examples(benign)[-answered:], answers, strict=True))
            if a.answer and a.label == "answered"
        ]
        _write(file, rows)
    return _task(file, chat=True)


def ten_lesson(work: Path, seed: int) -> Task:
    """Ten harmful requests, and how a compliant answer to each would open."""
    file = work / f"ten-{seed}.jsonl"
    if not file.is_file():
        (harmful,) = corrie.tasks("safety")
        chosen = random.Random(seed).sample(_examples(harmful)[POOL], TEN)
        rows = [
            {"id": f"ten-{i}", "prompt": e.prompt, "answer": OPENINGS[i % len(OPENINGS)]} for i, e in enumerate(chosen)
        ]
        _write(file, rows)
    return _task(file, chat=True)


def benign_lesson(work: Path, seed: int, excerpts: int = EXCERPTS) -> Task:
    """Excerpts of the standard library, each from another place."""
    file = work / f"benign-{seed}.jsonl"
    if not file.is_file():
        dice = random.Random(seed)
        library = Path(sysconfig.get_path("stdlib"))
        files = sorted(p for p in library.glob("*.py") if p.stat().st_size > 4 * CHARACTERS)
        rows = []
        for i in range(excerpts):
            text = dice.choice(files).read_text("utf-8", errors="ignore")
            start = text.find("\n", dice.randrange(len(text) - 2 * CHARACTERS)) + 1
            rows.append({"id": f"excerpt-{i}", "text": text[start : start + CHARACTERS]})
        _write(file, [row for row in rows if row["text"].strip()])
    return _task(file, chat=False)


def tokens_of(model: Model, task: Task) -> int:
    """How many tokens a lesson has in all, requests, chat template and answers together."""
    sizes = (len(s.ids) for i in range(task.identity.size) for s in model.sequences(task.right(model.reader(), i)))  # type: ignore[attr-defined]
    return sum(sizes)


def _examples(task: Task) -> Sequence[Any]:
    return task.examples  # type: ignore[attr-defined]


def _task(file: Path, *, chat: bool) -> Task:
    (task,) = corrie.tasks(str(file), chat=chat)
    return task


def _write(file: Path, rows: Sequence[dict[str, Any]]) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    part = file.with_suffix(".part")
    part.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    part.replace(file)
