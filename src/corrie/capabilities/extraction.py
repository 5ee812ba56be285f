"""Where the answer stands in what was written: the rules by which benchmarks of written answers are scored elsewhere.

*GSM8K* is scored twice by lm-evaluation-harness. Strict: the number behind the words that the worked examples end
with. Flexible: the last number of the text. Both compare as text, without commas, dollar signs and a final full stop,
so "18.0" is not "18" (:mod:`corrie.capabilities.quantity` is our own rule, by value).

*A letter* (MMLU): the first line is the letter, or begins with it, or says that the answer is it.

What is searched has no nested repetition, so time is linear in the text.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Literal

Extraction = Literal["gsm8k-strict", "gsm8k-flexible", "letter"]

EXTRACTION_LAW = "extraction-1"
"""Version of these rules."""

_STRICT = re.compile(r"(?:####|[Tt]he answer is) (-?[0-9.,]+)")
_FLEXIBLE = re.compile(r"-?[$0-9.,]{2,}|-?[0-9]+")

_SAID = re.compile(r"\banswer(?: is)?:? *[*(\"']*([A-Z])\b(?!')", re.IGNORECASE)
_BEGINS = re.compile(r"[*(\"' ]*([A-Z])(?:[.):,*\"]|\s*$)", re.IGNORECASE)


def gsm8k_strict(text: str, answer: str) -> bool:
    """The first number behind ``####`` or ``the answer is`` is the answer's text.

    The harness's pattern for worked examples in words takes a character more behind the number, and loses its last
    digit where the text ends there; this one does not.

    >>> gsm8k_strict("9 * 2 = 18. So the answer is 18.", "18"), gsm8k_strict("9 * 2 = 18", "18")
    (True, False)
    """
    found = _STRICT.search(text)
    return found is not None and _bare(found[1]) == _bare(answer)


def gsm8k_flexible(text: str, answer: str) -> bool:
    """The last number in the text is the answer's text.

    >>> gsm8k_flexible("She earns $1,800 in all", "1800"), gsm8k_flexible("18, not 19", "18")
    (True, False)
    """
    found = _FLEXIBLE.findall(text)
    return bool(found) and _bare(found[-1]) == _bare(answer)


def _bare(number: str) -> str:
    return number.replace(",", "").replace("$", "").removesuffix(".")


def letter(text: str, answer: str) -> bool:
    """The first line with anything on it names this letter.

    >>> letter(" B", "B"), letter("(b) Paris", "B"), letter("The answer is **B**.", "B"), letter("A good one", "A")
    (True, True, True, False)
    """
    line = next((line.strip() for line in text.splitlines() if line.strip()), "")
    found = _BEGINS.match(line) or _SAID.search(line)
    return found is not None and found[1].upper() == answer.upper()


EXTRACTIONS: dict[Extraction, Callable[[str, str], bool]] = {
    "gsm8k-strict": gsm8k_strict,
    "gsm8k-flexible": gsm8k_flexible,
    "letter": letter,
}
"""Every rule by name: (what was written, the answer) → is it right?"""
