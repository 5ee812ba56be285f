"""What a fine-tune did."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from corrie.errors import InputError
from corrie.questions.question import BaseQuestion
from corrie.questions.term import Term
from corrie.questions.terms import BlockSize, Tolerance
from corrie.records.rules import check_two_sided

if TYPE_CHECKING:
    from corrie.records.scan_spec import AlphaGrid


def steps_to(alpha: str | AlphaGrid) -> AlphaGrid:
    """Steps along the path, the fine-tune itself among them.

    Raises:
        InputError: no range, or one without 1.
    """
    from corrie.records.scan_spec import AlphaGrid

    steps = AlphaGrid.parse(alpha) if isinstance(alpha, str) else alpha
    if 1.0 not in steps.values:
        raise InputError(
            f"alpha {steps.low:g}:{steps.high:g}:{steps.count}",
            found="the fine-tune itself, α = 1, is not on this grid",
            advice="0:1.5:7",
        )
    return steps


def _some_directions(directions: int) -> None:
    if directions < 0:
        raise InputError(f"{directions} random directions", found="a number below 0", advice="8")


def _a_worst(text: str) -> str | Path:
    if text != "search" and not text.startswith("saved:"):
        raise InputError(f"worst {text!r}", found="no saved direction, and no search", advice="search, or saved:FILE")
    return text if text == "search" else Path(text.removeprefix("saved:"))


@dataclass(frozen=True, kw_only=True)
class DiffQuestion(BaseQuestion):
    """Which capabilities a fine-tune kept and lost, where on the way, and whether it left the basin."""

    quick: Annotated[bool, Term("Verdicts alone: neither path nor landscape is scored.", flags=("--quick",))] = False
    tolerance: Tolerance = 0.1
    confidence: Annotated[
        float, Term("1 − the error, over all tasks together, of saying lost, and of saying kept.", check_two_sided)
    ] = 0.95
    directions: Annotated[
        int, Term("Random directions of the landscape that is made; 0: none is made.", _some_directions)
    ] = 8
    alpha: Annotated[str, Term("Steps along the path, LO:HI:N; 1, the fine-tune, must be among them.", steps_to)] = (
        "0:1.5:7"
    )
    worst: Annotated[
        str | Path | None,
        Term(
            "search: each task's own worst-case direction is searched for and kept in the run folder (float32). "
            "saved:FILE: one for all tasks. Adds cosine and ratio.",
            read=_a_worst,
        ),
    ] = None
    block: BlockSize = 10

    def check(self) -> None:
        """What is compared with the path needs the path."""
        if self.quick and self.worst is not None:
            raise InputError(
                "verdicts alone, and a worst-case direction",
                found="that is compared with the path, which is not followed",
                advice="one of the two",
            )
