"""Questions as token ids: what is given, what is scored."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from corrie.errors import TaskError
from corrie.models.reading import Question
from corrie.records.canonical import content_hash


@dataclass(frozen=True, slots=True)
class Sequenced:
    """One continuation with its context, as tokens: ids[start:] are scored, each given all before it (start ≥ 1)."""

    ids: tuple[int, ...]
    start: int


def common_length(a: Sequence[int], b: Sequence[int]) -> int:
    """Length of the longest common beginning.

    >>> common_length([1, 2, 3], [1, 2, 4])
    2
    """
    length = 0
    for x, y in zip(a, b, strict=False):
        if x != y:
            break
        length += 1
    return length


class Encoder:
    """A tokenizer that remembers: a scan asks the same questions at every point.

    A continuation is encoded together with its context and scored from the first token in which the two encodings
    differ, so that a merge across the border is scored, not lost (the convention of lm-evaluation-harness).
    Running text (an empty context) is scored from its second token, or from its first where the model has a
    beginning-of-text token (or, failing that, an end-of-text token) to put before it.
    """

    def __init__(self, tokenizer: Any, longest: int | None) -> None:
        self.tokenizer = tokenizer
        self.longest = longest
        self._sequenced: dict[Question, tuple[Sequenced, ...]] = {}
        self._texts: dict[tuple[str, bool], tuple[int, ...]] = {}
        ids = tokenizer("a").input_ids
        self._appends_end = len(ids) > 1 and ids[-1] == tokenizer.eos_token_id

    def encode(self, text: str, templated: bool = False) -> tuple[int, ...]:
        """Token ids, with the tokenizer's own beginning-of-text token unless the chat template put it there."""
        known = self._texts.get((text, templated))
        if known is None:
            ids = self.tokenizer(text, add_special_tokens=not templated, verbose=False).input_ids
            if self._appends_end and not templated and ids and ids[-1] == self.tokenizer.eos_token_id:
                ids = ids[:-1]
            known = self._texts[text, templated] = tuple(ids)
        return known

    def question(self, question: Question) -> tuple[Sequenced, ...]:
        """One sequence for each continuation.

        Raises:
            TaskError: nothing to score, or more tokens than the model can take.
        """
        known = self._sequenced.get(question)
        if known is None:
            context = self.encode(question.context, question.templated)
            known = tuple(self._continuation(question, context, c) for c in question.continuations)
            self._sequenced[question] = known
        return known

    def prompt(self, text: str, templated: bool, room: int) -> tuple[int, ...]:
        """A prompt to be continued by up to ``room`` tokens; never empty."""
        ids = self.encode(text, templated) or self._beginning()
        if not ids:
            raise TaskError("an empty prompt", found="a tokenizer without a beginning-of-text token")
        self._fits(len(ids) + room, text)
        return ids

    def _continuation(self, question: Question, context: tuple[int, ...], continuation: str) -> Sequenced:
        whole = tuple(
            self.encode(question.context + continuation, question.templated)
            if question.context
            else self.encode(continuation, question.templated)
        )
        start = common_length(context, whole)
        if start == 0:
            before = self._beginning()
            if whole[: len(before)] == before:
                before = ()
            whole, start = before + whole, 1
        if start >= len(whole):
            raise TaskError(
                f"the continuation {continuation!r}",
                found="no token of its own after its context",
                advice="a continuation with text in it",
            )
        self._fits(len(whole), question.context + continuation)
        return Sequenced(ids=whole, start=start)

    def _beginning(self) -> tuple[int, ...]:
        first = self.tokenizer.bos_token_id
        first = self.tokenizer.eos_token_id if first is None else first
        return () if first is None else (first,)

    def _fits(self, tokens: int, text: str) -> None:
        if self.longest is not None and tokens > self.longest:
            raise TaskError(
                f"an example of {tokens} tokens ({text[:60]!r}…)",
                found=f"the model takes {self.longest} at most",
                advice="shorter examples, fewer few-shot examples, or a smaller token limit",
            )


def tokenizer_fingerprint(tokenizer: Any) -> str:
    """A hash of what turns text into tokens: vocabulary, merges, normalisation, special tokens, chat template."""
    backend = getattr(tokenizer, "backend_tokenizer", None)
    inside = backend.to_str() if backend is not None else sorted(tokenizer.get_vocab().items())
    return content_hash([inside, str(getattr(tokenizer, "chat_template", None)), str(tokenizer.special_tokens_map)])
