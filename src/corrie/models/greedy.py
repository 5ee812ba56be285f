"""Greedy generation: a batch of prompts, padded on the left, one token at a time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from corrie.models.head import logits_at
from corrie.models.key_values import keys_and_values_of, known_by
from corrie.models.rope import forget_longer_rows


class Written(NamedTuple):
    """One continuation: token ids without the end token, did it end by itself, were all logits numbers."""

    ids: tuple[int, ...]
    ended: bool
    finite: bool


class Batch:
    """Prompts of any length, padded on the left where their lengths differ, that grow token by token.

    keep   keys and values (or states) of what was read are kept; without, the whole is read again at every token, as
           it also is where a model gives none out
    """

    def __init__(self, module: nn.Module, prompts: Sequence[tuple[int, ...]], keep: bool = True) -> None:
        self._module: Any = module
        device = next(module.parameters()).device
        longest, batch = max(map(len, prompts)), len(prompts)
        padding = [longest - len(prompt) for prompt in prompts]
        self._ids = torch.tensor([[0] * p + list(prompt) for p, prompt in zip(padding, prompts, strict=True)]).to(
            device
        )
        self._mask = torch.tensor([[0] * p + [1] * (longest - p) for p in padding]).to(device) if any(padding) else None
        starts = torch.tensor(padding, device=device)[:, None]
        self._positions = (torch.arange(longest, device=device)[None] - starts).clamp_(min=0)
        self._rows = torch.arange(batch, device=device)
        self._keep, self._known, self._read = keep, None, 0
        forget_longer_rows(module)

    @torch.no_grad()
    def logits(self) -> Tensor:
        """Of the token that comes next, shape (batch, vocabulary)."""
        module, ids = self._module, self._ids[:, self._read :]
        # without padding the model counts positions by its own rule
        padded: dict[str, Tensor] = {}
        if self._mask is not None:
            padded = {"attention_mask": self._mask, "position_ids": self._positions[:, self._read :]}
        known = known_by(module, self._known) if self._keep else {}
        with logits_at(module, self._rows, torch.full_like(self._rows, ids.shape[1] - 1)):
            out = module(input_ids=ids, use_cache=self._keep, **padded, **known)
        if self._keep:
            self._known = keys_and_values_of(out)
            self._keep = self._known is not None
            self._read = self._ids.shape[1] if self._keep else 0
        return out.logits[0]

    def add(self, tokens: Tensor) -> None:
        """One token more for each row, shape (batch,)."""
        self._ids = torch.cat([self._ids, tokens[:, None]], dim=1)
        self._positions = torch.cat([self._positions, self._positions[:, -1:] + 1], dim=1)
        if self._mask is not None:
            self._mask = torch.cat([self._mask, self._mask.new_ones((len(tokens), 1))], dim=1)


def write_greedily(
    module: nn.Module,
    prompts: Sequence[tuple[int, ...]],
    max_tokens: int,
    end_tokens: frozenset[int],
    keep: bool = True,
) -> list[Written]:
    """The most likely token after each prompt, again and again, until an end token or the limit.

    Nothing random, no penalties, no clock: a function of the weights and the batch. A row whose logits are no
    numbers stops there. ``keep``: see :class:`Batch`.
    """
    batch = Batch(module, prompts, keep)
    written: list[list[int]] = [[] for _ in prompts]
    ended, finite = [False] * len(prompts), [True] * len(prompts)
    for _ in range(max_tokens):
        logits = batch.logits()
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
        batch.add(best)
    return [Written(tuple(w), e, f) for w, e, f in zip(written, ended, finite, strict=True)]
