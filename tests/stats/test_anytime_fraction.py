from __future__ import annotations

import numpy as np
import pytest

from corrie.errors import InputError
from corrie.stats.anytime_fraction import AnytimeFraction
from corrie.stats.planning import draws_for_fraction


@pytest.mark.parametrize(("fraction", "confidence"), [(0.9, 0.9), (0.99, 0.95), (0.999, 0.999)])
def test_without_failures_it_needs_a_little_more_than_the_plan(fraction, confidence):
    design, planned = AnytimeFraction(fraction, confidence), draws_for_fraction(fraction, confidence)
    assert planned < design.draws < 1.35 * planned
    held = design.judge([True] * (design.draws + 50))
    assert (held.status, held.draws, held.remaining) == ("holds", design.draws, None)
    short = design.judge([True] * (design.draws - 1))
    assert (short.status, short.remaining) == ("open", 1)


def test_it_goes_on_after_a_failure():
    design = AnytimeFraction(0.9, 0.9)
    verdict = design.judge([True] * 10 + [False] + [True] * 200)
    assert verdict.status == "holds"
    assert verdict.good == verdict.draws - 1


def test_it_gives_up_when_the_fraction_is_clearly_too_small():
    design = AnytimeFraction(0.9, 0.9)
    verdict = design.judge([True, False] * 50)
    assert verdict.status == "fails"
    assert verdict.draws < 100
    assert verdict.lower < 0.9


@pytest.mark.parametrize("true", [0.85, 0.9])
def test_however_long_one_looks_errors_are_as_rare_as_it_says(true, holds_as_often_as):
    design = AnytimeFraction(0.9, 0.9)
    runs = np.random.default_rng(3).random((2000, 80)) < true
    verdicts = [design.judge(run) for run in runs]
    if true <= 0.9:
        holds_as_often_as(0.9, [v.status != "holds" for v in verdicts])
    if true >= 0.9:
        holds_as_often_as(0.9, [v.status != "fails" for v in verdicts])
    holds_as_often_as(0.9, [v.lower <= true for v in verdicts])


def test_before_the_first_draw_it_is_open():
    verdict = AnytimeFraction(0.9, 0.9).judge([])
    assert (verdict.status, verdict.draws, verdict.lower) == ("open", 0, 0.0)


def test_what_cannot_be_meant_is_refused():
    with pytest.raises(InputError):
        AnytimeFraction(0.9, 1.0)
    with pytest.raises(InputError):
        AnytimeFraction(0.9, 0.9).judge(np.ones((3, 40)))
