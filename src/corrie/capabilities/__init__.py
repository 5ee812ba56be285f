"""Floor 2: capabilities made measurable.

task.py          the protocol: a benchmark plus a way of scoring it
base.py          what our own tasks share: examples in a fixed order, an identity, blocks
likelihood.py    is every token of a short target the greedy one?
text.py          which share of a long text's tokens is?
choice.py        which option is likeliest?
generation.py    what is written, and is the answer in it?        checks.py, extraction.py, written_once.py
math_task.py     what is worked out, and is it the answer?        math_judge.py, math_child.py
instructions.py  is every instruction followed?
safety.py        refused, complied, answered, or collapsed?       refusal.py, collapse.py
agreement.py     does the moved model still say what the unmoved one says?   windows.py
margin.py        for weak models: a leaning to refuse or to comply
loss_gradient.py a task's loss and its gradient, for those who climb it      choice_error.py
walking.py       down a loss or up it, inside a subspace and a radius
suite.py         the packaged benchmarks by name                  rows.py, exercises.py, mmlu.py, packaged.py
jsonl.py         a user's own file
registry.py      tasks by name
listed.py        which there are, told without loading what scores them

Each name is resolved at its first use, so the list of tasks is there at once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from corrie.lazy_names import lazily

if TYPE_CHECKING:
    from corrie.capabilities.listed import CatalogueRow, catalogue
    from corrie.capabilities.registry import examples_asked, parse_task, tasks
    from corrie.capabilities.suite import DEFAULT_SUITE
    from corrie.capabilities.task import Task

_HOME = {
    "CatalogueRow": "listed",
    "DEFAULT_SUITE": "suite",
    "Task": "task",
    "catalogue": "listed",
    "examples_asked": "registry",
    "parse_task": "registry",
    "tasks": "registry",
}

__all__ = ["DEFAULT_SUITE", "CatalogueRow", "Task", "catalogue", "examples_asked", "parse_task", "tasks"]


__getattr__, __dir__ = lazily(__name__, _HOME)
