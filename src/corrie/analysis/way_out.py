"""Where along one line a capability is lost, and how two such distances compare.

The *way out* along a line is the L2 distance at which a capability's score, on fixed examples, first falls below what
must be kept; between two steps that were tried it is interpolated, so it is an estimate without an interval. A line
that was not followed far enough has a way out of *more than* its last step, one that is lost at its first step of *at
most* that. A ratio of two distances inherits this: it is known, or only that it is at most or at least so much.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from corrie.analysis.basin import Basin
from corrie.analysis.kept_score import SLACK, KeptScore
from corrie.records.canonical import Record
from corrie.stats.edge import first_crossing

Exactness = Literal["equal", "at most", "at least"]


class WayOut(Record):
    """How far one can go.

    distance   L2
    known      ``equal`` to it, ``at least`` it (not lost as far as was looked), ``at most`` it (lost at the first step)

    >>> WayOut(distance=6.0, known="equal").over(WayOut(distance=2.0, known="at least"))
    Ratio(value=3.0, known='at most')
    """

    distance: float
    known: Exactness

    @classmethod
    def along(
        cls, kept: KeptScore, line: Sequence[tuple[float, Sequence[float | None]]], length: float
    ) -> WayOut | None:
        """From the scores along a line.

        Args:
            kept: what must be kept.
            line: (α, successes there) for α > 0, in order.
            length: ‖δ‖₂, the distance of α = 1.

        Returns:
            None where nothing was scored on the line.
        """
        if not line:
            return None
        alphas, scores = [0.0], [kept.score]
        for alpha, successes in line:
            alphas.append(alpha)
            scores.append(kept.of(successes))
        out = first_crossing(alphas, scores, kept.least - SLACK)
        if out is None:
            return cls(distance=alphas[-1] * length, known="at least")
        return cls(distance=out * length, known="equal")

    @classmethod
    def at_random(cls, basin: Basin) -> WayOut | None:
        """Along random directions: the basin radius as a distance. None where there is no radius."""
        if basin.status not in ("found", "beyond_range", "before_first_step") or not basin.limit > 0:
            return None
        known: dict[str, Exactness] = {"found": "equal", "beyond_range": "at least", "before_first_step": "at most"}
        return cls(distance=basin.limit * basin.dimension**0.5, known=known[basin.status])

    def over(self, other: WayOut) -> Ratio | None:
        """This distance over another. None where nothing can be said of it."""
        turned: dict[Exactness, Exactness] = {"equal": "equal", "at most": "at least", "at least": "at most"}
        bounds: list[Exactness] = [k for k in (self.known, turned[other.known]) if k != "equal"]
        if other.distance <= 0 or len(set(bounds)) > 1:
            return None
        return Ratio(value=self.distance / other.distance, known=bounds[0] if bounds else "equal")

    def __str__(self) -> str:
        return f"L2 {_sign(self.known)}{self.distance:.4g}"


class Ratio(Record):
    """A ratio of two distances, as far as it is known.

    >>> print(Ratio(value=12.3456, known="at most"))
    at most 12.3
    >>> Ratio(value=12.3456, known="at most").short
    '≤ 12.3'
    """

    value: float
    known: Exactness

    @property
    def short(self) -> str:
        """With a sign instead of words, for tables and figures."""
        return {"equal": "", "at least": "≥ ", "at most": "≤ "}[self.known] + f"{self.value:.3g}"

    def __str__(self) -> str:
        return f"{_sign(self.known)}{self.value:.3g}"


def _sign(known: Exactness) -> str:
    return "" if known == "equal" else f"{known} "
