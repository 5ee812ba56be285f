"""MMLU as people ask it of models that write: 57 subjects, five worked examples, the letter is the answer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import zip_longest
from pathlib import Path
from typing import Any

from corrie.capabilities.examples import Request
from corrie.capabilities.extra import extra_module
from corrie.capabilities.order import fixed_order

SHOTS = 5
"""Worked examples before a question: the first of the subject's development split."""

_LETTERS = "ABCD"


def read_arrow(file: Path) -> list[dict[str, Any]]:
    """The rows of an Arrow stream: question, subject, choices, answer (0 to 3).

    Raises:
        InputError: pyarrow is not installed.
    """
    arrow: Any = extra_module("pyarrow", "the questions of MMLU", "pyarrow")
    with arrow.memory_map(str(file)) as source, arrow.ipc.open_stream(source) as stream:
        return stream.read_all().to_pylist()


def questions(test: Iterable[Mapping[str, Any]], dev: Sequence[Mapping[str, Any]]) -> list[Request]:
    """One subject's questions, each behind the subject's own worked examples.

    >>> worked = {"question": "1 + 1?", "subject": "sums", "choices": ["1", "2", "3", "4"], "answer": 1}
    >>> asked = {"question": "2 + 1?", "subject": "sums", "choices": ["1", "2", "3", "4"], "answer": 2}
    >>> (request,) = questions([asked], [worked])
    >>> print(request.prompt, "→", request.answer)
    The following are multiple choice questions (with answers) about sums.
    <BLANKLINE>
    1 + 1?
    A. 1
    B. 2
    C. 3
    D. 4
    Answer: B
    <BLANKLINE>
    2 + 1?
    A. 1
    B. 2
    C. 3
    D. 4
    Answer: → C
    """
    worked = "".join(f"{_asked(row)} {_LETTERS[row['answer']]}\n\n" for row in dev[:SHOTS])
    return [
        Request(f"{row['subject']}/{number}", _about(row["subject"]) + worked + _asked(row), _LETTERS[row["answer"]])
        for number, row in enumerate(test)
    ]


def _about(subject: str) -> str:
    words = subject.replace("_", " ")
    return f"The following are multiple choice questions (with answers) about {words}.\n\n"


def _asked(row: Mapping[str, Any]) -> str:
    options = "".join(f"{letter}. {text}\n" for letter, text in zip(_LETTERS, row["choices"], strict=True))
    return f"{row['question'].strip()}\n{options}Answer:"


def in_turn(subjects: Iterable[Sequence[Request]], salt: str) -> list[Request]:
    """All subjects' questions in rounds, one of each subject a round: of the first 57 n, n are of each.

    Within its subject and within its round a question stands in the fixed order
    (:func:`corrie.capabilities.order.fixed_order`). So limits nest, and every limit is spread over the subjects.
    """
    rounds = zip_longest(*(fixed_order(subject, salt) for subject in subjects))
    return [request for one in rounds for request in fixed_order(filter(None, one), salt)]
