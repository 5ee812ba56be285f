"""A basin's status put into words: here, and nowhere else.

What a basin says depends on its status in every face that shows it (a sentence, a table's cell, a figure's mark). Each
of them asks :attr:`corrie.analysis.basin.Basin.words`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np

from corrie.analysis.percent import percent
from corrie.records.scoring import BEHAVIOUR

if TYPE_CHECKING:
    from corrie.analysis.basin import Basin

SIGNS: Mapping[str, str] = MappingProxyType({"found": "≤", "beyond_range": ">", "before_first_step": "<"})
"""What stands before a limit; other statuses have none."""
MARKS: Mapping[str, str] = MappingProxyType({"found": "D", "beyond_range": ">", "before_first_step": "<"})
"""The mark of a limit in a figure, as matplotlib names it."""
_REMARKS = {"beyond_range": " (the largest tried)", "before_first_step": " (the smallest tried)"}
_NONE = {"absent": "no such capability", "unmeasured": "not measured yet", "no_sigma": "edges only, in α"}


@dataclass(frozen=True, slots=True)
class BasinWords:
    """How to say a basin.

    >>> from corrie.analysis.landscape import Landscape
    >>> from corrie.testing.cliff_run import cliff_run
    >>> words = Landscape.from_store(cliff_run(directions=4)).basin("math").words
    >>> words.sign, words.limit(), words.interval(), words.none
    ('≤', '≤ 0.0076', '[0.00473, 0.00894]', '')
    """

    basin: Basin

    @property
    def task(self) -> str:
        """The task's name; that of agreement on several tasks' texts is cut after the first: ``agreement:math+…``."""
        named, more, _ = self.basin.task.partition("+")
        return f"{named}+…" if more and self.basin.capability == BEHAVIOUR else self.basin.task

    @property
    def name(self) -> str:
        """The task, and its capability where that is another word."""
        return self.task if self.basin.task == self.basin.capability else f"{self.task} ({self.basin.capability})"

    @property
    def sign(self) -> str:
        """Before the limit: ≤, > (beyond the largest σ tried), < (before the smallest); empty where there is none."""
        return SIGNS.get(self.basin.status, "")

    @property
    def none(self) -> str:
        """Why there is no radius, in a few words; empty where there is one."""
        return _NONE.get(self.basin.status, "")

    def limit(self, scale: float = 1.0) -> str:
        """The radius with its sign, in units of which one σ is ``scale``; empty where there is none."""
        return "" if self.none else f"{self.sign} {self.basin.limit * scale:.3g}"

    def interval(self, scale: float = 1.0) -> str:
        """Its interval in brackets; empty where there is none."""
        basin = self.basin
        if basin.sigma_low is None or basin.sigma_high is None:
            return ""
        return bracket(basin.sigma_low * scale, basin.sigma_high * scale)

    @property
    def share(self) -> str:
        """The limit as a share of a typical weight."""
        return "" if self.none else percent(self.basin.limit / self.basin.rms)

    @property
    def size(self) -> str:
        """Directions × examples, with a star where they are too few to say much."""
        basin = self.basin
        return f"{basin.directions} × {basin.examples}" + "*" * basin.indicative

    @property
    def finding(self) -> str:
        """What was found, without the conditions: ``σ ≤ 0.0079 [0.0071, 0.0086], L2 ≤ 92, 3.7 % of a …``."""
        basin = self.basin
        if basin.status == "unmeasured":
            return "not measured yet: no example has been scored both before and after a move"
        if basin.status == "absent":
            return (
                f"no such capability: a score of {basin.score:.2f} cannot be told from chance, {basin.chance:.2f}, "
                f"with {basin.examples} examples"
            )
        if basin.status == "no_sigma":
            return f"{self._edges()}; no radius, because α is not σ along normalised directions"
        remark = _REMARKS.get(basin.status, "")
        return (
            f"σ {self.limit()}{remark} {self.interval()}, L2 {self.limit(math.sqrt(basin.dimension))}, "
            f"{self.share} of a typical weight"
        )

    @property
    def sentence(self) -> str:
        """What was found, to be read after the capability's name; what *holds* means is said elsewhere, once."""
        basin = self.basin
        if basin.status == "unmeasured":
            return "has not been measured yet: no example was scored both before and after a move."
        if basin.status == "absent":
            return (
                f"cannot be shown by the unmoved model: its score of {basin.score:.2f} cannot be told from chance "
                f"({basin.chance:.2f}) with {basin.examples} examples, so there is no basin to measure. {self.to_see}"
            )
        if basin.status == "no_sigma":
            return f"has only edges here: {self.finding}."
        move = f"L2 {basin.limit * math.sqrt(basin.dimension):.3g}, {self.share} of a typical weight"
        where = f"σ = {basin.limit:.3g}{self._limits()}: {move}."
        if basin.status == "beyond_range":
            return f"still holds at the largest step tried, {where} Its basin reaches further than this scan looked."
        if basin.status == "before_first_step":
            return f"no longer holds at the smallest step tried, {where} Its basin ends before."
        return f"holds up to {where}"

    @property
    def to_see(self) -> str:
        """Of a capability that cannot be told from chance: what it would take to see it. Empty for others."""
        basin = self.basin
        if basin.status != "absent":
            return ""
        if basin.to_see is None:
            return "Its score is not above chance, so more examples are not expected to show it."
        return f"About {basin.to_see} examples would show it, if {basin.score:.2f} is its true score."

    @property
    def crossed(self) -> str:
        """The radius whose interval assumes no shape, ``0.0107 [0.008, 0.014]``; empty where there is none."""
        crossed = self.basin.crossed
        if self.none or crossed is None:
            return ""
        limit = crossed.sigma if crossed.sigma is not None else self._end(crossed.status)
        return f"{SIGNS[crossed.status]} {limit:.3g} {bracket(crossed.low, crossed.high)}"

    def _end(self, status: str) -> float:
        low, high = self.basin.tried or (math.nan, math.nan)
        return high if status == "beyond_range" else low

    def _limits(self) -> str:
        low = self.basin.sigma_low or 0.0
        high = self.basin.sigma_high if self.basin.sigma_high is not None else math.inf
        if low and math.isfinite(high):
            return f" ({low:.3g} to {high:.3g})"
        if low:
            return f" (at least {low:.3g})"
        return f" (at most {high:.3g})" if math.isfinite(high) else " (too few examples for an interval)"

    def _edges(self) -> str:
        basin = self.basin
        left = sorted(edge for _, edge in basin.edges if edge is not None)
        beyond = len(basin.edges) - len(left)
        if not left:
            largest = f" beyond α = {basin.tried[1]:.3g}" if basin.tried else ""
            return f"all {beyond} directions hold{largest}"
        middle = float(np.median([math.inf if edge is None else edge for _, edge in basin.edges]))
        text = f"edges of single directions from α = {left[0]:.3g}"
        text += f" to {left[-1]:.3g}" if not beyond else f", {beyond} of {len(basin.edges)} beyond the range"
        return text + (f" (median {middle:.3g})" if math.isfinite(middle) else "")


def bracket(low: float, high: float) -> str:
    """An interval for people.

    >>> bracket(0.0, math.inf), bracket(0.00714, 0.0086)
    ('[0, ∞)', '[0.00714, 0.0086]')
    """
    return f"[{low:.3g}, ∞)" if math.isinf(high) else f"[{low:.3g}, {high:.3g}]"
