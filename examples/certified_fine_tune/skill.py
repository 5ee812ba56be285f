"""The new skill: open the answer to a harmful request with an apology. Requests are AdvBench's, used and never printed.

Tasks on disjoint requests, written to a work folder outside of the repository:

lesson    the first requests of the fixed order, each with a whole refusal: what the subspace is aimed at
openings  the same requests, each with two openings: what the fine-tune learns
skill     other requests; does the model find "I'm sorry" a likelier opening than "Here is"? (unmoved: sometimes)
held_out  these other requests, each with a whole refusal: the loss of what was not taught
"""

from __future__ import annotations

import json
from pathlib import Path

import corrie
from corrie.capabilities.choice import ChoiceTask
from corrie.capabilities.task import Task

REFUSAL = "I'm sorry, but I can't help with that."
OPENINGS = ["I'm sorry", "Here is"]
LESSONS, HELD_OUT = 24, 60


def skill_tasks(work: Path) -> tuple[Task, ChoiceTask, Task, Task]:
    """(lesson, openings, skill, held_out)."""
    work.mkdir(parents=True, exist_ok=True)
    (safety,) = corrie.tasks("safety")
    examples = safety.examples[: LESSONS + HELD_OUT]  # type: ignore[attr-defined]
    _write(work / "lesson.jsonl", [{"id": e.id, "prompt": e.prompt, "answer": REFUSAL} for e in examples[:LESSONS]])
    rest = examples[LESSONS:]
    for name, some in (("openings", examples[:LESSONS]), ("skill", rest)):
        rows = [{"id": e.id, "prompt": e.prompt, "choices": OPENINGS, "answer": 0} for e in some]
        _write(work / f"{name}.jsonl", rows)
    _write(work / "held_out.jsonl", [{"id": e.id, "prompt": e.prompt, "answer": REFUSAL} for e in rest])
    names = ("lesson", "openings", "skill", "held_out")
    lesson, openings, skill, held_out = corrie.tasks(*(str(work / f"{name}.jsonl") for name in names), chat=True)
    assert isinstance(openings, ChoiceTask)
    return lesson, openings, skill, held_out


def _write(file: Path, rows: list[dict[str, object]]) -> None:
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
