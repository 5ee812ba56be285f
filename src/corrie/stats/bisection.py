"""Where a condition stops holding, found by halving, with the answer on the side that holds.

Floating-point roots land on either side of the truth. A limit must not: bisection keeps a point at which the condition
was *seen* to hold, and returns it.
"""

from __future__ import annotations

from collections.abc import Callable


def last_holding(holds: Callable[[float], bool], low: float, high: float) -> float:
    """The largest number found at which ``holds`` is true, for a condition that holds at ``low`` and, as its argument
    grows, stops holding once (or never) before ``high``.

    >>> last_holding(lambda x: x * x <= 2.0, 1.0, 2.0)
    1.414213562373095
    """
    for _ in range(200):
        middle = (low + high) / 2
        if not low < middle < high:
            break
        if holds(middle):
            low = middle
        else:
            high = middle
    return low


def first_count(holds: Callable[[int], bool], least: int) -> int:
    """The smallest whole number from ``least`` on for which ``holds`` is true, for a condition that stays true.

    >>> first_count(lambda n: n * n >= 50, least=0)
    8
    """
    if holds(least):
        return least
    step = 1
    while not holds(least + step):
        step *= 2
    low, high = least + step // 2, least + step
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if holds(middle) else (middle, high)
    return high
