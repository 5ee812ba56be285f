"""What a model is asked and what it says: the values that pass between tasks and a reader of weights."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol, runtime_checkable

from corrie.models.stops import Stops

if TYPE_CHECKING:
    from corrie.models.reference import Divergence

Encoding = Literal["corrie", "harness", "rolling"]
"""By which law a question becomes tokens (:class:`corrie.models.encoding.Encoder`): corrie's own, or that by which
lm-evaluation-harness asks for the likelihood of a continuation, or of running text."""


@dataclass(frozen=True, slots=True)
class Question:
    """A context and the texts that might continue it.

    context         what comes before (may be empty: running text)
    continuations   each is scored given the context
    templated       the context came out of the chat template and holds its special tokens already
    encoding        the law by which it becomes tokens; by ``rolling`` a long text has several readings, one a window
    """

    context: str
    continuations: tuple[str, ...]
    templated: bool = False
    encoding: Encoding = "corrie"


@dataclass(frozen=True, slots=True)
class Reading:
    """How likely one continuation is.

    log_likelihood   sum over its tokens, nats (−inf never: NaN logits give NaN)
    tokens           how many tokens were scored
    greedy           how many of them are the most likely token at their place
    answer           the most likely token at each place, decoded: what the model would have said
    """

    log_likelihood: float
    tokens: int
    greedy: int
    answer: str

    @property
    def loss(self) -> float:
        """Mean negative log-likelihood, nats per token."""
        return -self.log_likelihood / self.tokens


@dataclass(frozen=True, slots=True)
class Writing:
    """What a model writes, greedily.

    text      decoded, without special tokens
    tokens    how many it wrote
    ended     it stopped before the token limit: by itself, or at a stop string
    finite    every logit on the way was a number
    """

    text: str
    tokens: int
    ended: bool
    finite: bool


class Reader(Protocol):
    """A model's present weights, ready to be asked. One reader serves one point: it may keep keys and values
    of shared prefixes, and is thrown away when the weights move."""

    def read(self, questions: Sequence[Question], shared: str = "") -> list[tuple[Reading, ...]]:
        """One reading for each continuation of each question. ``shared``: text that every context begins with
        (few-shot examples), computed once for all calls of this reader."""
        ...

    def write(
        self, prompts: Sequence[str], max_tokens: int, templated: bool = False, stops: Stops | None = None
    ) -> list[Writing]:
        """Greedy continuations. With ``stops`` one may end as soon as it is known where it will be cut: the text is not
        cut, but what :meth:`corrie.models.stops.Stops.cut` makes of it is what it makes of the whole."""
        ...

    def chat(self, request: str) -> str:
        """The request as a prompt through the model's chat template. TaskError where it has none."""
        ...

    @property
    def has_chat_template(self) -> bool: ...


@runtime_checkable
class Queueing(Protocol):
    """A reader that can be asked to write more than memory holds.

    slots   how many of the prompts of a call are written at the same time; the others wait in their order, and come in
            as texts end. None: all of them
    """

    slots: int | None


@contextmanager
def queued(reader: Reader, slots: int | None) -> Iterator[None]:
    """Within the block a reader writes so many at a time. One that has no such limit has a queue of its own.

    >>> from corrie.testing.toy_models import toy_model
    >>> reader = toy_model().reader()
    >>> with queued(reader, 8):
    ...     reader.slots
    8
    """
    if not isinstance(reader, Queueing):
        yield
        return
    before, reader.slots = reader.slots, slots
    try:
        yield
    finally:
        reader.slots = before


@runtime_checkable
class Comparer(Reader, Protocol):
    """A reader that can also say how far the present weights are from the unmoved ones."""

    def remember(self, questions: Sequence[Question]) -> None:
        """Keep what the model says of these: asked before its weights are moved, and only then. Readers that are
        taken later from the same model compare with it. TaskError where it is too much to keep."""
        ...

    def differ(self, questions: Sequence[Question]) -> list[tuple[Divergence, ...]]:
        """One divergence for each continuation of each question. TaskError where nothing was remembered."""
        ...
