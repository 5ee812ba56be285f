"""Find the radii: rounds of blocks where they are expected to take most off the intervals, until all are narrow.

1.  The unmoved model is scored on the first hundred examples of each task. A score that cannot be told from chance,
    with two hundred, is *absent*: nothing more is asked of it.
2.  The first round spreads eight blocks of every task over steps of a 200th to 0.4 of a typical weight, along eight
    directions.
3.  Every later round gives eight blocks to each task whose interval, at the spec's retention, is wider than asked;
    :class:`corrie.stats.dose_response.Rounds` says at which steps. The widest interval decides when a scan ends, and
    every task needs its blocks whichever comes first; but a direction that is drawn for one can be used by all, and
    drawing costs about as much as half a block. So all open tasks go along the same eight new directions. Which cells
    a task is given does not depend on the other tasks.
4.  Tasks that are to come first (agreement, a first answer) have all their rounds before the others begin.
5.  A task is done when its interval was narrow enough after two rounds in a row, or when it has had all its outcomes.
    One that comes first is done at once when it is narrow: its outcomes are shares of some thirty tokens, which scatter
    a tenth as much as answers, so that it is not narrow by luck; and everything else waits for it.
6.  One is given up whose interval is so wide after 400 outcomes that all that are left would not make it narrow
    (:meth:`corrie.stats.dose_response.Rounds.is_out_of_reach`).

A round depends on finished rounds alone, so it may be scored in any order and by several workers, and a scan that was
stopped anywhere goes on to the same cells. Examples come in the task's order, over again when they are used up.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from corrie.errors import InputError
from corrie.records.cell import CellKey
from corrie.records.point import Point
from corrie.records.scan_spec import AlphaAuto, ScanSpec
from corrie.scanning.plans.pursuit import FinishedRounds, Pursuit, ScoredLook
from corrie.scanning.work import Agenda, Ahead, Known, Work
from corrie.stats.dose_response import Rounds

_SMALLEST, _LARGEST = 1 / 200, 0.4
"""Steps between which the first round looks, in typical weights."""

_ORIGIN = Point.origin()


@dataclass(frozen=True)
class AutoPlan:
    """The plan above.

    step     the α that changes every weight by about its own size (:func:`corrie.scanning.plans.edges.natural_step`)
    chances  task id → chance level
    first    ids of the tasks whose rounds come before those of the others
    graded   ids of the tasks whose examples score anything from 0 to 1; only what is expected hangs on it

    What was computed for one call is kept for the next, by what went into it: a call goes through all rounds again.
    """

    step: float
    chances: dict[str, float]
    first: frozenset[str] = frozenset()
    graded: frozenset[str] = frozenset()
    _kept: dict[object, FinishedRounds] = field(default_factory=dict, compare=False, repr=False)
    _points: dict[tuple[str, float], Point] = field(default_factory=dict, compare=False, repr=False)

    def __call__(self, spec: ScanSpec, known: Known) -> Agenda:
        pursuits = self.follow(spec, known)
        missing = (self._missing(spec, known, together) for together in self._in_turn(pursuits))
        ahead = []
        for p in pursuits:
            scored = Counter(look.sigma > 0 for look in p.every if self._key(spec, p, look) in known)
            turn = int(p.request.task not in self.first)
            ahead.append(Ahead(p.request.task, p.unmoved - scored[False], p.expected - scored[True], turn))
        return Agenda(next(filter(None, missing), ()), sum(p.unmoved + p.expected for p in pursuits), tuple(ahead))

    def follow(self, spec: ScanSpec, known: Known) -> tuple[Pursuit, ...]:
        """What each task has come to: its finished rounds and, unless all is done, the one that is not."""
        asked = spec.alpha
        if not isinstance(asked, AlphaAuto) or not spec.directions:
            raise InputError("an auto plan", found="fixed steps, or no direction", advice="alpha auto")
        pursuits = []
        for request in spec.tasks:
            rounds = Rounds(
                self.step * _SMALLEST, self.step * _LARGEST, precision=asked.precision, retention=spec.retention,
                most=asked.most, size=min(spec.block, request.limit), alike=1 if request.task in self.first else 2,
            )  # fmt: skip
            graded = request.task in self.graded
            pursuits.append(Pursuit(request, self.chances[request.task], spec.block, rounds, self._kept, graded))
        for together in self._in_turn(pursuits):
            self._advance(spec, known, together)
            if self._missing(spec, known, together):
                break
        return tuple(pursuits)

    def _in_turn(self, pursuits: Sequence[Pursuit]) -> list[list[Pursuit]]:
        """Those that come first, and the others."""
        parts = ([p for p in pursuits if (p.request.task in self.first) == first] for first in (True, False))
        return [part for part in parts if part]

    def _advance(self, spec: ScanSpec, known: Known, pursuits: Sequence[Pursuit]) -> None:
        """Through their finished rounds, to the one that is not, if there is one."""
        number = 0
        while not self._missing(spec, known, pursuits):
            going = [p for p in pursuits if not p.ending]
            if not going:
                break
            read = [p.read(lambda look, p=p: self._scores(spec, known, p, look)) for p in going]
            if all(read):  # otherwise more unmoved outcomes come first
                directions = [(number + slot) % len(spec.directions) for slot in range(len(going[0].rounds.first()))]
                number += len(directions)
                for pursuit in going:
                    pursuit.advance(directions)

    def _key(self, spec: ScanSpec, pursuit: Pursuit, look: ScoredLook) -> CellKey:
        return CellKey(self._point(spec, look.direction, look.sigma).id, pursuit.request.task, look.block)

    def _scores(self, spec: ScanSpec, known: Known, pursuit: Pursuit, look: ScoredLook) -> tuple[float | None, ...]:
        return known.block(self._key(spec, pursuit, look)) or ()

    def _missing(self, spec: ScanSpec, known: Known, pursuits: Sequence[Pursuit]) -> tuple[Work, ...]:
        """The unmoved model first, then direction by direction, each from its smallest step outwards."""
        wanted: dict[tuple[int, float], list[tuple[str, int]]] = {}
        for pursuit in pursuits:
            for look in pursuit.looks:
                wanted.setdefault((look.direction, look.sigma), []).append((pursuit.request.task, look.block))
        work = [(_ORIGIN, [(p.request.task, b) for p in pursuits for b in range(p.unmoved)])]
        work += [(self._point(spec, *place), blocks) for place, blocks in sorted(wanted.items())]
        left = (Work(p, tuple((t, b) for t, b in blocks if CellKey(p.id, t, b) not in known)) for p, blocks in work)
        return tuple(w for w in left if w.blocks)

    def _point(self, spec: ScanSpec, direction: int, sigma: float) -> Point:
        if sigma == 0:
            return _ORIGIN
        along = spec.directions[direction]
        key = (along.id, sigma)
        if key not in self._points:
            self._points[key] = Point.along(along, sigma)
        return self._points[key]
