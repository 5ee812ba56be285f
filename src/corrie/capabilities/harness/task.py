"""Tasks whose documents and judgement are lm-evaluation-harness's, and whose answers come from corrie's engines."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, final

from corrie.capabilities.base import ExampleTask
from corrie.capabilities.collapse import COLLAPSE_LAW, collapse
from corrie.capabilities.harness.documents import HarnessExample
from corrie.capabilities.harness.judge import HarnessJudge
from corrie.capabilities.harness.standing import standing
from corrie.capabilities.prefix import shared_beginning
from corrie.errors import InputError
from corrie.models.reading import Question, Reader, Reading, Writing
from corrie.models.stops import Stops
from corrie.records.cell import Outcome
from corrie.records.task import ExampleCard

if TYPE_CHECKING:
    from lm_eval.api.instance import Instance


class HarnessTask(ExampleTask[HarnessExample]):
    """A task or group of lm-evaluation-harness. Its subclasses are final: one for each way of asking.

    The documents, their prompts and few-shot examples, what is done with an answer and its score are the harness's own,
    at its default settings; the requests are tokens by its law (:class:`corrie.models.encoding.Encoder`). So on the
    same weights the mean score is that of ``lm_eval`` with its ``hf`` model. What differs, by corrie's laws: documents
    come in corrie's fixed order, a document that the model cannot take is refused (the harness cuts its beginning off),
    weights whose numbers are no numbers score 0, and an answer that the metric raises an error at is unscored.

    Args:
        judges: by member, who scores.
        instances: by example, the harness's own requests.
        again: makes the same task in another process.
    """

    law = f"harness-1/{COLLAPSE_LAW}"

    def __init__(
        self,
        name: str,
        examples: Sequence[HarnessExample],
        *,
        judges: Mapping[str, HarnessJudge],
        instances: Mapping[str, tuple[Instance, ...]],
        again: tuple[Callable[..., Any], tuple[Any, ...]],
        **rest: Any,
    ) -> None:
        super().__init__(name, examples, **rest)
        self._judges, self._instances, self._again = judges, instances, again

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        """Another process asks its own harness for the same task: task code and data sets do not travel."""
        return self._again

    def _score(self, reader: Reader, block: Sequence[HarnessExample]) -> tuple[Outcome, ...]:
        answers = self._answers(reader, block)
        with standing():
            return tuple(self._outcome(e, a) for e, a in zip(block, answers, strict=True))

    @abstractmethod
    def _answers(self, reader: Reader, block: Sequence[HarnessExample]) -> list[Any]:
        """What the model says to each example."""

    @abstractmethod
    def _outcome(self, example: HarnessExample, answer: Any) -> Outcome: ...

    def _judged(self, example: HarnessExample, answers: Sequence[Any]) -> float | None:
        return self._judges[example.member].score(self._instances[example.id], answers)

    def card(self, index: int) -> ExampleCard:
        example = self.examples[index]
        request = example.requests[example.gold[0] if example.gold else 0]
        return self._card(example.id, request[0], example.target)


class _LikelihoodsTask(HarnessTask):
    """Continuations after contexts, each with its log-likelihood and whether it is what the model would have said."""

    @cached_property
    def _shared(self) -> str:
        return shared_beginning(r[0] for e in self.examples for r in e.requests if r[0])

    def _answers(self, reader: Reader, block: Sequence[HarnessExample]) -> list[list[Reading]]:
        asked = [self._questions(reader, e) for e in block]
        questions = [question for one in asked for question, _ in one]
        shared = self.framing.shared(reader, self._shared, (q.context for q in questions))
        if not all(q.context.startswith(shared) for q in questions):
            shared = ""  # a question without a context, for a normalisation
        found = iter(reader.read(questions, shared))
        return [self._in_order(one, [next(found) for _ in one]) for one in asked]

    def _questions(self, reader: Reader, example: HarnessExample) -> list[tuple[Question, list[int]]]:
        """What an example asks, the requests of one context together, each with its requests' places."""
        places: dict[str, list[int]] = {}
        for place, (context, _) in enumerate(example.requests):
            places.setdefault(context, []).append(place)
        return [(self._question(reader, example, context, those), those) for context, those in places.items()]

    def _question(self, reader: Reader, example: HarnessExample, context: str, places: Sequence[int]) -> Question:
        continuations = tuple(example.requests[place][1] for place in places)
        if not context:
            return Question("", continuations, encoding="harness")
        return Question(
            self.framing.context(reader, context),
            tuple(map(self.framing.continuation, continuations)),
            templated=self.framing.chat,
            encoding="harness",
        )

    @staticmethod
    def _in_order(asked: list[tuple[Question, list[int]]], found: list[tuple[Reading, ...]]) -> list[Reading]:
        by_place = {
            place: reading
            for (_, places), readings in zip(asked, found, strict=True)
            for place, reading in zip(places, readings, strict=True)
        }
        return [by_place[place] for place in range(len(by_place))]

    def _outcome(self, example: HarnessExample, answer: list[Reading]) -> Outcome:
        losses = [answer[i].loss for i in example.gold if math.isfinite(answer[i].log_likelihood)]
        loss = min(losses, default=None)
        if not all(math.isfinite(r.log_likelihood) for r in answer):
            return Outcome(id=example.id, success=0.0, loss=loss, label="wrong")
        score = self._judged(example, [(r.log_likelihood, r.greedy == r.tokens) for r in answer])
        return _scored(example, score, loss, self._said(example, answer))

    @abstractmethod
    def _said(self, example: HarnessExample, answer: list[Reading]) -> str:
        """What the model said."""

    def right(self, reader: Reader, index: int) -> Question:
        """The right continuations after their context.

        Raises:
            TaskError: the task does not say which they are, or they stand after different contexts.
        """
        example = self.examples[index]
        contexts = {example.requests[i][0] for i in example.gold}
        if len(contexts) != 1:
            return super().right(reader, index)
        return self._question(reader, example, contexts.pop(), example.gold)


@final
class HarnessChoice(_LikelihoodsTask):
    """Several continuations: the harness's ``multiple_choice``, scored by ``acc``, ``acc_norm`` and the like."""

    scoring = "choice"

    def _said(self, example: HarnessExample, answer: list[Reading]) -> str:
        likeliest = max(range(len(answer)), key=lambda place: answer[place].log_likelihood)
        return example.requests[likeliest][1].strip()


@final
class HarnessLikelihood(_LikelihoodsTask):
    """One continuation: the harness's ``loglikelihood``."""

    scoring = "likelihood"

    def _said(self, example: HarnessExample, answer: list[Reading]) -> str:
        return answer[0].answer


@final
class HarnessText(HarnessTask):
    """Running text: the harness's ``loglikelihood_rolling``, where its score is a mean of numbers from 0 to 1."""

    scoring = "text"

    def __init__(self, name: str, examples: Sequence[HarnessExample], *, chat: bool = False, **rest: Any) -> None:
        if chat:
            raise InputError(
                f"task {name!r} through the chat template",
                found="running text is nobody's turn in a conversation",
                advice="the task without the chat template",
            )
        super().__init__(name, examples, **rest)

    def _answers(self, reader: Reader, block: Sequence[HarnessExample]) -> list[tuple[Reading, ...]]:
        return reader.read([self._question(e) for e in block])

    @staticmethod
    def _question(example: HarnessExample) -> Question:
        return Question("", example.requests[0], encoding="rolling")

    def _outcome(self, example: HarnessExample, answer: tuple[Reading, ...]) -> Outcome:
        total = math.fsum(window.log_likelihood for window in answer)
        if not math.isfinite(total):
            return Outcome(id=example.id, success=0.0, label="wrong")
        loss = -total / sum(window.tokens for window in answer)
        return _scored(example, self._judged(example, [total]), loss, "")

    def right(self, reader: Reader, index: int) -> Question:
        """The text."""
        return self._question(self.examples[index])


@final
class HarnessWriting(HarnessTask):
    """An answer that is written, greedily, and ends before the first stop string: the harness's ``generate_until``.

    An answer that is worth nothing and is empty, no text or endless repetition is labelled *collapsed*; one that the
    metric finds right stays right.
    """

    scoring = "generation"

    def _answers(self, reader: Reader, block: Sequence[HarnessExample]) -> list[Writing]:
        limits = dict.fromkeys(e.tokens for e in block)
        found: dict[str, Writing] = {}
        for limit in limits:
            those = [e for e in block if e.tokens == limit]
            prompts = [self.framing.context(reader, e.requests[0][0]) for e in those]
            alike = len({e.stops for e in those}) == 1  # who is written with whom does not depend on stop strings
            stops = _stops(those[0]) if alike else None
            writings = reader.write(prompts, limit, templated=self.framing.chat, stops=stops)
            found |= {e.id: w for e, w in zip(those, writings, strict=True)}
        return [found[e.id] for e in block]

    def _outcome(self, example: HarnessExample, answer: Writing) -> Outcome:
        text = _stops(example).cut(answer.text)
        if not answer.finite:
            return Outcome(id=example.id, success=0.0, label="collapsed", answer=text)
        score = self._judged(example, [text])
        if score == 0 and collapse(text):
            return Outcome(id=example.id, success=0.0, label="collapsed", answer=text)
        return _scored(example, score, None, text)


HARNESS_TASKS: dict[str, type[HarnessTask]] = {
    "choice": HarnessChoice,
    "likelihood": HarnessLikelihood,
    "text": HarnessText,
    "generation": HarnessWriting,
}


def _scored(example: HarnessExample, score: float | None, loss: float | None, answer: str) -> Outcome:
    if score is None:
        return Outcome(id=example.id, success=None, loss=loss, label="unscored", answer=answer)
    return Outcome(id=example.id, success=score, loss=loss, label="right" if score == 1 else "wrong", answer=answer)


def _stops(example: HarnessExample) -> Stops:
    """As the harness cuts: wherever a string stands, before the first word as well."""
    return Stops(example.stops, inside=False)
