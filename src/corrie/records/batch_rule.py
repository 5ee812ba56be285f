"""How many answers are written together, and how many of these at the same time."""

from __future__ import annotations

import re
from dataclasses import dataclass

from corrie.errors import InputError

_ROOM = 10**8


@dataclass(frozen=True, slots=True)
class BatchRule:
    """The rule by which a run's answers are written (``design/written-batches.md``).

    size    examples written together, in the task's fixed order
    slots   how many of them at the same time, where these are fewer: the others come in as texts end

    >>> print(BatchRule(40), BatchRule(320, 80), BatchRule.parse("80/80"))
    40 320/80 80
    """

    size: int
    slots: int | None = None

    @classmethod
    def of(cls, size: int, slots: int) -> BatchRule:
        """So many together and, if these are fewer, so many at the same time."""
        return cls(size, slots if slots < size else None)

    @classmethod
    def parse(cls, text: str) -> BatchRule:
        """A rule as it is written: ``40``, or ``320/80``.

        Raises:
            InputError: it is not written so.
        """
        found = re.fullmatch(r"(\d{1,8})(?:/(\d{1,8}))?", text, re.ASCII)
        size, slots = (int(found[1]), int(found[2] or found[1])) if found else (0, 0)
        if not (0 < size < _ROOM and slots > 0):
            raise InputError(f"batch {text[:80]!r}", found="not a number of examples", advice="auto, 40, or 320/80")
        return cls.of(size, slots)

    @property
    def at_once(self) -> int:
        """How many are in memory at the same time."""
        return self.slots or self.size

    @property
    def words(self) -> str:
        """For people.

        >>> BatchRule(40).words, BatchRule(320, 80).words
        ('40 at a time', '80 at a time, 320 in one queue')
        """
        return f"{self.at_once} at a time" + ("" if self.slots is None else f", {self.size} in one queue")

    def __str__(self) -> str:
        """As it is written."""
        return str(self.size) if self.slots is None else f"{self.size}/{self.slots}"
