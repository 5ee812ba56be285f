"""How far a moved model is from the unmoved one on a text, as a loss that can be differentiated.

With p the unmoved and q the present model's distribution of the next token, over T places of a text and the whole
vocabulary V:

    KL = (1/T) Σ_t Σ_v p_t(v) (log p_t(v) − log q_t(v)) ≥ 0,        ∂KL/∂z_tv = (q_t(v) − p_t(v)) / T

for the logits z of q. The gradient is written out, not left to automatic differentiation, for two reasons: where the
present model is the unmoved one it is 0 to the bit (a rounded sum of p would leave 10⁻⁸, which Adam makes a full step
of), and it costs one buffer of T × V numbers less.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor


class _Divergence(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, logits: Tensor, unmoved: Tensor) -> Tensor:
        present = torch.log_softmax(logits.float(), dim=-1)
        weight = unmoved.float().exp()
        told = torch.where(weight > 0, weight * (unmoved.float() - present), torch.zeros((), device=weight.device))
        ctx.save_for_backward((present.exp_() - weight) / max(1, logits[..., 0].numel()))
        ctx.kind = logits.dtype
        return told.sum(dim=-1, dtype=torch.float64).mean().float()

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Any:
        (slope,) = ctx.saved_tensors
        return (slope * gradients[0]).to(ctx.kind), None


def divergence_of(logits: Tensor, unmoved: Tensor) -> Tensor:
    """KL(unmoved ‖ present) in nats a token, differentiable in the logits.

    Args:
        logits: of the present model, shape (…, vocabulary).
        unmoved: log probabilities of the unmoved one, the same shape.

    >>> even = torch.tensor([[0.0, 0.0]], requires_grad=True)
    >>> sure = torch.log_softmax(torch.tensor([[1.0986123, 0.0]]), 1)
    >>> loss = divergence_of(even, sure)
    >>> loss.backward()
    >>> round(loss.item(), 4), [round(slope, 4) for slope in even.grad[0].tolist()]
    (0.1308, [-0.25, 0.25])
    """
    found: Tensor = _Divergence.apply(logits, unmoved)  # pyright: ignore[reportAssignmentType]
    return found
