"""Which capability goes first, and which holds longest: as far as the intervals tell, and no further.

Idea
----
Of K pairs of radii in one run each is tested by its ratio (:func:`corrie.stats.dose_response.radius_ratio`), over
directions and examples; Holm's rule keeps the probability of any false order below 1 − confidence. A capability is
among the *first* if none was shown to go before it, among the *last* if none was shown to hold longer. One alone in its
group is first, or last; several are only known to be the candidates.

Capabilities of one run share their directions, and their radii rise and fall together: the test is careful, not bold.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

from corrie.analysis.basin import Basin, of_capabilities
from corrie.stats.multiplicity import holm


@dataclass(frozen=True, slots=True)
class Order:
    """An order of basins that intervals support; of capabilities alone, where there are any.

    basins   those with a radius, from the nearest limit to the furthest
    before   pairs of tasks (a, b): a was shown to go before b

    >>> from corrie.analysis.landscape import Landscape
    >>> from corrie.testing.cliff_run import KINDS, cliff_run
    >>> run = cliff_run(directions=12, examples=60, kinds=(KINDS[0], *KINDS[2:4]))
    >>> order = Order.of(Landscape.from_store(run).basins())
    >>> [basin.task for basin in order.first], [basin.task for basin in order.last]
    (['math'], ['language'])
    """

    basins: tuple[Basin, ...]
    before: frozenset[tuple[str, str]]

    @classmethod
    def of(cls, basins: Sequence[Basin]) -> Order:
        """From the basins of one run, at one retention and confidence."""
        from corrie.stats.dose_response import radius_ratio

        measured = [(b, radius) for b in of_capabilities(basins) if (radius := b.measured) is not None]
        measured.sort(key=lambda m: (m[0].limit, m[0].status == "beyond_range"))
        there = tuple(basin for basin, _ in measured)
        pairs = [(a.task, b.task, radius_ratio(one, two)) for (a, one), (b, two) in combinations(measured, 2)]
        if not pairs:
            return cls(there, frozenset())
        adjusted = holm([ratio.p for *_, ratio in pairs]).tolist()
        told = [pair for pair, p in zip(pairs, adjusted, strict=True) if p <= 1 - there[0].confidence]
        return cls(there, frozenset((a, b) if ratio.ratio < 1 else (b, a) for a, b, ratio in told))

    @property
    def first(self) -> tuple[Basin, ...]:
        """Those that none was shown to go before."""
        later = {far for _, far in self.before}
        return tuple(basin for basin in self.basins if basin.task not in later)

    @property
    def last(self) -> tuple[Basin, ...]:
        """Those that none was shown to hold longer than."""
        sooner = {near for near, _ in self.before}
        return tuple(basin for basin in self.basins if basin.task not in sooner)
