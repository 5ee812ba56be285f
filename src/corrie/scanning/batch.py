"""How many answers a new run writes together: the whole limit of its tasks, as far as memory and patience go."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from corrie.errors import InputError
from corrie.models.model import Model
from corrie.models.room import rows_that_fit

BatchAsked = int | Literal["auto"] | None
"""Examples written together; ``auto``: chosen for a new run; None: block by block."""

_MOST_ON_CPU, _MOST = 80, 256
"""No larger batch is chosen: beyond it a processor gains little, and no cell is acknowledged for a long time."""

_STEP = 25
"""A token for every row of a batch costs as much as so many rows more: measured as 25 on a CPU, where a batch of 10
takes 0.55 of the time of a batch of 40."""


def batch_of(model: Model, asked: BatchAsked, written: Sequence[int], block: int, tokens: int) -> int | None:
    """The batch of a new run; None: block by block.

    Args:
        model: who writes.
        asked: how many, or ``auto``.
        written: the limits of the tasks whose answers are written.
        block: examples of a cell.
        tokens: the most that one row may come to.

    Raises:
        InputError: a batch that is not a whole number of blocks.
    """
    if asked is None:
        return None
    if asked != "auto":
        if asked < 1 or asked % block:
            near = max(round(asked / block), 1) * block
            raise InputError(f"batch {asked}", found=f"no whole number of blocks of {block}", advice=f"{near}, or auto")
        return None if asked == block else asked
    if not written or not model.engine.together:
        return None
    fit = rows_that_fit(model, tokens)
    ceiling = _MOST_ON_CPU if model.device == "cpu" else _MOST
    best = cheapest(written, block, ceiling if fit is None else min(ceiling, fit))
    return None if best == block else best


def cheapest(limits: Sequence[int], block: int, most: int) -> int:
    """The batch, a multiple of the block, that writes these limits in the least time.

    A batch is always written whole, so its size n is a choice between few steps and little waste: the time is
    Σ ⌈limit/n⌉ · (n + c), c the cost of a step in rows (25 on a CPU).

    >>> cheapest([40], 10, 80), cheapest([100], 10, 80), cheapest([20, 100], 10, 80), cheapest([200], 10, 8)
    (40, 50, 50, 10)
    """
    sizes = range(block, max(most, block) + 1, block)
    return min(sizes, key=lambda n: (sum(-(-limit // n) * (n + _STEP) for limit in limits), n))
