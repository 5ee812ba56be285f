"""One task's way to its radius: the blocks it was given, what they say, and why no more are asked."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from corrie.records.scan_spec import TaskRequest
from corrie.stats.chance import above_chance
from corrie.stats.dose_response import DoseResponse, Rounds, ScoredBlocks, dose_response

_BASELINE = 100
"""Examples scored at the unmoved model to begin with; twice as many before a capability is called absent."""

_CONFIDENCE = 0.95

PursuitEnding = Literal["narrow", "absent", "spent", "wide"]
"""narrow: known as asked. absent: the unmoved score cannot be told from chance. spent: it has had all its outcomes, or
a round asks only for what was looked at before. wide: what is left would not make it narrow."""


class ScoredLook(NamedTuple):
    """One block: the number of its direction, its step (0: the unmoved model), the number of its block of examples."""

    direction: int
    sigma: float
    block: int


class FinishedRounds(NamedTuple):
    """What finished rounds say, and where the next one looks."""

    found: DoseResponse
    steps: tuple[float, ...]


@dataclass(slots=True)
class Pursuit:
    """Lives as long as one call of the plan: everything in it follows from the spec and the cells.

    request, chance, block   the task, its chance score, examples in a block
    rounds    the terms
    kept      readings that were made before, by what went into them
    graded    an example scores anything from 0 to 1, not 0 or 1
    unmoved   blocks of examples that are to be scored at the unmoved model
    looks     blocks at moved models, those of the round that is not finished included
    found     what was known after each finished round
    ending    why nothing more is asked; None while something is
    """

    request: TaskRequest
    chance: float
    block: int
    rounds: Rounds
    kept: dict[object, FinishedRounds]
    graded: bool = False
    unmoved: int = field(init=False)
    looks: list[ScoredLook] = field(default_factory=list)
    found: list[DoseResponse] = field(default_factory=list)
    ending: PursuitEnding | None = None
    _steps: tuple[float, ...] = ()
    _given: int = 0
    _finished: int = 0

    def __post_init__(self) -> None:
        self.unmoved = min(self.blocks, -(-_BASELINE // self.block))
        self._steps = self.rounds.first()

    @property
    def blocks(self) -> int:
        """Blocks of examples that there are."""
        return -(-self.request.limit // self.block)

    def read(self, scores: Callable[[ScoredLook], tuple[float | None, ...]]) -> bool:
        """Take in a finished round, once; False if more unmoved outcomes are wanted first."""
        known = [s for b in range(self.unmoved) for s in self._meant(b, scores(ScoredLook(0, 0.0, b))) if s is not None]
        if not known or not above_chance(known, self.chance, _CONFIDENCE):
            more = min(self.blocks, -(-2 * _BASELINE // self.block))
            if self.unmoved < more:
                self.unmoved = more
                return False
            self.ending = "absent"
            return True
        if self._finished == self._given:
            return True
        self._finished = self._given
        rows = []
        for look in self.looks:
            before, after = (self._meant(look.block, scores(at)) for at in (look._replace(sigma=0.0), look))
            pairs = [(j, b, a) for j, (b, a) in enumerate(zip(before, after, strict=True)) if None not in (b, a)]
            if pairs:
                numbers, *outcomes = zip(*pairs, strict=True)
                start = look.block * self.block
                rows.append((look.sigma, look.direction, tuple(start + j for j in numbers), *outcomes))
        if not rows:  # nothing can be judged where the model was moved
            self.ending = "spent"
            return True
        reading = self._reading(tuple(rows), sum(known), len(known))
        self.found.append(reading.found)
        self._steps = reading.steps
        self.ending = self.rounds.ending(self.found)
        if self.ending is None and self.rounds.is_out_of_reach(self.found):
            self.ending = "wide"
        return True

    def _reading(self, rows: tuple, right: float, known: int) -> FinishedRounds:
        looked = tuple(look.sigma for look in self.looks)
        key = (self.request, self.chance, self.rounds, rows, right, known, looked)
        if key not in self.kept:
            found = dose_response(
                ScoredBlocks.of(list(rows)), right=right, known=known, chance=self.chance, confidence=_CONFIDENCE,
                retentions=self.rounds.retentions,
            )  # fmt: skip
            self.kept[key] = FinishedRounds(found, self.rounds.next(found, looked))
        return self.kept[key]

    def advance(self, directions: Sequence[int]) -> None:
        """Ask for the next round, unless it is at its end: its k-th block along the k-th of these directions.

        A cell that was looked at before, where directions come again, is replaced by one of other examples. If there
        are none for a whole round, the task is used up: the next round would ask the same.
        """
        if self.ending:
            return
        taken, before = set(self.looks), len(self.looks)
        for direction, sigma in zip(directions, self._steps, strict=True):
            number = self._given
            self._given += 1
            tries = (ScoredLook(direction, sigma, (number + i) % self.blocks) for i in range(self.blocks))
            look = next((look for look in tries if look not in taken), None)
            if look is not None:
                taken.add(look)
                self.looks.append(look)
                self.unmoved = max(self.unmoved, look.block + 1)
        if len(self.looks) == before:
            self.ending = "spent"

    @property
    def every(self) -> Iterator[ScoredLook]:
        """All that was asked so far, the unmoved model's blocks included."""
        yield from (ScoredLook(0, 0.0, block) for block in range(self.unmoved))
        yield from self.looks

    @property
    def expected(self) -> int:
        """How many blocks it will have had in the end, about. One graded outcome says what several others say."""
        if self.ending:
            return len(self.looks)
        if self.graded and not self.found:
            outcomes = min(self.rounds.most, self.rounds.least + self.rounds.least // 2)
        else:
            outcomes = self.rounds.expected(self.found[-1] if self.found else None)
        return max(len(self.looks), -(-outcomes // self.rounds.size))

    def _meant(self, block: int, scores: tuple[float | None, ...]) -> tuple[float | None, ...]:
        """Those of the first ``limit`` examples."""
        return scores[: max(self.request.limit - block * self.block, 0)]
