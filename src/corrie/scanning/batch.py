"""How many answers a new run writes together, and at a time: the whole limit of its tasks, as far as memory and
patience go."""

from __future__ import annotations

from collections.abc import Sequence

from corrie.errors import InputError
from corrie.models.model import Model
from corrie.models.room import rows_that_fit
from corrie.records.batch_rule import BatchRule

BatchAsked = int | str | BatchRule | None
"""Examples written together, or also how many of them at a time (``320/80``); ``auto``: chosen for a new run; None:
block by block."""

_MOST_ON_CPU, _MOST = 80, 256
"""No more are written at a time: beyond it a processor gains little."""

_SLOTFULS = 4
"""No batch is larger than so many times what is written at a time: three quarters of what a queue can save are saved by
then, and no cell is acknowledged before all of a batch is written."""

_STEP = 25
"""A token for every row of a batch costs as much as so many rows more: measured as 25 on a CPU, where a batch of 10
takes 0.55 of the time of a batch of 40."""


def batch_of(
    model: Model, asked: BatchAsked, written: Sequence[int], block: int, tokens: int, queue: bool = True
) -> BatchRule | None:
    """The batch of a new run; None: block by block.

    Args:
        model: who writes.
        asked: how many, the rule, or ``auto``.
        written: the limits of the tasks whose answers are written.
        block: examples of a cell.
        tokens: the most that one row may come to.
        queue: ``auto`` may choose more than are written at a time.

    Raises:
        InputError: a batch that is not a whole number of blocks, or a text that names none.
    """
    if asked is None:
        return None
    if asked != "auto":
        asked = BatchRule.parse(asked) if isinstance(asked, str) else asked
        rule = asked if isinstance(asked, BatchRule) else BatchRule(asked)
        if rule.size < 1 or rule.size % block:
            near = max(round(rule.size / block), 1) * block
            raise InputError(f"batch {rule}", found=f"no whole number of blocks of {block}", advice=f"{near}, or auto")
        return None if rule == BatchRule(block) else rule
    if not written or not model.engine.together:
        return None
    fit = rows_that_fit(model, tokens)
    ceiling = _MOST_ON_CPU if model.device == "cpu" else _MOST
    slotfuls = _SLOTFULS if queue and model.engine.enter else 1
    best = cheapest(written, block, ceiling if fit is None else min(ceiling, fit), slotfuls)
    return None if best == BatchRule(block) else best


def cheapest(limits: Sequence[int], block: int, most: int, slotfuls: int = 1) -> BatchRule:
    """The batch, a multiple of the block, that writes these limits in the least time, so many at a time at most.

    A batch is always written whole, so its size n is a choice between few steps and little waste. Answers are taken to
    be half as long as they may be, on average. Then n that are written at once take the time of n + 2c rows, c the cost
    of a step in rows (25 on a CPU): rows that have ended leave, but there are as many steps as the longest has tokens.
    From a queue, s at a time, n take that of n + (n/s + 1)·c: only the last have no one to come in for them. The time
    is the sum over ⌈limit/n⌉ batches of each task.

    >>> print(cheapest([40], 10, 80), cheapest([100], 10, 80), cheapest([20, 100], 10, 80), cheapest([200], 10, 8))
    40 50 50 10
    >>> print(cheapest([40], 10, 80, 4), cheapest([200], 10, 80, 4), cheapest([1000], 10, 80, 4))
    40 200/80 250/80
    """
    slots = max(most // block, 1) * block

    def seconds(size: int) -> float:
        rows = size + _STEP * (max(size / slots, 1) + 1)
        return sum(-(-limit // size) * rows for limit in limits)

    return BatchRule.of(min(range(block, slotfuls * slots + 1, block), key=lambda n: (seconds(n), n)), slots)
