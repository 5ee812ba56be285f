from __future__ import annotations

import numpy as np
import pytest

from corrie.errors import InputError
from corrie.stats.difference import paired_difference


@pytest.mark.parametrize("kind", ["0-1, a few break", "running text"])
def test_the_interval_holds_the_difference_as_often_as_it_says(kind, holds_as_often_as):
    rng = np.random.default_rng(2)
    held = []
    for _ in range(2000):
        if kind == "running text":
            before = rng.beta(4, 4, 80)
            after, truth = 0.9 * before, -0.05
        else:
            before = (rng.random(80) < 0.8) * 1.0
            after, truth = np.where(rng.random(80) < 0.1, 0.0, before), -0.08
        found = paired_difference(before, after, 0.9)
        held.append(found.low <= truth <= found.high)
    holds_as_often_as(0.9, held)


def test_it_lies_around_the_observed_mean_and_shrinks():
    rng = np.random.default_rng(3)
    widths = []
    for m in (50, 500, 5000):
        before = (rng.random(m) < 0.8) * 1.0
        after = np.where(rng.random(m) < 0.05, 0.0, before)
        found = paired_difference(before, after)
        assert -1 <= found.low <= found.mean <= found.high <= 1
        widths.append(found.high - found.low)
    assert widths[0] > 2 * widths[1] > 4 * widths[2]


def test_the_printed_interval_is_not_narrower_than_the_interval():
    rng = np.random.default_rng(4)
    for _ in range(20):
        before = rng.random(60)
        found = paired_difference(before, before * rng.random(60))
        low, high = (float(end) for end in str(found).split("[")[1].split("]")[0].split(", "))
        assert low <= found.low <= found.high <= high


def test_swapping_the_models_swaps_the_sign():
    before, after = [1.0] * 40 + [0.0] * 10, [1.0] * 30 + [0.0] * 20
    there, back = paired_difference(before, after), paired_difference(after, before)
    assert there.mean == -back.mean
    assert (there.low, there.high) == (pytest.approx(-back.high), pytest.approx(-back.low))


def test_unscored_pairs_are_left_out_and_none_is_refused():
    assert paired_difference([1.0, np.nan], [0.0, 1.0]).examples == 1
    with pytest.raises(InputError):
        paired_difference([np.nan], [1.0])
    with pytest.raises(InputError):
        paired_difference([1.0], [1.0], confidence=0.0)
