"""The text that all contexts of a task begin with: the worked examples before each question."""

from __future__ import annotations

from collections.abc import Iterable


def shared_beginning(contexts: Iterable[str]) -> str:
    """The longest common beginning, cut back to the end of its last paragraph (or line).

    A reader computes it once for all examples. It ends at a blank line, or at a line's end where there is none, so
    that the words of the question stay whole; and it leaves at least one character to every context. It is a
    saving only: scores do not depend on it.

    >>> shared_beginning(["Q: 1+1?\\nA: 2\\n\\nQ: 2+2?\\nA:", "Q: 1+1?\\nA: 2\\n\\nQ: 3+3?\\nA:"])
    'Q: 1+1?\\nA: 2\\n\\n'
    >>> shared_beginning(["The cat", "The dog"])
    ''
    """
    lowest = highest = shortest = None
    for context in contexts:
        lowest = context if lowest is None or context < lowest else lowest
        highest = context if highest is None or context > highest else highest
        shortest = len(context) if shortest is None else min(shortest, len(context))
    if lowest is None or highest is None or not shortest:
        return ""
    # What the first and the last in sorted order share, all between them share.
    common = common_beginning(lowest, highest)[: shortest - 1]
    for end in ("\n\n", "\n"):
        cut = common.rfind(end)
        if cut >= 0:
            return common[: cut + len(end)]
    return ""


def common_beginning(a: str, b: str) -> str:
    """The longest common beginning of two texts.

    >>> common_beginning("basin", "basis")
    'basi'
    """
    room = min(len(a), len(b))
    return a[: next((i for i in range(room) if a[i] != b[i]), room)]
