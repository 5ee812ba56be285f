"""From logits to what a reading needs: log-likelihood, greedy or not, the greedy token."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

_ROWS = 64
"""Rows of logits turned into float32 at a time."""


class TokenScores(NamedTuple):
    """For N predicted tokens: log-likelihood in nats (NaN where it is no number), whether each is the most likely
    token at its place, and which token that is."""

    log_likelihood: Tensor
    greedy: Tensor
    best: Tensor


def token_scores(logits: Tensor, targets: Tensor) -> TokenScores:
    """Scores of target tokens, shape (N,), from logits, shape (N, vocabulary), in float32 and on the CPU.

    >>> scores = token_scores(torch.tensor([[0.0, 1.0]]), torch.tensor([1]))
    >>> round(scores.log_likelihood.item(), 6), scores.greedy.item(), scores.best.item()
    (-0.313262, True, 1)
    """
    likelihoods, greedy, best = [], [], []
    for part, target in zip(logits.split(_ROWS), targets.split(_ROWS), strict=True):
        rows = part.float()
        wanted = rows.gather(1, target[:, None]).squeeze(1)
        value = wanted - torch.logsumexp(rows, dim=1)
        broken = ~torch.isfinite(value)
        top = rows.argmax(dim=1)
        likelihoods.append(value.masked_fill(broken, float("nan")))
        greedy.append((top == target) & ~broken)
        best.append(top)
    return TokenScores(torch.cat(likelihoods).cpu(), torch.cat(greedy).cpu(), torch.cat(best).cpu())
