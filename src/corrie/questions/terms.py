"""The terms that several kinds of question share: each means the same everywhere, and is checked by one rule.

Rules that need the floors below load them when they are used: the help of every command is made of these terms.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Annotated, Literal

from corrie.errors import InputError
from corrie.questions.term import Term
from corrie.records.batch_rule import BatchRule
from corrie.records.rules import check_block, check_retention, check_sigma, check_tolerance

CHOSEN: Literal["auto"] = "auto"
"""Of σ: the largest that hardly costs any score; of a batch: as many as limits and memory allow."""


def check_sigma_or_auto(sigma: float | Literal["auto"]) -> None:
    """σ is above 0 and finite, or to be chosen."""
    if sigma != CHOSEN:
        check_sigma(sigma, "0.4, say, or auto")


def read_sigma(text: str) -> float | Literal["auto"]:
    """A number, or ``auto``.

    >>> read_sigma("0.4"), read_sigma("auto")
    (0.4, 'auto')
    """
    if text == CHOSEN:
        return CHOSEN
    try:
        return float(text)
    except ValueError:
        raise InputError(f"sigma {text!r}", found="no number", advice="0.4, say, or auto") from None


def check_retain(retain: float) -> None:
    """A share of the score above chance, in (0, 1]."""
    if not 0 < retain <= 1:
        raise InputError(f"retain {retain:g}", found="no share of the score above chance", advice="0.8")


def check_ratio(ratio: float) -> None:
    """r/σ: from 0 on, and finite."""
    if not (math.isfinite(ratio) and ratio >= 0):
        raise InputError(f"ratio {ratio:g}", found="no r/σ", advice="1")


def check_seeds(first: int) -> None:
    """A first seed with room above it."""
    if not 0 <= first < 2**62:
        raise InputError(f"seeds from {first}", found="no seed, or no room above it", advice="a number from 0 on")


def check_confidence(confidence: float) -> None:
    """Strictly between 0 and 1."""
    from corrie.stats.arguments import error_of

    error_of(confidence)


def check_subspace(text: str) -> None:
    """One that :func:`corrie.records.subspace.parse_subspace` reads; or a subspace itself."""
    from corrie.records.subspace import parse_subspace

    if isinstance(text, str):
        parse_subspace(text)


def check_shard(text: str) -> None:
    """One of so many."""
    from corrie.records.shard import Shard

    Shard.parse(text)


def counts(what: str, least: int = 1) -> Callable[[int], None]:
    """The check of a number of things.

    >>> counts("selection draws", 2)(1)
    Traceback (most recent call last):
    ...
    corrie.errors.InputError: 1 selection draws: there must be 2 or more. Try: a larger number
    """

    def check(count: int) -> None:
        from corrie.records.fraction_spec import ROOM

        if count < least:
            raise InputError(f"{count} {what}", found=f"there must be {least} or more", advice="a larger number")
        if count > ROOM:
            raise InputError(f"{count} {what}", found=f"there is room for {ROOM:,}", advice="a smaller number")

    return check


def read_duration(text: str) -> float:
    """Seconds in ``90s``, ``10m``, ``2h`` or a bare number of seconds.

    >>> read_duration("10m")
    600.0
    """
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(s|m|h|)", text.strip())
    if not found or float(found[1]) <= 0:
        raise InputError(f"budget {text!r}", found="no length of time", advice="90s, 10m or 2h")
    return float(found[1]) * {"s": 1, "": 1, "m": 60, "h": 3600}[found[2]]


def parse_batch(text: str) -> int | BatchRule | Literal["auto"]:
    """``auto``, or how many examples, or also how many of them at the same time.

    Raises:
        InputError: none of these.

    >>> parse_batch("auto"), parse_batch("40"), parse_batch("320/80")
    ('auto', 40, BatchRule(size=320, slots=80))
    """
    if text == CHOSEN:
        return CHOSEN
    rule = BatchRule.parse(text)
    return rule.size if rule.slots is None else rule


BlockSize = Annotated[int, Term("Examples scored together. Part of a run's identity.", check_block)]
Confidence = Annotated[float, Term("With which all bounds hold together.", check_confidence)]
SigmaOrAuto = Annotated[
    float | Literal["auto"],
    Term("Noise per coordinate; or auto: the largest that hardly costs any score.", check_sigma_or_auto, read_sigma),
]
CertifyingDraws = Annotated[int, Term("Certifying draws. Selection draws are extra.", counts("certifying draws"))]
Retain = Annotated[float, Term("Share of the smoothed score above chance whose radius is stated.", check_retain)]
Exact = Annotated[
    bool, Term("Noise and weight change on a lattice, so that every sum is exact. --no-exact assumes it.")
]
SelectionDraws = Annotated[int, Term("Draws that the thresholds are chosen on.", counts("selection draws", 2))]
Thresholds = Annotated[int, Term("Thresholds a task may have.", counts("thresholds"))]
Rows = Annotated[int, Term("Draws run as one batch, where the subspace allows it.", counts("rows"))]
SharedOut = Annotated[
    str | None,
    Term(
        "I/N, such as 0/4: one job of an array. Every N-th point, into RUN/shard-I-of-N; then corrie merge RUN.",
        check_shard,
    ),
]
Retention = Annotated[float, Term("Share of the score above chance that counts as kept.", check_retention)]
Budget = Annotated[float | None, Term("Time to spend where it tells most: 90s, 10m, 2h.", read=read_duration)]
Tolerance = Annotated[float, Term("Share of the base's score above chance that may be lost.", check_tolerance)]
