"""Greedy generation: a batch of prompts, padded on the left, one token at a time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import nn

from corrie.models.head import logits_at
from corrie.models.key_values import keys_and_values_of, known_by


class Written(NamedTuple):
    """One continuation: token ids without the end token, did it end by itself, were all logits numbers."""

    ids: tuple[int, ...]
    ended: bool
    finite: bool


@torch.no_grad()
def write_greedily(
    module: nn.Module, prompts: Sequence[tuple[int, ...]], max_tokens: int, end_tokens: frozenset[int]
) -> list[Written]:
    """The most likely token after each prompt, again and again, until an end token or the limit.

    Nothing random, no penalties, no clock: a function of the weights and the batch. A row whose logits are no
    numbers stops there.
    """
    model: Any = module
    device = next(module.parameters()).device
    longest, batch = max(map(len, prompts)), len(prompts)
    ids = torch.zeros((batch, longest), dtype=torch.long)
    mask = torch.zeros((batch, longest), dtype=torch.long)
    for row, prompt in enumerate(prompts):
        ids[row, longest - len(prompt) :] = torch.tensor(prompt)
        mask[row, longest - len(prompt) :] = 1
    ids, mask = ids.to(device), mask.to(device)
    positions = (mask.cumsum(dim=1) - 1).clamp_(min=0)
    rows = torch.arange(batch, device=device)
    cache: Any = None
    written: list[list[int]] = [[] for _ in prompts]
    ended, finite = [False] * batch, [True] * batch
    for _ in range(max_tokens):
        with logits_at(module, rows, torch.full_like(rows, ids.shape[1] - 1)):
            out = model(
                input_ids=ids, attention_mask=mask, position_ids=positions, use_cache=True, **known_by(module, cache)
            )
        logits, cache = out.logits[0], keys_and_values_of(out)
        numbers = torch.isfinite(logits).all(dim=1).tolist()
        best = logits.argmax(dim=1)
        for row, token in enumerate(best.tolist()):
            if ended[row] or not finite[row]:
                continue
            if not numbers[row]:
                finite[row] = False
            elif token in end_tokens:
                ended[row] = True
            else:
                written[row].append(token)
        if all(e or not f for e, f in zip(ended, finite, strict=True)):
            break
        ids = best[:, None]
        positions = positions[:, -1:] + 1
        mask = torch.cat([mask, mask.new_ones((batch, 1))], dim=1)
    return [Written(tuple(w), e, f) for w, e, f in zip(written, ended, finite, strict=True)]
