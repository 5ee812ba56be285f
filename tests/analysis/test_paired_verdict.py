"""The rule of diff and retract, against statsmodels and by hand."""

import json
from collections.abc import Sequence

import numpy as np
import pytest
from statsmodels.stats.contingency_tables import mcnemar

from corrie.analysis.kept_score import KeptScore
from corrie.analysis.paired_verdict import PairedVerdict, decided_together
from corrie.errors import InputError
from corrie.records.task import TaskIdentity
from corrie.stats.chance import examples_to_see
from corrie.testing.flips import CHANCE, flipped


def kept(before: list[float | None], tolerance: float = 0.05, chance: float = 0.2) -> KeptScore:
    task = TaskIdentity(
        name="sums", capability="math", source="here", scoring="choice", chance=chance, size=1000, digest="d"
    )
    return KeptScore(task, tuple(before), tolerance)


def scores(right: int, of: int) -> list[float]:
    return [1.0] * right + [0.0] * (of - right)


@pytest.mark.parametrize("seed", range(4))
def test_mcnemar_equals_statsmodels(seed: int) -> None:
    dice = np.random.default_rng(seed)
    before = (dice.random(60) < 0.8).astype(float)
    after = np.where(dice.random(60) < 0.3, (dice.random(60) < 0.4).astype(float), before)
    found = PairedVerdict.of(kept(before.tolist()), tuple(after.tolist()))
    table = [[int(((before == i) & (after == j)).sum()) for j in (1, 0)] for i in (1, 0)]
    assert (found.worse, found.better) == (table[0][1], table[1][0])
    assert found.p_changed == pytest.approx(mcnemar(table, exact=True).pvalue)


def mixed(scores: list[float]) -> list[float]:
    """In the fixed order in which a shuffled task would have them."""
    return np.array(scores)[np.random.default_rng(0).permutation(len(scores))].tolist()


def test_the_four_verdicts() -> None:
    """The tolerance is worth 24 of 400 examples: 0.1 · (0.8 − 0.2) · 400."""
    base = mixed(scores(320, 400))
    by = {n: PairedVerdict.of(kept(base, 0.1), tuple(mixed(scores(320 - n, 400)))) for n in (0, 4, 24, 60, 200)}
    assert {n: v.verdict for n, v in by.items()} == {0: "kept", 4: "kept", 24: "undecided", 60: "lost", 200: "lost"}
    assert PairedVerdict.of(kept(scores(22, 100)), tuple(scores(0, 100))).verdict == "absent"


def test_what_it_would_take_to_see_a_weak_capability() -> None:
    weak = PairedVerdict.of(kept(scores(22, 100)), tuple(scores(0, 100)))
    assert weak.takes == f"about {examples_to_see(0.22, 0.2)} examples would show it, if 0.220 is its true score"
    assert PairedVerdict.of(kept(scores(20, 100)), tuple(scores(0, 100))).takes == "", "no number of them would"


def test_undecided_says_what_it_takes_and_that_many_decide_it() -> None:
    few = PairedVerdict.of(kept(mixed(scores(40, 50)), 0.1), tuple(mixed(scores(40, 50))))
    assert (few.verdict, few.worse, few.better) == ("undecided", 0, 0)
    assert few.needs is not None
    assert 50 < few.needs < 200
    more = mixed(scores(few.needs * 4 // 5, few.needs))
    enough = PairedVerdict.of(kept(more, 0.1), tuple(more))
    assert (enough.verdict, enough.needs, enough.takes) == ("kept", None, "")
    assert f"about {few.needs} examples" in few.takes


def test_many_examples_that_change_both_ways_are_undecided() -> None:
    order = np.random.default_rng(0).permutation(100)
    before = np.array(scores(50, 100))[order]
    after = np.array([0.0] * 40 + [1.0] * 46 + [0.0] * 14)[order]
    found = PairedVerdict.of(kept(before.tolist(), chance=0.0), tuple(after.tolist()))
    assert (found.worse, found.better, found.verdict) == (40, 36, "undecided")


def test_a_verdict_of_an_older_version_opens() -> None:
    now = PairedVerdict.of(kept(scores(80, 100)), tuple(scores(60, 100)))
    old = {k: v for k, v in json.loads(now.canonical()).items() if k not in ("p_kept", "p_lost", "needs")}
    read = PairedVerdict.parse(json.dumps(old))
    assert (read.verdict, read.p_kept, read.needs) == (now.verdict, None, None)
    assert "one-sided p = " in str(read)


LOST = 0.05
"""Of score 0.75 and chance 0.25, what a tolerance of a tenth allows: at this very loss either verdict is wrong."""


def world(dice: np.random.Generator, lost: float, size: int = 400) -> tuple[KeptScore, tuple[float, ...]]:
    before, after = flipped(dice, lost, size)
    return kept(before.tolist(), 0.1, CHANCE), tuple(after.tolist())


def shares(losses: Sequence[float], runs: int) -> tuple[float, float, float]:
    """How often one is called kept that lost the tolerance or more, or lost that lost no more; the share undecided.

    One task for each loss, judged together, over every look.
    """
    dice, wrongly_kept, wrongly_lost, undecided = np.random.default_rng(1), 0, 0, 0
    for _ in range(runs):
        found = decided_together({str(k): world(dice, lost) for k, lost in enumerate(losses)}).values()
        verdicts = [(verdict, lost) for (verdict, *_), lost in zip(found, losses, strict=True)]
        wrongly_kept += any(verdict == "kept" and lost >= LOST for verdict, lost in verdicts)
        wrongly_lost += any(verdict == "lost" and lost <= LOST for verdict, lost in verdicts)
        undecided += sum(verdict == "undecided" for verdict, _ in verdicts)
    return wrongly_kept / runs, wrongly_lost / runs, undecided / runs / len(losses)


@pytest.mark.coverage
@pytest.mark.parametrize(
    "losses",
    [
        pytest.param((LOST,) * 3, id="at the tolerance, the worst case of both tests"),
        pytest.param((0.0,) * 3, id="unchanged but for flips"),
        pytest.param((2 * LOST,) * 3, id="twice the tolerance"),
        pytest.param((0.0, 0.0, LOST, LOST, 2 * LOST, 2 * LOST), id="some of each: no error is lent"),
    ],
)
def test_no_gate_fails_or_passes_wrongly_more_often_than_it_says(losses: tuple[float, ...]) -> None:
    runs = 2000
    most = 0.05 + 3 * (0.05 * 0.95 / runs) ** 0.5
    wrongly_kept, wrongly_lost, _ = shares(losses, runs)
    assert wrongly_kept <= most
    assert wrongly_lost <= most


def test_most_are_decided_with_400_examples() -> None:
    assert shares((0.0,) * 3, 10)[2] <= 0.2
    assert shares((2 * LOST,) * 3, 10)[2] <= 0.3


def test_a_gain_is_kept() -> None:
    found = PairedVerdict.of(kept(scores(50, 100)), tuple(scores(90, 100)))
    assert (found.verdict, found.low > 0, found.p_worse) == ("kept", True, 1.0)


def test_scores_between_0_and_1_are_judged_by_the_betting_limit() -> None:
    before = [0.6] * 200
    assert PairedVerdict.of(kept(before, chance=0.0), (0.3,) * 200).verdict == "lost"
    few = PairedVerdict.of(kept(before[:4], chance=0.0), (0.55,) * 4)
    assert (few.verdict, few.p_worse, few.p_changed) == ("undecided", None, None)


def test_what_cannot_be_scored_any_more_counts_as_lost_and_what_never_could_be_is_left_out() -> None:
    found = PairedVerdict.of(kept([1.0] * 40 + [None] * 10), (None,) * 20 + (1.0,) * 30)
    assert (found.examples, found.after, found.verdict) == (40, 0.5, "lost")


def test_a_true_null_is_called_lost_as_rarely_as_it_says() -> None:
    """Every example breaks or mends with the same probability."""
    dice, lost = np.random.default_rng(0), 0
    for _ in range(400):
        before = (dice.random(80) < 0.5).astype(float)
        after = np.where(dice.random(80) < 0.4, 1 - before, before)
        pair = kept(before.tolist(), chance=0.0), tuple(after.tolist())
        lost += decided_together({"": pair}, 0.9)[""][0] == "lost"
    assert PairedVerdict.of(*pair, confidence=0.9).verdict == decided_together({"": pair}, 0.9)[""][0]
    assert lost / 400 <= 0.1 + 3 * (0.1 * 0.9 / 400) ** 0.5


@pytest.mark.parametrize("confidence", [0.5, 1.0, float("nan")])
def test_a_confidence_that_cannot_be_meant(confidence: float) -> None:
    with pytest.raises(InputError, match="between"):
        PairedVerdict.of(kept([1.0]), (1.0,), confidence)


def test_nothing_scored_before() -> None:
    with pytest.raises(InputError, match="no example could be scored"):
        PairedVerdict.of(kept([None, None]), (1.0, 1.0))


def test_it_is_the_same_after_being_written() -> None:
    found = PairedVerdict.of(kept(scores(80, 100)), tuple(scores(60, 100)))
    assert PairedVerdict.parse(found.canonical()) == found
