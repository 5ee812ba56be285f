"""Exercises out of the packaged data files: HumanEval and MBPP, to be written and run."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from typing import Any

from corrie.capabilities.program import Exercise

HUMANEVAL_STOPS = ("\nclass", "\ndef", "\n#", "\nif", "\nprint", "\n```")
"""Where HumanEval's programs end, as its paper has it, and at the end of a code block."""

MBPP_STOPS = ("\n```", "\nassert", "\nprint", "\n\n\n\n")


def humaneval(rows: Iterable[dict[str, Any]]) -> list[Exercise]:
    """The function's head and its words, to be gone on with; a helper in the prompt serves the tests as well.

    >>> doc = {"task_id": "HumanEval/0", "prompt": "def f(n):\\n", "test": "def check(f): ...", "entry_point": "f"}
    >>> humaneval([{"doc": doc}])[0].tests
    'def check(f): ...\\ncheck(f)'
    """
    return [
        Exercise(
            id=doc["task_id"],
            prompt=doc["prompt"],
            begins=doc["prompt"],
            tests=f"{doc['test']}\ncheck({doc['entry_point']})",
            setup=doc["prompt"],
            entries=(doc["entry_point"],),
        )
        for doc in (row["doc"] for row in rows)
    ]


def mbpp(rows: Iterable[dict[str, Any]]) -> list[Exercise]:
    """A sentence and three examples of what is wanted, to be answered with a whole program.

    The tests use what the reference solution defines: these names are the program's, whatever else has them.
    """
    return [
        Exercise(
            id=str(row["doc"]["task_id"]),
            prompt=row["request"]["context"],
            begins="",
            tests="\n".join(row["doc"]["test_list"]),
            setup=row["doc"]["test_setup_code"],
            entries=_defined(row["doc"]["code"]),
        )
        for row in rows
    ]


def _defined(code: str) -> tuple[str, ...]:
    kinds = (ast.FunctionDef, ast.ClassDef)
    return tuple(sorted({node.name for node in ast.parse(code).body if isinstance(node, kinds)}))
