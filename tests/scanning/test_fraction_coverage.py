"""The whole procedure – plan, loop, store, claim – is wrong no more often than it says, whatever it sees.

A stand-in for the executor decides each direction by a coin of known probability p of being good.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from functools import lru_cache
from types import TracebackType
from typing import Self

import numpy as np
import pytest

from corrie.analysis.fraction_claim import FractionClaim
from corrie.records.cell import Cell, Outcome
from corrie.records.fraction_spec import FractionSpec
from corrie.records.memory_store import MemoryStore
from corrie.records.scan_spec import TaskRequest
from corrie.records.store import Realised
from corrie.scanning.executor import Arrived
from corrie.scanning.loop import fill
from corrie.scanning.plans.fraction import FractionPlan
from corrie.scanning.work import Work
from corrie.stats import anytime_fraction
from corrie.stats.anytime_fraction import AnytimeFraction
from corrie.testing.check_store import IDENTITY, TASK

pytestmark = pytest.mark.coverage

RUNS = 1000
FRACTION, CONFIDENCE = 0.8, 0.9
GOOD, BAD = (
    tuple(Outcome(id=f"{i}", success=s, label=label) for i in range(2)) for s, label in ((1.0, "right"), (0.0, "wrong"))
)


@pytest.fixture(autouse=True)
def remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    """Thousands of runs meet the same few counts: what the open-ended design says of them is worked out once."""
    monkeypatch.setattr(anytime_fraction, "lower_limit", lru_cache(None)(anytime_fraction.lower_limit))
    monkeypatch.setattr(AnytimeFraction, "_more", lru_cache(None)(AnytimeFraction._more))


class Coins:
    """Scores the unmoved model right, and each direction right with probability p."""

    def __init__(self, p: float, dice: np.random.Generator) -> None:
        self.p, self.dice = p, dice
        self.drawn: list[bool] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass

    def run(self, work: Iterable[Work]) -> Iterator[Arrived | Cell]:
        for piece in work:
            yield Arrived(piece.point, Realised(asked=1.0, norm=1.0, cosine=1.0 if piece.point.steps else None))
            good = True
            if piece.point.steps:
                good = bool(self.dice.random() < self.p)
                self.drawn.append(good)
            for task, block in piece.blocks:
                yield Cell(point=piece.point.id, task=task, block=block, outcomes=GOOD if good else BAD)


def claim_of(failures: int | None, coins: Coins, most: int) -> FractionClaim:
    spec = FractionSpec.of(
        [TaskRequest(task=TASK.id, limit=2)],
        sigma=0.1,
        fraction=FRACTION,
        confidence=CONFIDENCE,
        failures=failures,
        block=2,
    )
    store = MemoryStore(IDENTITY)
    store.register_task(TASK, ())
    store.record_claim(spec, {})
    fill(spec.scan, FractionPlan(spec, {TASK.id: TASK}, most), coins, store)
    return FractionClaim.from_store(store, spec)


@pytest.mark.parametrize(
    ("failures", "most", "p"),
    [(0, 11, 0.6), (0, 11, FRACTION - 1e-9), (1, 18, FRACTION - 1e-9), (None, 20, FRACTION - 1e-9)],
    ids=["zero-failure, far below", "zero-failure", "failures:1", "anytime"],
)
def test_a_false_claim_is_made_no_more_often_than_it_says(failures: int | None, most: int, p: float) -> None:
    dice = np.random.default_rng(20251124)
    claims = [claim_of(failures, Coins(p, dice), most) for _ in range(RUNS)]
    slack = 3 * math.sqrt(CONFIDENCE * (1 - CONFIDENCE) / RUNS)
    assert np.mean([c.holds for c in claims]) <= 1 - CONFIDENCE + slack
    assert np.mean([c.supported > p for c in claims]) <= 1 - CONFIDENCE + slack, "also what is said after a failure"
    if failures == 0:
        assert np.mean([c.holds for c in claims]) == pytest.approx(p**11, abs=slack)


def test_with_directions_that_are_mostly_good_the_claims_are_made() -> None:
    dice = np.random.default_rng(7)
    made = {f: np.mean([claim_of(f, Coins(0.98, dice), 200).holds for _ in range(100)]) for f in (0, 1, None)}
    assert made[0] == pytest.approx(0.98**11, abs=0.15)
    assert made[1] > made[0]
    assert made[None] > 0.95, "goes on where the plan for zero failures must stop"


@pytest.mark.parametrize("failures", [0, 1, None])
def test_no_draw_is_made_once_the_claim_is_settled(failures: int | None) -> None:
    dice = np.random.default_rng(3)
    for p in (0.5, 0.9, 1.0):
        for _ in range(30):
            coins = Coins(p, dice)
            claim = claim_of(failures, coins, 60)
            assert claim.verdict.draws == len(coins.drawn)
            assert claim.verdict.good == sum(coins.drawn)
            rule = claim.spec.rule
            assert all(rule.judge(coins.drawn[:n]).status == "open" for n in range(len(coins.drawn)))
            if failures == 0 and claim.status == "fails":
                assert coins.drawn.count(False) == 1
                assert coins.drawn[-1] is False
