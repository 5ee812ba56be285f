"""What one example of a benchmark is, for each way of scoring it: plain values, no behaviour."""

from __future__ import annotations

from typing import NamedTuple, Protocol


class Example(Protocol):
    """Anything with an id that is unique in its task."""

    @property
    def id(self) -> str: ...


class Target(NamedTuple):
    """A context and the one right way to go on (an empty context: running text)."""

    id: str
    context: str
    target: str


class Option(NamedTuple):
    """One answer to choose: scored as ``continuation`` after ``context``, shown to people as ``shown``."""

    context: str
    continuation: str
    shown: str


class Choice(NamedTuple):
    """A question with its options; ``options[gold]`` is right."""

    id: str
    options: tuple[Option, ...]
    gold: int


class Request(NamedTuple):
    """Something to be written: the prompt, and what the writing is checked against (empty where there is nothing)."""

    id: str
    prompt: str
    answer: str
