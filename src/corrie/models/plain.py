"""The slow engine: every sequence alone, no sharing, no mask. The reference that the fast one is measured against,
and what runs where a model cannot take a tree (recurrent layers, attention that counts the row and not the depth)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from corrie.models.encoding import Sequenced
from corrie.models.likelihood import TokenScores, token_scores
from corrie.models.rope import forget_longer_rows


class PlainEngine:
    """Scores sequences for one state of the weights, one forward pass of the whole sequence each (a rope may be chosen
    by its length)."""

    def __init__(self, module: nn.Module, rows: int = 1) -> None:
        self.module: Any = module
        self.rows = rows
        self.device = next(module.parameters()).device

    def score(self, questions: Sequence[Sequence[Sequenced]], shared: tuple[int, ...] = ()) -> list[list[TokenScores]]:
        """For each continuation of each question the scores of its scored tokens (``shared`` is of no use here)."""
        return self.score_rows(questions, shared)[0]

    @torch.no_grad()
    def score_rows(
        self, questions: Sequence[Sequence[Sequenced]], shared: tuple[int, ...] = ()
    ) -> list[list[list[TokenScores]]]:
        """The same for every row of a batch of equal rows."""
        found = [[self._one(s) for s in q] for q in questions]
        return [[[scores[row] for scores in q] for q in found] for row in range(self.rows)]

    @torch.no_grad()
    def logits(self, sequence: Sequenced) -> Tensor:
        """What is predicted at each scored token, shape (rows, scored tokens, vocabulary), as the model gives it."""
        forget_longer_rows(self.module)
        ids = torch.tensor([sequence.ids], device=self.device)
        logits = self.module(input_ids=ids.expand(self.rows, -1), use_cache=False).logits
        return logits[:, sequence.start - 1 : -1]

    def _one(self, sequence: Sequenced) -> list[TokenScores]:
        targets = torch.tensor(sequence.ids[sequence.start :], device=self.device)
        return [token_scores(row, targets) for row in self.logits(sequence)]
