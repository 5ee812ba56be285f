"""What a trial has scored: an engine that cannot do it says so before anything is written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from corrie.capabilities.task import Task

Inside = Literal["the weights", "a subspace", "noised prompts"]
"""What a trial's points lie in."""


@dataclass(frozen=True, slots=True)
class Scored:
    """Tasks by id, and what the points lie in at which they are scored.

    >>> Scored({}).inside
    'the weights'
    """

    tasks: Mapping[str, Task]
    inside: Inside = "the weights"
