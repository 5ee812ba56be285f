"""The rule of diff and retract, against statsmodels and by hand."""

import numpy as np
import pytest
from statsmodels.stats.contingency_tables import mcnemar

from corrie.analysis.kept_score import KeptScore
from corrie.analysis.paired_verdict import PairedVerdict
from corrie.errors import InputError
from corrie.records.task import TaskIdentity


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


def test_the_four_verdicts() -> None:
    base = scores(80, 100)
    by = {lost: PairedVerdict.of(kept(base), tuple(scores(80 - lost, 100))) for lost in (0, 3, 4, 5, 20)}
    assert {lost: v.verdict for lost, v in by.items()} == {
        0: "kept",
        3: "kept",  # exactly the tolerance: 0.05 · (0.8 − 0.2)
        4: "undecided",  # one more than may go; (1/2)⁴ = 0.0625
        5: "lost",  # (1/2)⁵ = 0.03125
        20: "lost",
    }
    assert PairedVerdict.of(kept(scores(22, 100)), tuple(scores(0, 100))).verdict == "absent"


def test_many_examples_that_change_both_ways_are_kept_or_undecided() -> None:
    before, after = scores(50, 100), [0.0] * 40 + [1.0] * 46 + [0.0] * 14
    found = PairedVerdict.of(kept(before, chance=0.0), tuple(after))
    assert (found.worse, found.better, found.verdict) == (40, 36, "undecided")


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
        before_kept = kept(before.tolist(), chance=0.0)
        lost += PairedVerdict.of(before_kept, tuple(after.tolist()), confidence=0.9).verdict == "lost"
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
