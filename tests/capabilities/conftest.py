"""Readers without a neural network: a character bigram model, and one that says what it is told to."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise

import pytest

from corrie.errors import TaskError
from corrie.models.reading import Question, Reading, Writing
from corrie.models.stops import Stops

TEXT = "the cat sat on the mat. the rat sat on the hat. two and two is four. "
ALPHABET = sorted(set(TEXT + "abcdefghijklmnopqrstuvwxyz <>/:"))


class BigramReader:
    """p(character | the one before), with one added to every count; one character is one token."""

    has_chat_template = True

    def __init__(self) -> None:
        self._counts: dict[str, Counter[str]] = {c: Counter() for c in ALPHABET}
        for before, after in pairwise(TEXT):
            self._counts[before][after] += 1
        self.shared: list[str] = []
        self.asked: list[Question] = []

    def log_p(self, before: str, after: str) -> float:
        counts = self._counts.get(before, Counter())
        return math.log((counts[after] + 1) / (counts.total() + len(ALPHABET)))

    def next(self, before: str) -> str:
        return max(ALPHABET, key=lambda c: self.log_p(before, c))

    def read(self, questions: Sequence[Question], shared: str = "") -> list[tuple[Reading, ...]]:
        self.shared.append(shared)
        self.asked.extend(questions)
        assert all(q.context.startswith(shared) for q in questions)
        return [tuple(self._reading(q.context, c) for c in q.continuations) for q in questions]

    def _reading(self, context: str, continuation: str) -> Reading:
        whole = context + continuation
        places = range(max(len(context), 1), len(whole))
        best = [self.next(whole[i - 1]) for i in places]
        return Reading(
            log_likelihood=math.fsum(self.log_p(whole[i - 1], whole[i]) for i in places),
            tokens=len(places),
            greedy=sum(b == whole[i] for b, i in zip(best, places, strict=True)),
            answer="".join(best),
        )

    def write(
        self, prompts: Sequence[str], max_tokens: int, templated: bool = False, stops: Stops | None = None
    ) -> list[Writing]:
        return [self._writing(prompt, max_tokens) for prompt in prompts]

    def _writing(self, prompt: str, max_tokens: int) -> Writing:
        text = ""
        while len(text) < max_tokens and not text.endswith("."):
            text += self.next((prompt + text)[-1])
        return Writing(text, len(text), text.endswith("."), True)

    def chat(self, request: str) -> str:
        return f"<user>{request}</user><assistant>"


class ScriptedReader:
    """Gives to each continuation the reading, and to each prompt the writing, that a test has written down."""

    def __init__(
        self,
        readings: Mapping[str, Reading] | None = None,
        writings: Mapping[str, Writing] | None = None,
        chat: bool = True,
    ) -> None:
        self._readings, self._writings = readings or {}, writings or {}
        self.has_chat_template = chat
        self.limits: list[int] = []

    def read(self, questions: Sequence[Question], shared: str = "") -> list[tuple[Reading, ...]]:
        return [tuple(self._readings[c] for c in q.continuations) for q in questions]

    def write(
        self, prompts: Sequence[str], max_tokens: int, templated: bool = False, stops: Stops | None = None
    ) -> list[Writing]:
        self.limits.append(max_tokens)
        return [self._writings[p] for p in prompts]

    def chat(self, request: str) -> str:
        if not self.has_chat_template:
            raise TaskError("a chat prompt", found="no template")
        return request


@pytest.fixture
def bigram() -> BigramReader:
    return BigramReader()


@pytest.fixture
def scripted() -> Callable[..., ScriptedReader]:
    return ScriptedReader


@pytest.fixture
def reading() -> Callable[..., Reading]:
    """A reading of so many nats over so many tokens."""
    return lambda log_likelihood, tokens=1, greedy=0, answer="": Reading(log_likelihood, tokens, greedy, answer)


@pytest.fixture
def writing() -> Callable[..., Writing]:
    return lambda text, finite=True: Writing(text, len(text), True, finite)
