"""The ways of scoring, by name: for lists of tasks, which need no records of them (:mod:`corrie.records.task`)."""

from __future__ import annotations

from typing import Literal

Scoring = Literal["likelihood", "choice", "probability", "generation", "text", "agreement"]

GRADED_SCORINGS: tuple[Scoring, ...] = ("probability", "text", "agreement")
"""Ways of scoring by which an example scores anything from 0 to 1; by the others 0 or 1."""

BEHAVIOUR = "behaviour"
"""What is measured where nothing is asked of the model but to say what it said: no capability, and no score."""
