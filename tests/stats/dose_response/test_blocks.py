"""What a fit reads."""

import numpy as np
import pytest

from corrie.errors import InputError
from corrie.stats.dose_response.blocks import ScoredBlocks


def test_counts_are_those_of_a_slow_count() -> None:
    rng = np.random.default_rng(0)
    drawn = []
    for i in range(12):
        examples = rng.choice(40, 10, replace=False)
        drawn.append((float(rng.choice([0.01, 0.02, 0.05])), i, examples, rng.random(10) < 0.6, rng.random(10) < 0.5))
    blocks = ScoredBlocks.of(drawn)
    for k, place in enumerate(blocks.places):
        for before in (0, 1):
            for after in (0, 1):
                slow = sum(
                    (b == before and a == after)
                    for sigma, _, _, befores, afters in drawn
                    for b, a in zip(befores, afters, strict=True)
                    if np.log(sigma) == place
                )
                assert blocks.counts[k, before, after] == slow
    assert (blocks.directions, len(blocks)) == (12, 120)


@pytest.mark.parametrize(
    "drawn",
    [
        [],
        [(0.0, 0, [0], [1], [1])],
        [(-1.0, 0, [0], [1], [1])],
        [(float("nan"), 0, [0], [1], [1])],
        [(float("inf"), 0, [0], [1], [1])],
        [(0.1, 0, [0], [1.5], [1])],
        [(0.1, 0, [0, 1], [1], [1, 0])],
        [(0.1, 0, [], [], [])],
    ],
)
def test_what_is_not_valid_is_refused(drawn: list) -> None:
    with pytest.raises(InputError):
        ScoredBlocks.of(drawn)
