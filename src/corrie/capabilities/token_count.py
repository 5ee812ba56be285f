"""How many tokens a task puts to a model, and how many it may write, without a model being asked."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from typing import NamedTuple

from corrie.capabilities.rehearsal import Rehearsal, Rehearsed
from corrie.capabilities.task import Task
from corrie.models.encoding import Encoder
from corrie.models.reading import Question, Reading, Writing
from corrie.models.stops import Stops


class TokenCount(NamedTuple):
    """Of some examples of a task.

    prompts   tokens that are read; a beginning that examples share is counted with each
    answers   tokens that may be written: the limit, for each example
    longest   the limit of one answer
    """

    prompts: int
    answers: int
    longest: int


class TaskPrompts(NamedTuple):
    """What a task writes behind: texts, and whether they came out of the chat template."""

    texts: tuple[str, ...]
    templated: bool


def count_tokens(task: Task, encoder: Encoder, limit: int) -> TokenCount:
    """Tokens of the first examples of a task, as they are read one by one (:mod:`corrie.capabilities.tokens_in` counts
    those that are read together once).

    Raises:
        TaskError, ModelError: an example that does not fit the model.

    >>> from corrie.testing.toy_models import toy_model
    >>> from corrie.testing.toy_tasks import toy_choice
    >>> count_tokens(toy_choice(), toy_model().encoder, 3).answers
    0
    """
    counting = _ask(task, encoder, limit)
    return TokenCount(counting.prompts, counting.answers, counting.most)


def prompts_of(task: Task, encoder: Encoder, limit: int) -> TaskPrompts:
    """The prompts of the first examples of a task whose answers are written.

    Raises:
        TaskError, ModelError: an example that does not fit the model.
    """
    counting = _ask(task, encoder, limit)
    return TaskPrompts(tuple(counting.texts), counting.templated)


def _ask(task: Task, encoder: Encoder, limit: int) -> _Counting:
    counting = _Counting(encoder)
    for index in range(limit):
        with contextlib.suppress(Rehearsed):
            task.score(counting, index, index + 1)
    return counting


class _Counting(Rehearsal):
    """A rehearsal that counts what it would read and write."""

    def __init__(self, encoder: Encoder) -> None:
        super().__init__(encoder)
        self.prompts = self.answers = self.most = 0
        self.texts: list[str] = []
        self.templated = False

    def read(self, questions: Sequence[Question], shared: str = "") -> list[tuple[Reading, ...]]:
        for question in questions:
            self.prompts += sum(len(one.ids) for one in self.encoder.question(question))
        self.enough()

    def write(
        self, prompts: Sequence[str], max_tokens: int, templated: bool = False, stops: Stops | None = None
    ) -> list[Writing]:
        for prompt in prompts:
            self.prompts += len(self.encoder.prompt(prompt, templated, max_tokens))
            self.answers += max_tokens
        self.most = max(self.most, max_tokens)
        self.texts += prompts
        self.templated = templated
        self.enough()

    def differ(self, questions: Sequence[Question]) -> list:
        return self.read(questions)
