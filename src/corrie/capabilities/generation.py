"""Generate and check: let the model write, then look for the answer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, final

from corrie.capabilities.base import ExampleTask
from corrie.capabilities.checks import CHECK_LAW, CHECKS, CheckKind
from corrie.capabilities.collapse import COLLAPSE_LAW, collapse
from corrie.capabilities.examples import Request
from corrie.capabilities.extraction import EXTRACTION_LAW, EXTRACTIONS, Extraction
from corrie.capabilities.quantity import QUANTITY_LAW
from corrie.capabilities.written_once import write_once
from corrie.errors import InputError
from corrie.models.reading import Reader, Writing
from corrie.models.stops import Stops
from corrie.records.cell import Outcome
from corrie.records.task import ExampleCard


@final
class GenerateTask(ExampleTask[Request]):
    """Greedy writing up to a token limit, cut at the first stop string, then checked. Chance is 0.

    Args:
        check: ``exact``, ``contains``, ``number`` or ``regex`` (:mod:`corrie.capabilities.checks`), or a benchmark's
            own rule (:mod:`corrie.capabilities.extraction`).
        max_tokens: the token limit; there is no clock.
        stops: the writing ends before the first of these.

    The text is kept in the outcome. What is empty, not text or endless repetition, or came with a logit that is no
    number, is *collapsed* and scores 0.

    >>> sums = [Request("a", "2 + 2 =", "4")]
    >>> print(GenerateTask("sums", sums, capability="math", source="a doctest", check="number"))
    sums: math by generation on 1 examples of a doctest; chance 0
    """

    scoring = "generation"
    law = f"generation-1/{CHECK_LAW}/{COLLAPSE_LAW}"

    def __init__(
        self,
        name: str,
        examples: Sequence[Request],
        *,
        check: CheckKind | Extraction,
        max_tokens: int = 64,
        stops: tuple[str, ...] = (),
        **rest: Any,
    ) -> None:
        if max_tokens < 1:
            raise InputError(f"max_tokens={max_tokens} of task {name!r}", found="nothing would be written", advice="64")
        settings = {"check": check, "max_tokens": max_tokens, "stops": stops}
        if check == "number":  # in no other task's digest: their scores are what they were
            settings["number"] = QUANTITY_LAW
        if check in EXTRACTIONS:
            settings["extraction"] = EXTRACTION_LAW
        super().__init__(name, examples, settings=settings, **rest)
        self._is_right = {**CHECKS, **EXTRACTIONS}[check]
        self._max_tokens = max_tokens
        self._stops = Stops(stops)

    def _score(self, reader: Reader, block: Sequence[Request]) -> tuple[Outcome, ...]:
        prompts = [self.framing.context(reader, e.prompt) for e in block]
        writings = write_once(reader, prompts, self._max_tokens, templated=self.framing.chat, stops=self._stops)
        return tuple(self._outcome(e, w) for e, w in zip(block, writings, strict=True))

    def _outcome(self, example: Request, writing: Writing) -> Outcome:
        text = self._stops.cut(writing.text)
        if not writing.finite or collapse(text):
            return Outcome(id=example.id, success=0.0, label="collapsed", answer=text)
        right = self._is_right(text, example.answer)
        return Outcome(id=example.id, success=float(right), label="right" if right else "wrong", answer=text)

    def card(self, index: int) -> ExampleCard:
        example = self.examples[index]
        return self._card(example.id, example.prompt, example.answer)
