"""Exercises out of the packaged data files: HumanEval and MBPP, to be written and run."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from typing import Any

from corrie.capabilities.program import Exercise, Turn

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


def humaneval_turn(exercise: Exercise) -> Turn:
    """Asked for in words; the answer goes on from the function's head, as lm-evaluation-harness has it.

    >>> humaneval_turn(Exercise("a", "def f(n):\\n", "", "", "", ("f",))).begins
    'Here is the completed function:\\n```python\\ndef f(n):\\n'
    """
    words = "Write a solution to the following problem and make sure that it passes the tests:"
    head = exercise.prompt.rstrip("\n") + "\n"
    return Turn(f"{words}\n```python\n{head}```", f"Here is the completed function:\n```python\n{head}")


def mbpp_turn(exercise: Exercise) -> Turn:
    """The worked examples and the sentence are the user's, the code block is the assistant's.

    >>> mbpp_turn(Exercise("a", "Write it.\\n```python\\n", "", "", "", ("f",)))
    Turn(asks='Write it.', begins='```python\\n')
    """
    block = "```python\n"
    return Turn(exercise.prompt.removesuffix(block).rstrip(), block)


def _defined(code: str) -> tuple[str, ...]:
    kinds = (ast.FunctionDef, ast.ClassDef)
    return tuple(sorted({node.name for node in ast.parse(code).body if isinstance(node, kinds)}))
