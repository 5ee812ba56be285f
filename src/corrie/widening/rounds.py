"""Which of many comes next: each once in a round, every round in an order of its own."""

from __future__ import annotations

import numpy as np


def in_round(place: int, count: int, seed: int) -> int:
    """Which of ``count`` things stands at a place of the endless row of rounds, a function of the numbers alone.

    >>> sorted(in_round(place, 4, seed=0) for place in range(4, 8))
    [0, 1, 2, 3]
    """
    turn, within = divmod(place, count)
    return int(np.random.default_rng((seed, turn)).permutation(count)[within])
