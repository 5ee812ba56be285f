"""What a model writes by itself: text for a run that was given none.

Each row begins with the tokenizer's beginning of a text and goes on with tokens drawn from the model's own
distribution (temperature 1), also beyond an end that it writes: so the text is distributed as the model itself thinks,
and what it is asked to keep is what it knows.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from corrie.models.greedy import Batch
from corrie.models.model import Model

_TOGETHER = 64
"""Rows written at a time."""


@torch.no_grad()
def own_writing(
    model: Model, rows: int, length: int, seed: int = 0, told: Callable[[int], object] = lambda done: None
) -> Tensor:
    """Rows of token ids, shape (rows, length), a function of the weights and the seed.

    Args:
        told: is notified of the rows that are done.

    Raises:
        TaskError: the tokenizer knows no beginning of a text, or the model takes fewer tokens.

    >>> from corrie.testing.toy_models import toy_model
    >>> own_writing(toy_model(), rows=3, length=8).shape
    torch.Size([3, 8])
    """
    start = model.encoder.prompt("", False, length)
    dice = torch.Generator().manual_seed(seed)
    made: list[Tensor] = []
    for first in range(0, rows, _TOGETHER):
        count = min(_TOGETHER, rows - first)
        batch = Batch(model.module, [start] * count, room=length)
        columns = [torch.tensor([start] * count)]
        for _ in range(length - len(start)):
            chances = torch.softmax(batch.logits()[:, : model.encoder.vocabulary].float().cpu(), dim=-1)
            drawn = torch.multinomial(chances, 1, generator=dice)
            columns.append(drawn)
            batch.add(drawn[:, 0].to(model.device))
        made.append(torch.cat(columns, dim=1))
        told(first + count)
    return torch.cat(made)
