"""What all of corrie's own tasks share: examples in their fixed order, an identity with a digest, blocks."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from typing import Any, ClassVar, Generic, TypeVar

from corrie.capabilities.examples import Example
from corrie.capabilities.framing import FRAMING_LAW, Framing
from corrie.errors import InputError, TaskError
from corrie.models.reading import Question, Reader, Reading
from corrie.records.canonical import content_hash
from corrie.records.cell import Outcome
from corrie.records.scoring import Scoring
from corrie.records.task import ExampleCard, TaskIdentity

_E = TypeVar("_E", bound=Example)

_CARD_LENGTH = 600
"""Characters of a prompt that a card keeps, from its end."""


class ExampleTask(ABC, Generic[_E]):
    """A task over a list of examples. Its subclasses are final: one for each way of scoring.

    Args:
        name: what the user calls it.
        examples: in their fixed order (:func:`corrie.capabilities.order.fixed_order`), ids unique.
        capability: what is measured.
        source: where the data come from.
        chance: the score of a model that knows nothing.
        chat: ask through the model's chat template.
        sensitive: the prompts are harmful requests, used but not shown.
        settings: everything else that can change a score; part of the digest.

    Raises:
        InputError: no examples.
        TaskError: two examples of one id.
    """

    scoring: ClassVar[Scoring]
    law: ClassVar[str]
    """Version of the scoring code: part of the digest, raised whenever the same data could score differently."""

    def __init__(
        self,
        name: str,
        examples: Iterable[_E],
        *,
        capability: str,
        source: str,
        chance: float = 0.0,
        chat: bool = False,
        sensitive: bool = False,
        settings: dict[str, Any] | None = None,
    ) -> None:
        self.examples: tuple[_E, ...] = tuple(examples)
        self.framing = Framing(chat)
        if not self.examples:
            raise InputError(f"task {name!r}", found="zero examples", advice="a benchmark with examples in it")
        _check_ids(name, self.examples)
        self._identity = TaskIdentity(
            name=name,
            capability=capability,
            source=source,
            scoring=self.scoring,
            chance=chance,
            size=len(self.examples),
            digest=content_hash(
                {
                    "law": self.law,
                    "framing": FRAMING_LAW if chat else None,
                    "settings": settings or {},
                    "examples": self.examples,
                }
            ),
            sensitive=sensitive,
        )

    @property
    def identity(self) -> TaskIdentity:
        return self._identity

    def check(self, reader: Reader) -> None:
        """Can this model be asked? (See the protocol.)"""
        self.framing.check(reader, self.identity.name)

    def score(self, reader: Reader, start: int, stop: int) -> tuple[Outcome, ...]:
        """Outcomes of examples start … stop−1, scored as one batch. (See the protocol.)

        Raises:
            InputError: an empty or impossible block.
            TaskError: the model cannot be asked.
        """
        if not 0 <= start < min(stop, len(self.examples)):
            raise InputError(
                f"examples {start} to {stop} of task {self.identity.name!r}",
                found=f"there is no such block in {len(self.examples)} examples",
                advice=f"0 to {len(self.examples)}",
            )
        self.check(reader)
        return self._score(reader, self.examples[start:stop])

    @abstractmethod
    def _score(self, reader: Reader, block: Sequence[_E]) -> tuple[Outcome, ...]: ...

    def right(self, reader: Reader, index: int) -> Question:
        """The right continuations of one example: its loss is that of the likeliest of them, nats per token.

        Raises:
            TaskError: nothing is right by itself: what the model writes is judged.
        """
        raise TaskError(
            f"the gradient of task {self.identity.name!r}",
            found="what the model writes is judged, and a judgement has no gradient",
            advice="a task with a loss: likelihood, choice or text, such as knowledge",
        )

    @abstractmethod
    def card(self, index: int) -> ExampleCard:
        """What a report may show of one example."""

    def _card(self, id: str, prompt: str, target: str) -> ExampleCard:
        if self.identity.sensitive:
            return ExampleCard(id=id, prompt="(a harmful request, not shown)", target=target)
        short = prompt if len(prompt) <= _CARD_LENGTH else "…" + prompt[-_CARD_LENGTH:]
        return ExampleCard(id=id, prompt=short, target=target)

    def __str__(self) -> str:
        i = self.identity
        chat = ", through the chat template" if self.framing.chat else ""
        return (
            f"{i.name}: {i.capability} by {i.scoring} on {i.size} examples of {i.source}{chat}; chance {i.chance:.3g}"
        )

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self}>"


def finite_loss(reading: Reading) -> float | None:
    """Nats per token, or None where the model's numbers are no numbers (or there is no token).

    >>> finite_loss(Reading(log_likelihood=-3.0, tokens=2, greedy=0, answer=""))
    1.5
    >>> finite_loss(Reading(log_likelihood=float("nan"), tokens=2, greedy=0, answer="")) is None
    True
    """
    if reading.tokens == 0 or not math.isfinite(reading.log_likelihood):
        return None
    return reading.loss


def _check_ids(name: str, examples: Sequence[Example]) -> None:
    seen: set[str] = set()
    for example in examples:
        if example.id in seen:
            raise TaskError(f"task {name!r}", found=f"the id {example.id!r} twice", advice="an id of its own for each")
        seen.add(example.id)
