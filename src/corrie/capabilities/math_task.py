"""Mathematics that is written out: is the answer it ends with the right one, however it is written?"""

from __future__ import annotations

from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import Any, final

from corrie.capabilities.base import ExampleTask
from corrie.capabilities.collapse import COLLAPSE_LAW, collapse
from corrie.capabilities.examples import Request
from corrie.capabilities.math_judge import MATH_LAW, math_judge
from corrie.capabilities.written_once import write_once
from corrie.models.reading import Reader, Writing
from corrie.models.stops import Stops
from corrie.records.cell import Outcome
from corrie.records.task import ExampleCard

_SHOWN = 120


@final
class MathTask(ExampleTask[Request]):
    """Greedy writing up to a token limit, cut at the first stop string, compared with the worked solution. Chance is 0.

    1/2, 0.5 and its LaTeX are one answer (:mod:`corrie.capabilities.math_judge`). What came with a logit that is no
    number, or is wrong and endless repetition, is *collapsed*.

    Args:
        max_tokens: the token limit.
        stops: the writing ends before the first of these.

    >>> problems = [Request("a", "What is half of one?", r"It is $\\boxed{\\frac{1}{2}}$.")]
    >>> print(MathTask("halves", problems, max_tokens=64, capability="math", source="a doctest"))
    halves: math by generation on 1 examples of a doctest; chance 0
    """

    scoring = "generation"
    law = f"math-1/{MATH_LAW}/{COLLAPSE_LAW}"

    def __init__(
        self, name: str, examples: Sequence[Request], *, max_tokens: int, stops: tuple[str, ...] = (), **rest: Any
    ) -> None:
        settings = {"max_tokens": max_tokens, "stops": stops, "math-verify": _version()}
        super().__init__(name, examples, settings=settings, **rest)
        self._max_tokens, self._stops = max_tokens, Stops(stops)

    def check(self, reader: Reader) -> None:
        """Can this model be asked, and is there what compares? (See the protocol.)

        Raises:
            InputError: math-verify is not installed.
        """
        super().check(reader)
        math_judge().check(f"task {self.identity.name!r}")

    def _score(self, reader: Reader, block: Sequence[Request]) -> tuple[Outcome, ...]:
        prompts = [self.framing.context(reader, e.prompt) for e in block]
        writings = write_once(reader, prompts, self._max_tokens, templated=self.framing.chat, stops=self._stops)
        texts = [self._stops.cut(writing.text) for writing in writings]
        same = math_judge().same((e.answer, text) for e, text in zip(block, texts, strict=True))
        return tuple(map(self._outcome, block, writings, texts, same))

    @staticmethod
    def _outcome(example: Request, writing: Writing, text: str, same: bool) -> Outcome:
        if not writing.finite or (not same and collapse(text)):
            return Outcome(id=example.id, success=0.0, label="collapsed", answer=text)
        return Outcome(id=example.id, success=float(same), label="right" if same else "wrong", answer=text)

    def card(self, index: int) -> ExampleCard:
        example = self.examples[index]
        begins = max(example.answer.rfind("\\boxed"), 0)
        return self._card(example.id, example.prompt, example.answer[begins:][:_SHOWN])


def _version() -> str:
    """Another version may parse another answer, so it is part of the digest."""
    try:
        return version("math-verify")
    except PackageNotFoundError:
        return "not installed"
