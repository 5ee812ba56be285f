"""Which values the numbers of a question may have, each rule stated once: questions, records, trials and statements all
ask here."""

from __future__ import annotations

import math
from numbers import Real

from corrie.errors import InputError

MOST_ADAPTERS = 10_000
"""Adapters that are drawn at once."""


def check_sigma(sigma: float, advice: str = "0.4, say") -> None:
    """σ is above 0 and finite.

    >>> check_sigma(0.0)
    Traceback (most recent call last):
    ...
    corrie.errors.InputError: sigma 0: not above 0 and finite. Try: 0.4, say
    """
    if not (math.isfinite(sigma) and sigma > 0):
        raise InputError(f"sigma {sigma:g}", found="not above 0 and finite", advice=advice)


def check_tolerance(tolerance: float, advice: str = "0.1") -> None:
    """A share of the score above chance that may be lost, in [0, 1)."""
    if not 0 <= tolerance < 1:
        raise InputError(f"tolerance {tolerance:g}", found="no share in [0, 1)", advice=advice)


def check_retention(retention: float) -> None:
    """A share of the score above chance that is to be kept, in (0, 1]."""
    if not 0 < retention <= 1:
        raise InputError(f"retention {retention:g}", found="not a share between 0 and 1", advice="0.95")


def check_two_sided(confidence: float) -> None:
    """Confidence of verdicts that can go both ways: above 0.5, so that not both are said at once."""
    if not 0.5 < confidence < 1:
        raise InputError(f"confidence {confidence:g}", found="no number between 0.5 and 1", advice="0.95")


def check_distance(distance: float) -> None:
    """An L2 norm: from 0 on, and finite."""
    if not 0 <= distance < math.inf:
        raise InputError(f"distance {distance:g}", found="no L2 norm", advice="a number from 0 on")


def check_block(block: int) -> None:
    """At least one example."""
    if block < 1:
        raise InputError(f"block {block}", found="no examples", advice="10")


def check_examples(examples: int) -> None:
    """At least one."""
    if examples < 1:
        raise InputError(f"examples {examples}", found="none to judge by", advice="400")


def check_radius(radius: float) -> None:
    """The radius of a ball of weights: a number from 0 on, and finite."""
    if not (isinstance(radius, Real) and math.isfinite(radius) and radius >= 0):
        raise InputError(f"radius {radius!r}", found="it is no distance", advice="radius=1.0")


def check_adapters(count: int) -> None:
    """How many adapters are drawn: some, and no more than anybody serves."""
    if not 1 <= count <= MOST_ADAPTERS:
        raise InputError(f"{count} draws", found=f"there must be 1 to {MOST_ADAPTERS}", advice="--count 16")
