"""A generated program, its tests, and the verdict."""

from __future__ import annotations

from typing import Literal

from corrie.records.canonical import Record

ProgramEnding = Literal[
    "passed", "failed", "raised", "ended", "no_answer", "too_long", "too_slow", "too_large", "waited"
]

ENDINGS: dict[ProgramEnding, str] = {
    "passed": "all tests hold",
    "failed": "a test does not hold",
    "raised": "it raised an error, or a test did with its answer",
    "ended": "it ended before it gave an answer",
    "no_answer": "what it gave is no answer",
    "too_long": "an answer is larger than allowed",
    "too_slow": "it took more processor time than allowed, twice",
    "too_large": "it took more memory than allowed",
    "waited": "it waited instead of computing, twice",
}
"""Every way to end, in words."""


class Program(Record):
    """What a model wrote, and what it has to do.

    code      the whole program
    tests     statements that raise an error where the program is wrong; they call its functions
    setup     what the tests need: imports, helper functions (run where the tests are, never where the program is)
    entries   functions of the program by name, also where the setup has one of that name; names that the tests use and
              nobody defines are the program's as well
    """

    code: str
    tests: str
    setup: str = ""
    entries: tuple[str, ...] = ()


class ProgramVerdict(Record):
    """How it ended.

    >>> print(ProgramVerdict(ending="too_slow"))
    it took more processor time than allowed, twice
    """

    ending: ProgramEnding
    words: str = ""

    @property
    def passed(self) -> bool:
        """Whether every test holds."""
        return self.ending == "passed"

    def __str__(self) -> str:
        return f"{ENDINGS[self.ending]}{f' ({self.words})' if self.words else ''}"
