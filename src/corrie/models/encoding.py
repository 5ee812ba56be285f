"""Questions as token ids: what is given, what is scored."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from corrie.errors import CorrieError, ModelError, TaskError
from corrie.models.chat_template import TODAY, ChatTemplate, clock_stands
from corrie.models.reading import Question
from corrie.records.canonical import content_hash

_LETTERS = "a0的é"
"""Letters of which every tokenizer knows one."""

_BYTE = re.compile("<0x[0-9A-F]{2}>")
"""How a vocabulary of pieces names a byte that it falls back to."""

_CLEANED = 8
"""Characters at the end of a text that taking spaces away may change: twice the longest of what it looks for."""


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

    Many tokenizers put special tokens around a text ([CLS] … [SEP], a beginning, an end). Those that *begin* it are
    kept, since the model was trained to find them there. Those that *end* it are not: between a prompt and its answer,
    or after a prompt to continue, they say that the text is over, and after an answer they are no part of it.

    A continuation is encoded together with its context and scored from the first token in which the two encodings
    differ, so that a merge across the border is scored, not lost. Running text (an empty context) is scored from its
    second token, or from its first where the model has a beginning-of-text token (or, failing that, an end-of-text
    token) to put before it.

    Questions of lm-evaluation-harness become the tokens that it makes of them, so that its scores are met. Its law for
    a continuation: white space at the end of the context belongs to the continuation, which is scored from the place
    that the context alone would fill (a merge across the border is lost). Its law for running text (``rolling``): every
    token is scored, the first after the beginning-of-text token, even where the text brings one of its own; what the
    model cannot take at once is read in windows that follow each other, each given the token before it, the last one
    as many as fit. (A window holds as many tokens as the model takes; the harness's own hold one more.)

    Args:
        tokenizer: a Hugging Face tokenizer.
        longest: most tokens that the model takes, None: no limit.
        vocabulary: tokens that the model has numbers for; a tokenizer may know more, as long as none of them is met.

    Raises:
        ModelError: a tokenizer that cannot encode.
    """

    def __init__(self, tokenizer: Any, longest: int | None, vocabulary: int | None = None) -> None:
        self.tokenizer = tokenizer
        self.longest = longest
        self.vocabulary = vocabulary
        self.template = ChatTemplate(tokenizer)
        self._sequenced: dict[Question, tuple[Sequenced, ...]] = {}
        self._texts: dict[tuple[str, bool], tuple[int, ...]] = {}
        self._before, self._after = frame(tokenizer)

    def encode(self, text: str, templated: bool = False) -> tuple[int, ...]:
        """Token ids, with the tokenizer's own beginning tokens unless the chat template put them there, and no end.

        Raises:
            TaskError: a token that the model has no row for.
            ModelError: the tokenizer fails.
        """
        known = self._texts.get((text, templated))
        if known is None:
            ids = tokens_of(self.tokenizer, text, special=not templated)
            if not templated:
                ids = ids[: len(ids) - len(self._after)]
                self._warn_of_a_second_beginning(ids)
            self._check_rows(ids, text)
            known = self._texts[text, templated] = ids
        return known

    def decode(self, ids: Sequence[int], *, special: bool) -> str:
        """The text of these tokens, with or without special ones.

        Raises:
            ModelError: the tokenizer fails.
        """
        with _understood("decode", f"{len(ids)} tokens"):
            return self.tokenizer.decode(list(ids), skip_special_tokens=not special)

    def settled(self, ids: Sequence[int]) -> str:
        """The text of these tokens, without special ones, as far as no token that follows can change it.

        What a token that follows can change: bytes that are no character yet (a tokenizer that falls back to bytes
        reads a whole run of them anew), and, where the tokenizer takes spaces before punctuation away, the last few
        characters.

        Raises:
            ModelError: the tokenizer fails.
        """
        kept = len(ids)
        with _understood("name", f"{kept} tokens"):
            while kept and _BYTE.fullmatch(str(self.tokenizer.convert_ids_to_tokens(int(ids[kept - 1])))):
                kept -= 1
        text = self.decode(ids[:kept], special=False).rstrip("\N{REPLACEMENT CHARACTER}")
        cleans = getattr(self.tokenizer, "clean_up_tokenization_spaces", False)
        return text[:-_CLEANED] if cleans else text

    def question(self, question: Question) -> tuple[Sequenced, ...]:
        """One sequence for each continuation.

        Raises:
            TaskError: nothing to score, or more tokens than the model can take.
        """
        known = self._sequenced.get(question)
        if known is None:
            match question.encoding:
                case "corrie":
                    context = self.encode(question.context, question.templated)
                    known = tuple(self._continuation(question, context, c) for c in question.continuations)
                case "harness":
                    known = tuple(self._as_the_harness(question, c) for c in question.continuations)
                case "rolling":
                    known = tuple(window for c in question.continuations for window in self._windows(c))
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
        return self._scored(whole, start, question.context, continuation)

    def _as_the_harness(self, question: Question, continuation: str) -> Sequenced:
        """One continuation by lm-evaluation-harness's law."""
        context = question.context.rstrip()
        continuation = question.context[len(context) :] + continuation
        if context:
            whole = self._harness_encodes(context + continuation, question.templated)
            start = len(self._harness_encodes(context, question.templated))
        else:
            before, after = self._beginning(), self.encode(continuation, True)
            whole = after if after[: len(before)] == before else before + after
            start = 1
        return self._scored(whole, start, context, continuation)

    def _windows(self, text: str) -> Iterator[Sequenced]:
        """Running text by lm-evaluation-harness's law."""
        ids = self._beginning() + self._harness_encodes(text, False)
        step = len(ids) if self.longest is None else self.longest - 1
        if len(ids) < 2 or step < 1:
            raise TaskError(f"the text {_short(text)}", found="no token to score", advice="a text with words in it")
        for start in range(1, len(ids), step):
            stop = min(start + step, len(ids))
            first = max(0, stop - step - 1)
            yield Sequenced(ids=ids[first:stop], start=start - first)

    def _harness_encodes(self, text: str, templated: bool) -> tuple[int, ...]:
        """A text that brings its own beginning gets no second one."""
        before = self._beginning()
        own = bool(before) and text.startswith(self.decode(before, special=True))
        return self.encode(text, templated or own)

    def _scored(self, whole: tuple[int, ...], start: int, context: str, continuation: str) -> Sequenced:
        if not 0 < start < len(whole):
            raise TaskError(
                f"the continuation {continuation!r}",
                found="no token of its own after its context" if start else "no token before it",
                advice="a continuation with text in it" if start else "a tokenizer with a beginning-of-text token",
            )
        self._fits(len(whole), context + continuation)
        return Sequenced(ids=whole, start=start)

    def _beginning(self) -> tuple[int, ...]:
        first = self.tokenizer.bos_token_id
        first = self.tokenizer.eos_token_id if first is None else first
        return () if first is None else (first,)

    def _warn_of_a_second_beginning(self, ids: tuple[int, ...]) -> None:
        before = self._before
        if before and ids[len(before) : 2 * len(before)] == before:
            warnings.warn(
                "a prompt brings its beginning token, and the tokenizer puts another one before it: the model sees two."
                " Leave it out of the task's text",
                stacklevel=4,
            )

    def _check_rows(self, ids: tuple[int, ...], text: str) -> None:
        highest = max(ids, default=0)
        if self.vocabulary is not None and highest >= self.vocabulary:
            with _understood("name", f"token {highest}"):
                token = self.tokenizer.convert_ids_to_tokens(highest)
            raise TaskError(
                f"the text {_short(text)}",
                found=f"its token {token!r} is number {highest}, and the model knows 0 to {self.vocabulary - 1}",
                advice="text without that token, or a checkpoint whose embedding was resized to its tokenizer",
            )

    def _fits(self, tokens: int, text: str) -> None:
        if self.longest is not None and tokens > self.longest:
            raise TaskError(
                f"an example of {tokens} tokens ({_short(text)})",
                found=f"the model takes {self.longest} at most",
                advice="shorter examples, fewer few-shot examples, or a smaller token limit",
            )


def tokens_of(tokenizer: Any, text: str, *, special: bool) -> tuple[int, ...]:
    """What a tokenizer makes of a text, with or without the special tokens it puts around.

    Raises:
        ModelError: it fails, or gives something that is no list of token numbers.
    """
    with _understood("encode", _short(text)):
        ids = tuple(tokenizer(text, add_special_tokens=special, verbose=False).input_ids)
        if not all(isinstance(i, int) and i >= 0 for i in ids):
            raise ValueError("a token without a number")
    return ids


def frame(tokenizer: Any) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The special tokens that a tokenizer begins a text with, and those that it ends one with.

    Read off what it does to one letter that it knows: ids with special tokens = beginning + ids without + end.

    Raises:
        ModelError: it fails.

    >>> from corrie.testing.toy_models import byte_tokenizer
    >>> frame(byte_tokenizer())
    ((), ())
    """
    for letter in _LETTERS:
        whole, plain = (tokens_of(tokenizer, letter, special=special) for special in (True, False))
        for start in range(len(whole) - len(plain) + 1):
            if plain and whole[start : start + len(plain)] == plain:
                return whole[:start], whole[start + len(plain) :]
    return (), ()


def tokenizer_fingerprint(tokenizer: Any) -> str:
    """A hash of what turns text into tokens: vocabulary, merges, normalisation, special tokens, chat template.

    Where corrie's own law changed what a tokenizer or template gives, the law's name goes in as well, so that runs
    of before are not mixed with runs of now; everywhere else the hash is what it was.

    Raises:
        ModelError: the tokenizer fails, or draws at random.
    """
    backend = getattr(tokenizer, "backend_tokenizer", None)
    chance = getattr(getattr(backend, "model", None), "dropout", None)
    if chance:
        raise ModelError(
            "the model's tokenizer",
            found=f"it leaves out merges at random (dropout {chance:g}): the same text is not the same tokens twice",
            advice="a tokenizer.json with dropout null",
        )
    with _understood("write down", "its vocabulary"):
        inside = backend.to_str() if backend is not None else sorted(tokenizer.get_vocab().items())
        parts = [inside, str(getattr(tokenizer, "chat_template", None)), str(tokenizer.special_tokens_map)]
    if clock_stands(tokenizer):
        parts.append(f"clock {TODAY:%Y-%m-%d}")
    _, after = frame(tokenizer)
    if after and after != (tokenizer.eos_token_id,):
        parts.append("no ending tokens")
    return content_hash(parts)


@contextmanager
def _understood(verb: str, what: str) -> Iterator[None]:
    """A tokenizer is a file of somebody's: whatever it raises becomes a ModelError."""
    try:
        yield
    except CorrieError:
        raise
    except BaseException as problem:
        if not isinstance(problem, Exception) and type(problem).__name__ != "PanicException":
            raise  # an interrupt; tokenizers written in Rust raise PanicException, which is no Exception
        words = " ".join(str(problem).split())[:200] or type(problem).__name__
        raise ModelError(
            f"the model's tokenizer, asked to {verb} {what}",
            found=f"it fails: {words}",
            advice="an undamaged tokenizer.json and tokenizer_config.json",
        ) from None


def _short(text: str) -> str:
    return repr(text if len(text) <= 60 else text[:60] + "…")
