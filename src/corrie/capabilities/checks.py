"""Checks of what was written: is this the answer?"""

from __future__ import annotations

import re
from collections.abc import Callable
from fractions import Fraction
from functools import lru_cache
from typing import Literal

from corrie.capabilities.linear_search import LinearSearch
from corrie.capabilities.quantity import final_quantity

CheckKind = Literal["exact", "contains", "number", "regex"]

CHECK_LAW = "check-1"
"""Version of these checks."""


def exact(text: str, answer: str) -> bool:
    """The first line with anything on it is the answer; case, outer white space and a final full stop aside.

    An answer of several lines is compared with as many.

    >>> exact("\\nParis.\\n\\nParis is the capital of", "paris")
    True
    >>> exact("It is Paris", "Paris")
    False
    """
    wanted = _lines(answer)
    return _lines(text)[: len(wanted)] == wanted


def _lines(text: str) -> list[str]:
    return [line.strip().casefold().rstrip(".") for line in text.splitlines() if line.strip()]


def contains(text: str, answer: str) -> bool:
    """The answer occurs somewhere, case aside, and not as part of a longer word or number.

    >>> contains("The capital is Paris, of course.", "paris"), contains("a comparison", "paris")
    (True, False)
    """
    wanted = re.escape(" ".join(answer.split()).casefold())
    before = r"(?<!\w)" if answer.strip()[:1].isalnum() else ""
    after = r"(?!\w)" if answer.strip()[-1:].isalnum() else ""
    return re.search(before + wanted + after, " ".join(text.split()).casefold()) is not None


def final_number(text: str) -> Fraction | tuple[Fraction, ...] | None:
    """The number a text arrives at (:func:`corrie.capabilities.quantity.final_quantity`), a clock or date as its parts.
    None if there is none.

    >>> final_number("3 apples and 4 pears make 7"), final_number("It was 9:45.")
    (Fraction(7, 1), (Fraction(9, 1), Fraction(45, 1)))
    """
    found = final_quantity(text)
    if found is None:
        return None
    return found.written[0] if found.kind == "number" else found.written


def number(text: str, answer: str) -> bool:
    """The quantity the text arrives at is the answer's: numbers, fractions, percentages, clocks and dates, by the law
    of :mod:`corrie.capabilities.quantity`.

    >>> number("So the answer is 18.0 dollars.", "18"), number("It is 6/16.", "3/8"), number("At 9:45.", "10:45")
    (True, True, False)
    >>> number("I do not know.", "18")
    False
    """
    found, wanted = final_quantity(text), final_quantity(answer)
    return found is not None and wanted is not None and found.same(wanted)


def regex(text: str, answer: str) -> bool:
    """The regular expression matches somewhere in the text (:mod:`corrie.capabilities.linear_search`).

    Raises:
        InputError: no regular expression, or one that cannot be searched in linear time.

    >>> regex("It is 9:30 now", r"\\b\\d{1,2}:\\d\\d\\b")
    True
    """
    return _search(answer)(text)


_search = lru_cache(maxsize=4096)(LinearSearch)


CHECKS: dict[CheckKind, Callable[[str, str], bool]] = {
    "exact": exact,
    "contains": contains,
    "number": number,
    "regex": regex,
}
"""Every check by name: (what was written, the answer) → is it right?"""
