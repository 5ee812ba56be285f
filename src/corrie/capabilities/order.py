"""The fixed shuffle of a task's examples."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import TypeVar

from corrie.capabilities.examples import Example

ORDER_LAW = "sha256-1"
"""Version of the shuffle."""

_E = TypeVar("_E", bound=Example)


def fixed_order(examples: Iterable[_E], salt: str) -> list[_E]:
    """The examples in an order that looks random and is the same everywhere, for ever.

    They are sorted by SHA-256 of (law, salt, id). No random generator is involved, an example's place relative to
    another does not depend on which others there are, and the first 40 are among the first 100.

    Args:
        examples: with ids that are unique.
        salt: the benchmark's name, so that two benchmarks with the ids 0, 1, 2, … are shuffled differently. Two
            tasks on the same data (answers chosen, answers written) share it, so they meet the same examples.

    >>> from corrie.capabilities.examples import Target
    >>> numbers = [Target(str(i), "", "text") for i in range(6)]
    >>> [e.id for e in fixed_order(numbers, "demo")]
    ['4', '5', '2', '3', '1', '0']
    >>> [e.id for e in fixed_order(numbers[:4], "demo")]
    ['2', '3', '1', '0']
    """

    def key(example: _E) -> bytes:
        return hashlib.sha256("\0".join((ORDER_LAW, salt, example.id)).encode("utf-8", "surrogatepass")).digest()

    return sorted(examples, key=key)
