"""Scores before and after a change whose true loss is known, with flips in both directions."""

from __future__ import annotations

import numpy as np

SCORE, CHANCE, CHURN = 0.75, 0.25, 0.03


def flipped(dice: np.random.Generator, lost: float, size: int, churn: float = CHURN) -> tuple[np.ndarray, np.ndarray]:
    """Scores of independent examples, before and after; each of shape (size,), 0 or 1.

    Before, an example is right with probability 0.75. After, the expected score is lower by ``lost``: right ones break
    with probability (lost + b)/0.75, wrong ones mend with b/0.25, b = (churn − lost)/2 or 0.

    Args:
        lost: the expected loss, in [0, 0.75].
        churn: the expected share of examples that change, where the loss leaves room for more.

    >>> before, after = flipped(np.random.default_rng(0), lost=0.1, size=100_000)
    >>> round(float(before.mean()), 2), round(float((before - after).mean()), 2)
    (0.75, 0.1)
    """
    better = max(churn - lost, 0.0) / 2
    before, luck = dice.random(size) < SCORE, dice.random(size)
    after = np.where(before, luck >= (better + lost) / SCORE, luck < better / (1 - SCORE))
    return before.astype(float), after.astype(float)
