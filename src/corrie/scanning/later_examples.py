"""The examples of a task that follow those that are certified: whatever is chosen by looking is chosen on these."""

from __future__ import annotations


def first_later(limit: int, block: int) -> int:
    """The first example of the first block after those that hold the first ``limit`` examples.

    >>> first_later(25, 10), first_later(30, 10)
    (30, 30)
    """
    return -(-limit // block) * block
