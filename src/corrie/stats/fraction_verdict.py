"""What draws say about the claim "at least a fraction f of all draws is good"."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from corrie.stats.rounding import rounded_down

FractionStatus = Literal["holds", "fails", "open"]


@dataclass(frozen=True, slots=True)
class FractionVerdict:
    """Where a claim stands after some draws.

    status      holds: the claim is supported; fails: this design can no longer support it; open: go on
    fraction, confidence   the claim
    good, draws   what was seen, in the order of drawing, up to where the design stopped
    lower       the lower limit of the fraction, at ``confidence``, that the draws so far support under this design
    remaining   how many more draws, all of them good, would settle the claim; None once it is settled
    """

    status: FractionStatus
    fraction: float
    confidence: float
    good: int
    draws: int
    lower: float
    remaining: int | None

    def __str__(self) -> str:
        seen = f"{self.good} of {self.draws} draws were good"
        claim = f"at least {self.fraction:.6g} of all draws is good"
        if self.status == "holds":
            return f"with confidence {self.confidence:.6g}, {claim}: {seen}"
        said = f"{seen}; with confidence {self.confidence:.6g} they support {rounded_down(self.lower, 4):.6g}"
        if self.status == "fails":
            return f"not shown that {claim}: {said}"
        return f"not yet shown that {claim} ({self.remaining} more good draws would): {said}"
