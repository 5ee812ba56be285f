"""Everything a scan will ask, put into tokens before anything is written.

A prompt that is too long, a token that the model has no row for, a template that fails on one request: each would
otherwise end a scan in its midst. So every example is asked once of a reader that does not read.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from typing import NoReturn

from corrie.capabilities.task import Task
from corrie.errors import ModelError, TaskError
from corrie.models.encoding import Encoder
from corrie.models.reading import Comparer, Question, Reader, Reading, Writing
from corrie.models.reference import Divergence
from corrie.models.stops import Stops


def rehearse(task: Task, encoder: Encoder, limit: int) -> int:
    """Put the first examples of a task into tokens. What was encoded is remembered for the scan.

    Returns:
        The most tokens that one of them may come to, its written answer included; 0 where nothing is written.

    Raises:
        TaskError, ModelError: an example that does not fit the model; the message names it.

    >>> from corrie.testing.toy_models import toy_model
    >>> from corrie.testing.toy_tasks import toy_choice
    >>> rehearse(toy_choice(), toy_model().encoder, 3)
    0
    """
    reader = Rehearsal(encoder)
    for index in range(limit):
        try:
            task.score(reader, index, index + 1)
        except Rehearsed:
            continue
        except (TaskError, ModelError) as error:
            shown = "" if task.identity.sensitive or not error.found else f"{error.asked}: "
            raise type(error)(
                f"example {task.card(index).id!r} of task {task.identity.name!r}",
                found=shown + (error.found or error.asked),
                advice=error.advice,
            ) from None
    return reader.longest


class Rehearsed(Exception):
    """The example has said what it asks; how it would judge an answer is of no interest."""


class Rehearsal:
    """A reader that takes questions and prompts as the model would, and reads nothing."""

    def __init__(self, encoder: Encoder) -> None:
        self.encoder = encoder
        self.longest = 0

    def read(self, questions: Sequence[Question], shared: str = "") -> list[tuple[Reading, ...]]:
        for question in questions:
            self.encoder.question(question)
        self.enough()

    def write(
        self, prompts: Sequence[str], max_tokens: int, templated: bool = False, stops: Stops | None = None
    ) -> list[Writing]:
        for prompt in prompts:
            ids = self.encoder.prompt(prompt, templated, max_tokens)
            self.longest = max(self.longest, len(ids) + max_tokens)
        self.enough()

    def remember(self, questions: Sequence[Question]) -> None:
        self.read(questions)

    def differ(self, questions: Sequence[Question]) -> list[tuple[Divergence, ...]]:
        for question in questions:
            self.encoder.question(question)
        self.enough()

    def chat(self, request: str) -> str:
        return self.encoder.template.prompt(request)

    @property
    def has_chat_template(self) -> bool:
        return self.encoder.template.there

    def enough(self) -> NoReturn:
        raise Rehearsed


def remember(task: Task, reader: Reader, stop: int, start: int = 0) -> None:
    """Ask the unmoved model what examples start … stop−1 will compare with; other tasks cost nothing.

    To be called before weights are moved, and anew in every process: what is remembered is not stored.

    Args:
        task: what will be scored.
        reader: of the unmoved model.
        stop, start: which examples.

    Raises:
        TaskError: it is too much to keep.
    """
    if isinstance(reader, Comparer):
        with contextlib.suppress(Rehearsed):
            task.score(_Remembering(reader), start, stop)


class _Remembering:
    """A reader that remembers what it would compare, and reads nothing."""

    def __init__(self, reader: Comparer) -> None:
        self._reader = reader

    def read(self, questions: Sequence[Question], shared: str = "") -> list[tuple[Reading, ...]]:
        raise Rehearsed

    def write(
        self, prompts: Sequence[str], max_tokens: int, templated: bool = False, stops: Stops | None = None
    ) -> list[Writing]:
        raise Rehearsed

    def remember(self, questions: Sequence[Question]) -> None:
        self._reader.remember(questions)

    def differ(self, questions: Sequence[Question]) -> list[tuple[Divergence, ...]]:
        self._reader.remember(questions)
        raise Rehearsed

    def chat(self, request: str) -> str:
        return self._reader.chat(request)

    @property
    def has_chat_template(self) -> bool:
        return self._reader.has_chat_template
