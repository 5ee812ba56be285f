"""The slow engine: every sequence alone, no sharing, no mask. The reference that the fast one is measured against,
and what runs where a model cannot take a tree (recurrent layers, attention windows shorter than the row)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import nn

from corrie.models.encoding import Sequenced
from corrie.models.likelihood import TokenScores, token_scores


class PlainEngine:
    """Scores sequences for one state of the weights, one forward pass each."""

    def __init__(self, module: nn.Module) -> None:
        self.module: Any = module
        self.device = next(module.parameters()).device

    @torch.no_grad()
    def score(self, questions: Sequence[Sequence[Sequenced]], shared: tuple[int, ...] = ()) -> list[list[TokenScores]]:
        """For each continuation of each question the scores of its scored tokens (``shared`` is of no use here)."""
        return [[self._one(s) for s in q] for q in questions]

    def _one(self, sequence: Sequenced) -> TokenScores:
        ids = torch.tensor([sequence.ids], device=self.device)
        logits = self.module(input_ids=ids[:, :-1], use_cache=False).logits[0, sequence.start - 1 :]
        return token_scores(logits, ids[0, sequence.start :])
