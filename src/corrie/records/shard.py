"""One job of an array: every n-th point of a plan that is fixed beforehand (``design/shards.md``)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from corrie.errors import InputError
from corrie.records.scan_spec import Alpha, AlphaGrid

_Thing = TypeVar("_Thing")

FOLDERS = "shard-*-of-*"
"""How the run folders of shards are called, inside the run that they will be."""


@dataclass(frozen=True, slots=True)
class Shard:
    """Share ``number`` (from 0) of ``count``.

    >>> shard = Shard.parse("1/3")
    >>> shard.of(["a", "b", "c", "d", "e"])
    ['b', 'e']
    >>> print(shard, shard.within(Path("runs/x")).name)
    1/3 shard-1-of-3
    """

    number: int
    count: int

    @classmethod
    def parse(cls, text: str) -> Shard:
        """A shard as it is written.

        Raises:
            InputError: not two numbers, or the first is not below the second.

        >>> Shard.parse("3/3")
        Traceback (most recent call last):
        corrie.errors.InputError: shard 3/3: shards are counted from 0. Try: 0/3 to 2/3
        """
        found = re.fullmatch(r"(\d{1,9})/(\d{1,9})", text.strip())
        if found is None or not int(found[2]):
            raise InputError(f"shard {text[:80]!r}", found="not a number and how many there are", advice="0/4")
        number, count = int(found[1]), int(found[2])
        if number >= count:
            advice = f"0/{count} to {count - 1}/{count}" if count > 1 else "0/1"
            raise InputError(f"shard {number}/{count}", found="shards are counted from 0", advice=advice)
        return cls(number, count)

    def refuse_search(self, alpha: Alpha) -> None:
        """Only points that are known beforehand can be dealt out.

        Raises:
            InputError: the step sizes are looked for as the scan goes.
        """
        if not isinstance(alpha, AlphaGrid):
            raise InputError(
                f"shard {self} of a scan without a range of step sizes",
                found="its points are chosen by what was scored before, so they cannot be dealt out beforehand",
                advice="a fixed range, --alpha 0:0.02:11; or no --shard, and an engine with several workers",
            )

    def refuse_anytime(self, failures: int | None) -> None:
        """Only a number of draws can be dealt out.

        Args:
            failures: how many the design of a claim allows; None: it looks at any time.

        Raises:
            InputError: it looks at any time.
        """
        if failures is None:
            raise InputError(
                f"shard {self} of a claim of the design anytime",
                found="each draw is chosen when the ones before it are known, so they cannot be dealt out beforehand",
                advice="--design zero-failure, or no --shard, and an engine with several workers",
            )

    def of(self, things: Sequence[_Thing]) -> Sequence[_Thing]:
        """Every ``count``-th of these, from ``number`` on. The shares of all shards are all of them, each once."""
        return things[self.number :: self.count]

    def within(self, run: Path) -> Path:
        """The folder of this shard's own run: one writer to a folder, whatever file system it lies on."""
        return run / f"shard-{self.number}-of-{self.count}"

    def __str__(self) -> str:
        return f"{self.number}/{self.count}"


def parse_shard(text: str | None) -> Shard | None:
    """A shard, or None where none is asked for.

    Raises:
        InputError: it is not valid.
    """
    return None if text is None else Shard.parse(text)
