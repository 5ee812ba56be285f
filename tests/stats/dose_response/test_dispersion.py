"""Outcomes that go together are seen to."""

import numpy as np
import pytest

from corrie.stats.dose_response.blocks import ScoredBlocks
from corrie.stats.dose_response.dispersion import dispersion, two_way


def test_the_two_way_sum_is_that_of_all_pairs_that_share_something() -> None:
    rng = np.random.default_rng(0)
    values, direction, example = rng.normal(size=60), rng.integers(0, 9, 60), rng.integers(0, 12, 60)
    # a pair that shares both, direction and example, is counted twice unless it is one outcome
    share = (direction[:, None] == direction).astype(float) + (example[:, None] == example) - np.eye(60)
    assert two_way(values, direction, example) == pytest.approx(max(values @ share @ values, 0.0))


@pytest.mark.parametrize(("spread", "low", "high"), [(0.0, 1.0, 1.25), (0.3, 2.5, 6.0)])
def test_blocks_that_share_luck_are_dispersed(spread: float, low: float, high: float) -> None:
    """A block's probability is 0.5 ± spread: φ = 1 + 9 · spread²/0.25."""
    rng = np.random.default_rng(1)
    drawn = []
    for i in range(400):
        p = 0.5 + spread * rng.choice([-1, 1])
        drawn.append((0.01, i, np.arange(10 * i, 10 * i + 10), np.ones(10), rng.random(10) < p))
    found = dispersion(ScoredBlocks.of(drawn), np.array([[0.5, 0.5]]))
    assert low <= found <= high
    assert spread == 0 or found == pytest.approx(1 + 9 * spread**2 / 0.25, rel=0.1)


def test_examples_asked_again_are_dispersed_too() -> None:
    rng = np.random.default_rng(2)
    easy = rng.random(10) < 0.5  # the same ten are right, or wrong, every time
    drawn = [(0.01, i, np.arange(10), np.ones(10), easy) for i in range(40)]
    assert dispersion(ScoredBlocks.of(drawn), np.array([[0.5, 0.5]])) > 10
