"""How many tokens a task puts to a model, and how many it may write, without a model being asked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, NoReturn

from corrie.capabilities.task import Task
from corrie.models.encoding import Encoder
from corrie.models.reading import Question, Reading, Writing


class TokenCount(NamedTuple):
    """Of some examples of a task.

    prompts   tokens that are read; a beginning that examples share is counted with each
    answers   tokens that may be written: the limit, for each example
    longest   the limit of one answer
    """

    prompts: int
    answers: int
    longest: int


class Prompts(NamedTuple):
    """What a task writes behind: texts, and whether they came out of the chat template."""

    texts: tuple[str, ...]
    templated: bool


def count_tokens(task: Task, encoder: Encoder, limit: int) -> TokenCount:
    """Tokens of the first examples of a task.

    Raises:
        TaskError, ModelError: an example that does not fit the model.

    >>> from corrie.testing.toy_models import toy_model
    >>> from corrie.testing.toy_tasks import toy_choice
    >>> count_tokens(toy_choice(), toy_model().encoder, 3).answers
    0
    """
    counting = _ask(task, encoder, limit)
    return TokenCount(counting.prompts, counting.answers, counting.longest)


def prompts_of(task: Task, encoder: Encoder, limit: int) -> Prompts:
    """The prompts of the first examples of a task whose answers are written.

    Raises:
        TaskError, ModelError: an example that does not fit the model.
    """
    counting = _ask(task, encoder, limit)
    return Prompts(tuple(counting.texts), counting.templated)


def _ask(task: Task, encoder: Encoder, limit: int) -> _Counting:
    counting = _Counting(encoder)
    for index in range(limit):
        try:
            task.score(counting, index, index + 1)
        except _Counted:
            continue
    return counting


class _Counted(Exception):
    """The example has said what it asks."""


class _Counting:
    """A reader that counts what it would read and write."""

    def __init__(self, encoder: Encoder) -> None:
        self._encoder = encoder
        self.prompts = self.answers = self.longest = 0
        self.texts: list[str] = []
        self.templated = False

    def read(self, questions: Sequence[Question], shared: str = "") -> list[tuple[Reading, ...]]:
        for question in questions:
            self.prompts += sum(len(one.ids) for one in self._encoder.question(question))
        self._enough()

    def write(self, prompts: Sequence[str], max_tokens: int, templated: bool = False) -> list[Writing]:
        for prompt in prompts:
            self.prompts += len(self._encoder.prompt(prompt, templated, max_tokens))
            self.answers += max_tokens
        self.longest = max(self.longest, max_tokens)
        self.texts += prompts
        self.templated = templated
        self._enough()

    def chat(self, request: str) -> str:
        return self._encoder.template.prompt(request)

    @property
    def has_chat_template(self) -> bool:
        return self._encoder.template.there

    def _enough(self) -> NoReturn:
        raise _Counted
