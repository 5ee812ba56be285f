"""How far along a fine-tune's path everything named is still kept: halve, look between, confirm on fresh examples.

1.  The fine-tune itself, α = 1: often it is kept, and there is nothing to do.
2.  Halving on the grid of 1/64: the largest α at which every capability is kept, on the examples that were asked for,
    *if* each line leaves once. Seven looks at most.
3.  That assumption is spot-checked: halfway and three quarters of the way to that α everything must be kept too. If it
    is not, the edge lies before, and the search goes on there.
4.  Confirmation: α was chosen by looking at these examples, so the tasks' next examples, which nobody has looked at,
    judge it by the rule of the diff, as many as it takes. If a capability is lost on them, α goes back to three
    quarters of itself and the next fresh ones judge again. The error is shared among the judgements, half to the first,
    a quarter to the second and so on: the end is confirmed wrongly with probability 1 − confidence at most, however
    often it went back.

A capability is kept at α if its score there is at least J(θ0) − t (J(θ0) − c) on the same examples
(:mod:`corrie.analysis.kept_score`).
"""

from __future__ import annotations

from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from corrie.analysis.kept_score import KeptScore
from corrie.analysis.paired_verdict import PairedVerdict, judged_together
from corrie.records.direction import Direction
from corrie.records.point import Point
from corrie.records.scan_spec import ScanSpec, TaskRequest
from corrie.records.task import TaskIdentity
from corrie.scanning.plans.line import cells_at
from corrie.scanning.work import Agenda, Known, Work

RESOLUTION = 64
"""α is found to one part in so many."""

_TYPICAL_LOOKS = 11


class Look(NamedTuple):
    """Where the search wants to look: α, and which examples of which tasks."""

    alpha: float
    requests: tuple[TaskRequest, ...]


Seen = Mapping[str, tuple[float | None, ...]]
"""Task id → successes there."""

_Search = Generator[Look, Seen, None]


@dataclass
class Found:
    """What a search has seen so far.

    alpha      the largest α at which everything is kept; 0 where nothing of the path is
    kept       α → whether everything was kept there, on the examples that were asked for, in the order of looking
    fresh      for each confirmation its α and the verdict of each task (by id) that had fresh examples
    """

    alpha: float = 0.0
    kept: dict[float, bool] = field(default_factory=dict)
    fresh: list[tuple[float, dict[str, PairedVerdict]]] = field(default_factory=list)


@dataclass(frozen=True)
class RetractPlan:
    """The plan above.

    direction   the path
    tasks       task id → identity
    tolerance   share of the score above chance that may be lost
    confidence  1 − the error of all judgements on fresh examples together
    """

    direction: Direction
    tasks: Mapping[str, TaskIdentity]
    tolerance: float
    confidence: float

    def __call__(self, spec: ScanSpec, known: Known) -> Agenda:
        work, _ = self.follow(spec, known)
        return Agenda(() if work is None else (work,), max(len(known), cells_at(spec, _TYPICAL_LOOKS)))

    def follow(self, spec: ScanSpec, known: Known) -> tuple[Work | None, Found]:
        """The search as far as it is known: what it needs next (None: it is done), and what it has found."""
        found = Found()
        search = self._search(spec, found)
        try:
            look = next(search)
            while True:
                point = Point.along(self.direction, look.alpha)
                missing = known.missing(spec, [point], look.requests)
                if missing:
                    return missing[0], found
                look = search.send({r.task: known.successes(spec, point, r) or () for r in look.requests})
        except StopIteration:
            return None, found

    def _search(self, spec: ScanSpec, found: Found) -> _Search:
        unmoved = yield Look(0.0, spec.tasks)
        wanted = {id: KeptScore(self.tasks[id], successes, self.tolerance) for id, successes in unmoved.items()}
        step = RESOLUTION
        if not (yield from self._keeps(spec, wanted, RESOLUTION, found)):
            step = yield from self._halve(spec, wanted, RESOLUTION, found)
        while step:
            failed = None
            for inner in (step // 2, 3 * step // 4):
                if 0 < inner < step and not (yield from self._keeps(spec, wanted, inner, found)):
                    failed = inner
                    break
            if failed is None:
                break
            step = yield from self._halve(spec, wanted, failed, found)
        yield from self._confirm(spec, wanted, step, found)

    def _keeps(
        self, spec: ScanSpec, wanted: Mapping[str, KeptScore], step: int, found: Found
    ) -> Generator[Look, Seen, bool]:
        """Whether everything is kept at a step of the grid."""
        alpha = step / RESOLUTION
        seen = yield Look(alpha, spec.tasks)
        found.kept[alpha] = all(wanted[id].keeps(successes) for id, successes in seen.items())
        return found.kept[alpha]

    def _halve(
        self, spec: ScanSpec, wanted: Mapping[str, KeptScore], high: int, found: Found
    ) -> Generator[Look, Seen, int]:
        """The largest step found at which everything is kept, before one at which it is not."""
        low = 0
        while high - low > 1:
            middle = (low + high) // 2
            if (yield from self._keeps(spec, wanted, middle, found)):
                low = middle
            else:
                high = middle
        return low

    def _confirm(self, spec: ScanSpec, wanted: Mapping[str, KeptScore], step: int, found: Found) -> _Search:
        """Judge on examples that were not searched on, and go back while they say that something is lost."""
        found.alpha = step / RESOLUTION
        begins = {r.task: r.limit for r in spec.tasks}
        error = 1 - self.confidence
        while step:
            error /= 2
            verdicts = yield from self._judged(spec, found.alpha, begins, 1 - error)
            if not verdicts:
                return
            found.fresh.append((found.alpha, verdicts))
            if all(verdict.verdict != "lost" for verdict in verdicts.values()):
                return
            step = 3 * step // 4
            while step and not (yield from self._keeps(spec, wanted, step, found)):
                step = 3 * step // 4
            found.alpha = step / RESOLUTION

    def _judged(
        self, spec: ScanSpec, alpha: float, begins: dict[str, int], confidence: float
    ) -> Generator[Look, Seen, dict[str, PairedVerdict]]:
        """The verdicts at α on examples that nobody has looked at, as many as it takes.

        Args:
            begins: task id → its first fresh example; moved on by what is taken.
        """
        first, still_open = dict(begins), [r for r in spec.tasks if begins[r.task] < self.tasks[r.task].size]
        pairs: dict[str, tuple[KeptScore, tuple[float | None, ...]]] = {}
        verdicts: dict[str, PairedVerdict] = {}
        while still_open:
            for r in still_open:
                begins[r.task] = min(begins[r.task] + r.limit, self.tasks[r.task].size)
            requests = tuple(TaskRequest(task=r.task, limit=begins[r.task]) for r in still_open)
            before = yield Look(0.0, requests)
            after = yield Look(alpha, requests)
            for id in before:
                kept = KeptScore(self.tasks[id], before[id][first[id] :], self.tolerance)
                if kept.examples:
                    pairs[id] = kept, after[id][first[id] :]
            verdicts = judged_together(pairs, confidence)
            if any(verdict.verdict == "lost" for verdict in verdicts.values()):
                break
            still_open = [
                r
                for r in still_open
                if begins[r.task] < self.tasks[r.task].size and not (r.task in verdicts and verdicts[r.task].decided)
            ]
        return verdicts
