"""Programs that a model writes are run, in a sandbox, and have to pass their tests."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, final

from corrie.capabilities.base import ExampleTask
from corrie.capabilities.collapse import COLLAPSE_LAW, collapse
from corrie.models.reading import Reader, Writing
from corrie.models.stops import Stops
from corrie.records.canonical import content_hash
from corrie.records.cell import Outcome
from corrie.records.task import ExampleCard
from corrie.sandbox import UNSANDBOXED, Program, ProgramVerdict, Sandbox

PROGRAM_LAW = "sandbox-1"
"""Version of how a program meets its tests (:mod:`corrie.sandbox.judge`)."""

_MAX_TOKENS = 512


class Exercise(NamedTuple):
    """A program to be written.

    prompt    what the model continues
    begins    the program's own beginning, before what is written
    tests     see :class:`corrie.sandbox.Program`, as is the rest
    """

    id: str
    prompt: str
    begins: str
    tests: str
    setup: str
    entries: tuple[str, ...]


class Turn(NamedTuple):
    """An exercise in a conversation: what the user asks, and how the assistant's answer begins."""

    asks: str
    begins: str


@final
class ProgramTask(ExampleTask[Exercise]):
    """Greedy writing up to a token limit, cut at the first stop string, run against the exercise's tests. Chance is 0.

    Args:
        stops: the program ends before the first of these.
        max_tokens: the token limit.
        turn: how an exercise is asked through the chat template; by default its prompt is the user's turn.
        sandbox: where programs run; part of no digest, since a verdict is a function of the program. But one without
            walls is: there a program can change what comes after it, so it is another task, whose source says so.

    What came with a logit that is no number, or fails and is endless repetition, is *collapsed*.

    >>> exercises = [Exercise("a", "def double(n):", "def double(n):", "assert double(4) == 8", "", ("double",))]
    >>> print(ProgramTask("doubling", exercises, stops=("\\ndef",), capability="code", source="a doctest"))
    doubling: code by generation on 1 examples of a doctest; chance 0
    """

    scoring = "generation"
    law = f"program-1/{PROGRAM_LAW}/{COLLAPSE_LAW}"

    def __init__(
        self,
        name: str,
        examples: Sequence[Exercise],
        *,
        stops: tuple[str, ...],
        max_tokens: int = _MAX_TOKENS,
        turn: Callable[[Exercise], Turn] | None = None,
        sandbox: Sandbox | None = None,
        **rest: Any,
    ) -> None:
        self._sandbox = sandbox or Sandbox()
        limits = self._sandbox.limits.model_dump(mode="json")
        examples = tuple(examples)
        settings = {"max_tokens": max_tokens, "stops": stops, "limits": limits}
        self._turns = {}
        if turn is not None and rest.get("chat"):  # in no other task's digest: their scores are what they were
            self._turns = {e.id: turn(e) for e in examples}
            settings["turns"] = content_hash(self._turns)
        if self.unsandboxed:
            settings["sandbox"] = UNSANDBOXED
            rest["source"] = f"{rest['source']}, {UNSANDBOXED}"
        super().__init__(name, examples, settings=settings, **rest)
        self._stops, self._max_tokens = Stops(stops), max_tokens
        self._tried = False

    @property
    def unsandboxed(self) -> bool:
        """Whether programs run with the rights of whoever runs corrie."""
        return self._sandbox.walls is None

    def check(self, reader: Reader) -> None:
        """Can this model be asked, and do the sandbox's walls hold? (See the protocol.)

        Raises:
            InputError: no sandbox can be built here (:meth:`corrie.sandbox.Sandbox.check`).
        """
        super().check(reader)
        if not self._tried:
            self._sandbox.check()
            self._tried = True

    def _score(self, reader: Reader, block: Sequence[Exercise]) -> tuple[Outcome, ...]:
        prompts = [self._prompt(reader, e) for e in block]
        writings = reader.write(prompts, self._max_tokens, templated=self.framing.chat, stops=self._stops)
        texts = [self._stops.cut(writing.text) for writing in writings]
        verdicts = self._sandbox.judge_all([program(e, text) for e, text in zip(block, texts, strict=True)])
        return tuple(map(self._outcome, block, writings, texts, verdicts))

    def _prompt(self, reader: Reader, example: Exercise) -> str:
        if example.id not in self._turns:
            return self.framing.context(reader, example.prompt)
        asks, begins = self._turns[example.id]
        return reader.chat(asks) + begins

    @staticmethod
    def _outcome(example: Exercise, writing: Writing, text: str, verdict: ProgramVerdict) -> Outcome:
        if not writing.finite or (not verdict.passed and collapse(text)):
            return Outcome(id=example.id, success=0.0, label="collapsed", answer=text)
        label = "right" if verdict.passed else "wrong"
        return Outcome(id=example.id, success=float(verdict.passed), label=label, answer=text)

    def card(self, index: int) -> ExampleCard:
        example = self.examples[index]
        return self._card(example.id, example.prompt, "a program that passes its tests")


def program(exercise: Exercise, text: str) -> Program:
    """What was written, as a program with its tests."""
    return Program(code=exercise.begins + text, tests=exercise.tests, setup=exercise.setup, entries=exercise.entries)
