"""When a task's rounds end, and how many outcomes it is expected to take, against what simulated scans took. Where they
look is tested by whole scans (tests/scanning/test_auto.py)."""

import dataclasses
import math
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from corrie.stats.dose_response import DoseResponse, Rounds
from corrie.stats.dose_response.radii import Radius
from corrie.testing.simple_plan import SimplePlan
from corrie.testing.worlds import WORLDS

ROUNDS = Rounds(0.001, 0.08)


def known(evaluations: int, ratio: float) -> Any:
    return SimpleNamespace(evaluations=evaluations, radius=lambda retention: SimpleNamespace(ratio=ratio))


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (None, 400),
        (known(80, math.inf), 532),
        (known(40, 1.2), 160),
        (known(160, 1.5), 264),  # narrow once: a round more, or somewhat more
        (known(160, 2.1), 336),  # wide by little: two rounds more at least
        (known(160, 4.0), 460),  # twice as wide, in logs, as asked: 2^1.25 times as many, and a round
        (known(400, 4.0), 640),
    ],
)
def test_what_is_expected(found: Any, expected: int) -> None:
    assert ROUNDS.expected(found) == expected


def test_few_outcomes_are_never_more_than_are_asked() -> None:
    assert dataclasses.replace(ROUNDS, most=80).expected(None) == 80


def test_guesses_from_the_second_round_on_are_near_what_a_scan_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    guesses: list[int] = []

    def noted(rounds: Rounds, found: DoseResponse, looked: Any, own: Any = Rounds.next) -> Any:
        guesses.append(rounds.expected(found))
        return own(rounds, found, looked)

    monkeypatch.setattr(Rounds, "next", noted)
    world = WORLDS["middle"]
    found = SimplePlan().run(world.run(np.random.default_rng(1)), offset=math.log(world.centre / 0.009))
    assert found is not None
    assert guesses[1:]
    assert max(abs(math.log(guess / found.evaluations)) for guess in guesses[1:]) < math.log(1.5)


def said(ratio: float, evaluations: int) -> Any:
    """What a round says, as far as an ending looks at it."""
    radius = Radius(0.8, 0.01, 0.01, 0.01 * ratio, "dose_response")
    return SimpleNamespace(radius=lambda retention: radius, evaluations=evaluations)


@pytest.mark.parametrize(
    ("alike", "ratios", "ending"),
    [
        (2, [3.0, 1.9], None),
        (2, [1.9, 1.8], "narrow"),
        (2, [1.9, 2.5, 1.9], None),
        (2, [1.9, 2.5, 1.9, 1.9], "narrow"),
        (1, [1.9], None),  # too few outcomes
        (1, [3.0, 1.9], "narrow"),
        (1, [1.9, 2.1], None),
        (2, [3.0] * 7 + [1.9], "spent"),
        (2, [3.0] * 6 + [1.9, 1.9], "narrow"),
    ],
)
def test_so_many_rounds_in_a_row_must_be_narrow(alike: int, ratios: list[float], ending: str | None) -> None:
    rounds = [said(ratio, 80 * number) for number, ratio in enumerate(ratios, start=1)]
    assert Rounds(0.001, 0.08, alike=alike).ending(rounds) == ending


@pytest.mark.parametrize(
    ("ratios", "out_of_reach"),
    [
        ([math.inf] * 4, False),  # 320 outcomes: too few to say
        ([math.inf] * 5, True),
        ([2.0] * 3 + [65.0, 28.0], True),  # 65 → 8.06 and 28 → 8.03 with all 640 outcomes
        ([2.0] * 3 + [63.0, 28.0], False),
        ([2.0] * 3 + [65.0, 27.0], False),
        ([math.inf] * 4 + [3.0], False),
    ],
)
def test_what_would_stay_wider_than_the_cube_of_the_precision_is_out_of_reach(
    ratios: list[float], out_of_reach: bool
) -> None:
    rounds = [said(ratio, 80 * number) for number, ratio in enumerate(ratios, start=1)]
    assert Rounds(0.001, 0.08).is_out_of_reach(rounds) == out_of_reach
