from __future__ import annotations

from fractions import Fraction

import pytest

from corrie.analysis.kept_score import KeptScore
from corrie.records.task import TaskIdentity


def task(chance: float = 0.2) -> TaskIdentity:
    return TaskIdentity(
        name="sums", capability="math", source="here", scoring="choice", chance=chance, size=400, digest="d"
    )


def outcomes(right: int, of: int) -> tuple[float, ...]:
    return tuple(float(i < right) for i in range(of))


@pytest.mark.parametrize("tolerance", ["0", "0.05", "0.1", "0.25"])
@pytest.mark.parametrize("chance", ["0", "0.2", "0.25"])
@pytest.mark.parametrize("of", [7, 20, 40])
def test_it_is_the_rule_in_exact_arithmetic(tolerance: str, chance: str, of: int) -> None:
    for right in range(of // 2, of + 1):
        kept = KeptScore(task(float(chance)), outcomes(right, of), float(tolerance))
        least = Fraction(right, of) - Fraction(tolerance) * (Fraction(right, of) - Fraction(chance))
        for after in range(of + 1):
            assert kept.keeps(outcomes(after, of)) == (Fraction(after, of) >= least), (right, after)
        assert kept.losable == max(n for n in range(right + 1) if Fraction(right - n, of) >= least)


def test_a_tolerance_below_one_example_lets_none_be_lost() -> None:
    kept = KeptScore(task(), outcomes(14, 20), 0.05)
    assert kept.losable == 0
    assert kept.keeps(outcomes(14, 20))
    assert not kept.keeps(outcomes(13, 20))


def test_other_examples_may_take_the_place_of_lost_ones() -> None:
    assert KeptScore(task(), (1.0, 0.0), 0.0).keeps((0.0, 1.0))


def test_what_was_unscored_before_does_not_count_and_what_is_unscored_after_is_lost() -> None:
    kept = KeptScore(task(), (1.0, 1.0, None, 0.0), 0.4)
    assert (kept.examples, kept.score) == (3, pytest.approx(2 / 3))
    assert kept.keeps((1.0, 1.0, None, 0.0))
    assert kept.of((1.0, None, 1.0, 0.0)) == pytest.approx(1 / 3)
    assert not kept.keeps((1.0, None, 1.0, 0.0))


def test_a_capability_at_chance_or_unscored_is_not_there() -> None:
    assert KeptScore(task(), outcomes(16, 20), 0.05).present
    assert not KeptScore(task(), outcomes(5, 20), 0.05).present
    assert not KeptScore(task(), outcomes(0, 20), 0.05).present
    assert not KeptScore(task(0.0), (None, None), 0.05).present
