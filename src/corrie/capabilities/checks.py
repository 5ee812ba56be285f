"""Checks of what was written: is this the answer?"""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal
from typing import Literal

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


_NUMBER = re.compile(r"(?<![\w.])[-+−]?\$?\d[\d,]*(?:\.\d+)?|(?<![\w.])[-+−]?\.\d+")
_ANNOUNCED = re.compile(r"(?:answer\s*(?:is|:|=)|####|\\boxed\{)", re.IGNORECASE)


def final_number(text: str) -> Decimal | None:
    """The number a text arrives at: the first one after its last "answer is", "answer:", "####" or "\\\\boxed{",
    or where nothing is announced its last one. None if there is no number.

    >>> final_number("16 - 3 - 4 = 9 eggs, 9 * 2 = 18. So the answer is $1,018.50 a day, not 7.")
    Decimal('1018.50')
    >>> final_number("3 apples and 4 pears make 7")
    Decimal('7')
    """
    announced = list(_ANNOUNCED.finditer(text))
    after = _NUMBER.search(text, announced[-1].end()) if announced else None
    found = after or next(iter(list(_NUMBER.finditer(text))[-1:]), None)
    if found is None:
        return None
    return Decimal(found[0].replace(",", "").replace("$", "").replace("−", "-"))


def number(text: str, answer: str) -> bool:
    """The number the text arrives at equals the answer's.

    >>> number("So the answer is 18.0 dollars.", "18"), number("I do not know.", "18")
    (True, False)
    """
    found = final_number(text)
    return found is not None and found == final_number(answer)


def regex(text: str, answer: str) -> bool:
    """The regular expression matches somewhere in the text.

    >>> regex("It is 9:30 now", r"\\b\\d{1,2}:\\d\\d\\b")
    True
    """
    return re.search(answer, text) is not None


CHECKS: dict[CheckKind, Callable[[str, str], bool]] = {
    "exact": exact,
    "contains": contains,
    "number": number,
    "regex": regex,
}
"""Every check by name: (what was written, the answer) → is it right?"""
