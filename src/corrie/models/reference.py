"""What the unmoved model said, kept while its weights are moved: the other side of a comparison.

For a sequence of which N tokens are scored, its logits have the shape (N, vocabulary), as the model gave them (its own
precision, on its own device). Every sequence runs alone, so the same weights give the same logits whatever else is
asked, and the difference of a model from itself is 0 to the bit.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor

from corrie.errors import TaskError
from corrie.models.encoding import Sequenced

LARGEST_REFERENCE = 2**30
"""Bytes that all kept logits may take: about 5,000 tokens of a vocabulary of 50,000 in float32."""

_ROWS = 64
"""Rows of logits turned into float32 at a time."""


@dataclass(frozen=True, slots=True)
class Divergence:
    """How far the present weights are from the unmoved ones on one text.

    nats         KL(unmoved ‖ present), summed over its tokens, nats; NaN where the logits are no numbers
    tokens       how many tokens were predicted
    agreeing     at how many of them the most likely token is the unmoved model's
    answer       the most likely token at each place, decoded
    """

    nats: float
    tokens: int
    agreeing: int
    answer: str


class Reference:
    """The logits of one model at its unmoved weights, by sequence.

    >>> reference = Reference()
    >>> reference.keep(Sequenced((5, 6), 1), torch.tensor([[0.0, 1.0]]))
    >>> reference.of(Sequenced((5, 6), 1)).tolist(), Sequenced((5, 7), 1) in reference
    ([[0.0, 1.0]], False)
    """

    def __init__(self, largest: int = LARGEST_REFERENCE) -> None:
        self._largest = largest
        self._logits: dict[Sequenced, Tensor] = {}

    def __contains__(self, sequence: Sequenced) -> bool:
        return sequence in self._logits

    @property
    def sequences(self) -> tuple[Sequenced, ...]:
        """What it keeps the logits of."""
        return tuple(self._logits)

    @property
    def size(self) -> int:
        """Bytes of what is kept."""
        return sum(logits.numel() * logits.element_size() for logits in self._logits.values())

    def keep(self, sequence: Sequenced, logits: Tensor) -> None:
        """Keep what the unmoved model says of a sequence, shape (N, vocabulary). What is oldest makes room."""
        self._logits.pop(sequence, None)
        self._logits[sequence] = logits.clone()
        while self.size > self._largest:
            del self._logits[next(iter(self._logits))]

    def check(self, sequences: Iterable[Sequenced]) -> None:
        """Is all of it kept?

        Raises:
            TaskError: it takes more than is allowed.
        """
        if not all(sequence in self._logits for sequence in sequences):
            raise TaskError(
                "comparing with the unmoved model",
                found=f"what it says of these texts takes more than {self._largest / 2**20:,.0f} MiB",
                advice="fewer examples, such as agreement:20",
            )

    def of(self, sequence: Sequenced) -> Tensor:
        """What the unmoved model says of it.

        Raises:
            TaskError: it was not asked before the weights were moved.
        """
        found = self._logits.get(sequence)
        if found is None:
            raise TaskError(
                "comparing with the unmoved model",
                found="it was not asked about this text before its weights were moved",
                advice="corrie scan, which asks it first",
            )
        return found


class TokenDifferences(NamedTuple):
    """For N predicted tokens, on the CPU: KL in nats (float64, NaN where it is no number), whether the most likely
    token is the unmoved model's, and which token it is."""

    divergence: Tensor
    agrees: Tensor
    best: Tensor


def token_differences(unmoved: Tensor, present: Tensor) -> TokenDifferences:
    """From logits of both, shape (N, vocabulary): with p, q their softmax in float32,

        KL_t = Σ_v p_t(v) (log p_t(v) − log q_t(v)) ≥ 0,        agreement_t = [argmax_v p_t(v) = argmax_v q_t(v)].

    The sum runs over the whole vocabulary. A token that the unmoved model rules out (p = 0) adds nothing.

    >>> import math
    >>> even, sure = torch.tensor([[0.0, 0.0]]), torch.tensor([[math.log(3.0), 0.0]])
    >>> found = token_differences(even, sure)
    >>> round(found.divergence.item(), 6), round(0.5 * math.log(0.5 / 0.75) + 0.5 * math.log(0.5 / 0.25), 6)
    (0.143841, 0.143841)
    >>> token_differences(sure, sure).divergence.item(), found.agrees.item()
    (0.0, True)
    """
    parts: Any = [_part(u.float(), p.float()) for u, p in zip(unmoved.split(_ROWS), present.split(_ROWS), strict=True)]
    return TokenDifferences(*(torch.cat(column).cpu() for column in zip(*parts, strict=True)))


def _part(unmoved: Tensor, present: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    p, q = torch.log_softmax(unmoved, dim=1), torch.log_softmax(present, dim=1)
    weight = p.exp()
    terms = torch.where(weight > 0, weight * (p - q), torch.zeros((), device=p.device))
    # A divergence is never below 0; its sum of many small terms may be, by rounding. NaN stays NaN.
    divergence = terms.sum(dim=1, dtype=torch.float64).clamp(min=0.0)
    divergence = divergence.masked_fill(~torch.isfinite(divergence), float("nan"))
    numbers = torch.isfinite(torch.logsumexp(unmoved, dim=1)) & torch.isfinite(torch.logsumexp(present, dim=1))
    best = present.argmax(dim=1)
    return divergence, (best == unmoved.argmax(dim=1)) & numbers, best
