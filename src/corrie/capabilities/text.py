"""Text: how much of what was written would the model have written?"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any, final

from corrie.capabilities.base import ExampleTask, finite_loss
from corrie.capabilities.examples import Target
from corrie.capabilities.likelihood import read_targets, target_question
from corrie.capabilities.prefix import shared_beginning
from corrie.errors import InputError
from corrie.models.reading import Question, Reader, Reading
from corrie.records.cell import Outcome
from corrie.records.task import ExampleCard


@final
class TextTask(ExampleTask[Target]):
    """Running text, or a long solution after its problem; the score is the share of tokens that are the greedy ones.

    score = (1/T) Σ_t [y_t = argmax_v p(v | x, y_<t)], in [0, 1]; loss in nats per token as ever. A whole solution is
    almost never reproduced word for word by any model, so all-or-nothing would see no capability at all; the share
    has a plateau and a cliff. There is no exact chance level: a model that knows nothing still hits the commonest
    token now and then. It is given as 0. The label is *right* only when every token is.

    >>> task = TextTask("story", [Target("1", "", "Once upon a time")], capability="language", source="a doctest")
    >>> print(task)
    story: language by text on 1 examples of a doctest; chance 0
    """

    scoring = "text"
    law = "text-1"

    def __init__(self, name: str, examples: Sequence[Target], *, chat: bool = False, **rest: Any) -> None:
        super().__init__(name, examples, chat=chat, **rest)
        if chat and not all(e.context for e in self.examples):
            raise InputError(
                f"task {name!r} through the chat template",
                found="running text is nobody's turn in a conversation",
                advice="the task without the chat template",
            )

    @cached_property
    def _shared(self) -> str:
        return shared_beginning(e.context for e in self.examples)

    def _score(self, reader: Reader, block: Sequence[Target]) -> tuple[Outcome, ...]:
        readings = read_targets(reader, self.framing, block, self._shared)
        return tuple(map(_outcome, block, readings))

    def right(self, reader: Reader, index: int) -> Question:
        """The text after its context."""
        return target_question(reader, self.framing, self.examples[index])

    def card(self, index: int) -> ExampleCard:
        example = self.examples[index]
        return self._card(example.id, example.context, example.target.strip())


def _outcome(example: Target, reading: Reading) -> Outcome:
    if reading.tokens == 0:
        return Outcome(id=example.id, success=None, label="unscored")
    loss = finite_loss(reading)
    return Outcome(
        id=example.id,
        success=0.0 if loss is None else reading.greedy / reading.tokens,
        loss=loss,
        label="right" if loss is not None and reading.greedy == reading.tokens else "wrong",
        answer=reading.answer,
    )
