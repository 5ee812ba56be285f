"""Shares as people write them."""

from __future__ import annotations


def percent(share: float) -> str:
    """A share as a percentage with two digits that count, three near the whole.

    >>> percent(0.0366), percent(0.4), percent(0.999), percent(1.23)
    ('3.7 %', '40 %', '99.9 %', '123 %')
    """
    return f"{float(f'{100 * share:.{3 if share > 0.9 else 2}g}'):g} %"
