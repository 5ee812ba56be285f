"""Choice: which of the options does the model find likeliest? And all that tasks with options share."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Any, final

from corrie.capabilities.base import ExampleTask, finite_loss
from corrie.capabilities.examples import Choice
from corrie.capabilities.prefix import shared_beginning
from corrie.errors import TaskError
from corrie.models.reading import Question, Reader, Reading
from corrie.records.cell import Outcome
from corrie.records.task import ExampleCard


class OptionsTask(ExampleTask[Choice]):
    """Questions with options, of which one is right; what a score is made of their log-likelihoods is the subclass'.

    Chance is the mean of 1/k over the examples (k options each). Usually all options share one context; where they do
    not (the context differs and the continuation is the same: partial evaluation), each is read after its own. The
    label is *right* where the right option is the likeliest, the answer is the likeliest one, the first of equals; the
    loss is that of the right option, nats per token. Where any option's likelihood is not a number the score is 0.
    """

    def __init__(self, name: str, examples: Sequence[Choice], **rest: Any) -> None:
        for example in examples:
            if len(example.options) < 2 or not 0 <= example.gold < len(example.options):
                raise TaskError(
                    f"example {example.id!r} of task {name!r}",
                    found=f"{len(example.options)} options, of which number {example.gold} should be right",
                    advice="two or more options and the index of the right one",
                )
        chance = math.fsum(1 / len(e.options) for e in examples) / max(len(examples), 1)
        super().__init__(name, examples, chance=chance, **rest)

    @cached_property
    def _shared(self) -> str:
        return shared_beginning(o.context for e in self.examples for o in e.options)

    def _score(self, reader: Reader, block: Sequence[Choice]) -> tuple[Outcome, ...]:
        questions = [q for example in block for q in self._questions(reader, example)]
        shared = self.framing.shared(reader, self._shared, (q.context for q in questions))
        readings = (reading for group in reader.read(questions, shared) for reading in group)
        return tuple(self._outcome(example, [next(readings) for _ in example.options]) for example in block)

    def _outcome(self, example: Choice, readings: Sequence[Reading]) -> Outcome:
        """What the readings of an example's options say, in their order."""
        if any(r.tokens == 0 for r in readings):
            return Outcome(id=example.id, success=None, label="unscored")
        likelihoods = [r.log_likelihood for r in readings]
        loss = finite_loss(readings[example.gold])
        if not all(map(math.isfinite, likelihoods)):
            return Outcome(id=example.id, success=0.0, loss=loss, label="wrong")
        chosen = likelihoods.index(max(likelihoods))
        return Outcome(
            id=example.id,
            success=self._success(likelihoods, example.gold),
            loss=loss,
            label="right" if chosen == example.gold else "wrong",
            answer=example.options[chosen].shown,
        )

    @abstractmethod
    def _success(self, likelihoods: Sequence[float], gold: int) -> float:
        """The score, of the options' log-likelihoods (all of them numbers) and the number of the right one."""

    def _questions(self, reader: Reader, example: Choice) -> Iterator[Question]:
        continuations = tuple(self.framing.continuation(o.continuation) for o in example.options)
        if len({o.context for o in example.options}) == 1:
            context = self.framing.context(reader, example.options[0].context)
            yield Question(context, continuations, templated=self.framing.chat)
        else:
            for option, continuation in zip(example.options, continuations, strict=True):
                context = self.framing.context(reader, option.context)
                yield Question(context, (continuation,), templated=self.framing.chat)

    def questions(self, reader: Reader, index: int) -> tuple[Question, ...]:
        """Everything that one example asks: its options after their contexts, in their order."""
        return tuple(self._questions(reader, self.examples[index]))

    def right(self, reader: Reader, index: int) -> Question:
        """The right option after its context."""
        example = self.examples[index]
        gold = example.options[example.gold]
        context = self.framing.context(reader, gold.context)
        return Question(context, (self.framing.continuation(gold.continuation),), templated=self.framing.chat)

    def card(self, index: int) -> ExampleCard:
        example = self.examples[index]
        gold = example.options[example.gold]
        return self._card(example.id, gold.context, gold.shown)


@final
class ChoiceTask(OptionsTask):
    """Multiple choice: success when the right option has the largest summed log-likelihood.

    answer = argmax_k Σ_t log p(y_kt | x_k, y_k,<t), the first of equals.

    >>> from corrie.capabilities.examples import Option
    >>> options = tuple(Option("2 + 2 =", f" {n}", str(n)) for n in (3, 4))
    >>> print(ChoiceTask("sums", [Choice("a", options, gold=1)], capability="math", source="a doctest"))
    sums: math by choice on 1 examples of a doctest; chance 0.5
    """

    scoring = "choice"
    law = "choice-sum-1"

    def _success(self, likelihoods: Sequence[float], gold: int) -> float:
        return float(likelihoods.index(max(likelihoods)) == gold)
