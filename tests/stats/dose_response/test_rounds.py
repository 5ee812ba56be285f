"""When a task's rounds end. Where they look is tested by whole scans (tests/scanning/test_auto.py)."""

import math
from types import SimpleNamespace
from typing import Any

import pytest

from corrie.stats.dose_response import Rounds
from corrie.stats.dose_response.radii import Radius


def known(ratio: float, evaluations: int) -> Any:
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
    rounds = [known(ratio, 80 * number) for number, ratio in enumerate(ratios, start=1)]
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
    rounds = [known(ratio, 80 * number) for number, ratio in enumerate(ratios, start=1)]
    assert Rounds(0.001, 0.08).is_out_of_reach(rounds) == out_of_reach
