"""Likelihood: would the model have said exactly this?"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import final

from corrie.capabilities.base import ExampleTask, finite_loss
from corrie.capabilities.examples import Target
from corrie.capabilities.framing import Framing
from corrie.capabilities.prefix import shared_beginning
from corrie.models.reading import Question, Reader, Reading
from corrie.records.cell import Outcome
from corrie.records.task import ExampleCard


@final
class LikelihoodTask(ExampleTask[Target]):
    """A short target after a context; success when every one of its tokens is the greedy one.

    For a target of tokens y_1 … y_T after context x: success = 1 if y_t = argmax_v p(v | x, y_<t) for all t, else 0;
    loss = −(1/T) Σ_t log p(y_t | x, y_<t), nats per token. That is the outcome of greedy decoding of T tokens,
    read off one forward pass. Chance is 0: a model that knows nothing never says the word. A loss that is not a
    number scores 0 and has no loss.

    >>> task = LikelihoodTask("demo", [Target("a", "The sky is", " blue")], capability="language", source="a doctest")
    >>> print(task)
    demo: language by likelihood on 1 examples of a doctest; chance 0
    """

    scoring = "likelihood"
    law = "likelihood-1"

    @cached_property
    def _shared(self) -> str:
        return shared_beginning(e.context for e in self.examples)

    def _score(self, reader: Reader, block: Sequence[Target]) -> tuple[Outcome, ...]:
        readings = read_targets(reader, self.framing, block, self._shared)
        return tuple(map(_outcome, block, readings))

    def right(self, reader: Reader, index: int) -> Question:
        """The target after its context."""
        return target_question(reader, self.framing, self.examples[index])

    def card(self, index: int) -> ExampleCard:
        example = self.examples[index]
        return self._card(example.id, example.context, example.target.strip())


def read_targets(reader: Reader, framing: Framing, block: Sequence[Target], shared: str) -> list[Reading]:
    """One reading for each target after its context."""
    questions = [target_question(reader, framing, e) for e in block]
    beginning = framing.shared(reader, shared, (q.context for q in questions))
    return [readings[0] for readings in reader.read(questions, beginning)]


def target_question(reader: Reader, framing: Framing, example: Target) -> Question:
    """One target after its context, as the model is asked it."""
    context = framing.context(reader, example.context)
    return Question(context, (framing.continuation(example.target),), templated=framing.chat)


def _outcome(example: Target, reading: Reading) -> Outcome:
    if reading.tokens == 0:
        return Outcome(id=example.id, success=None, label="unscored")
    loss = finite_loss(reading)
    right = loss is not None and reading.greedy == reading.tokens
    return Outcome(
        id=example.id,
        success=float(right),
        loss=loss,
        label="right" if right else "wrong",
        answer=reading.answer,
    )
