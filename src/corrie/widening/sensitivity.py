"""How much each weight's noise changes what a model says: the diagonal of its Fisher information, a token.

For small noise of standard deviation σ_i on weight i, the model at noise is from the unmoved one

    E KL(p_θ ‖ p_θ+ε) ≈ ½ Σ_i σ_i² F_i,        F_i = E_x E_{y ~ p_θ(·|x)} (∂ log p_θ(y | x) / ∂θ_i)²

F is estimated with tokens y that the model draws itself, at every place of a text at once: drawn independently, the
gradients of different places are uncorrelated, so the square of their sum is an unbiased estimate of the sum of their
squares. One backward pass for every batch of the text. Source: Martens 2020, section 5 (true, not *empirical*, Fisher).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn


def sensitivity(
    module: nn.Module, moved: Mapping[str, nn.Parameter], rows: Tensor, *, size: int, readings: int, seed: int = 0
) -> dict[str, Tensor]:
    """F of every weight that moves, in nats a token per squared unit of the weight.

    Args:
        module: a causal language model; neither its weights nor its ``grad`` change.
        moved: name → tensor.
        rows: the text, shape (windows, tokens).
        size: windows of a batch.
        readings: batches that are read; the text is read again, with other tokens drawn, where it has fewer.
        seed: of the tokens that are drawn.

    >>> from corrie.testing.toy_models import toy_module
    >>> module = toy_module()
    >>> found = sensitivity(module, dict(module.named_parameters()), torch.arange(60).view(6, 10), size=2, readings=3)
    >>> all(bool((f >= 0).all()) for f in found.values()), len(found) == len(list(module.parameters()))
    (True, True)
    """
    asked: Any = module
    tensors = list(moved.values())
    device = tensors[0].device
    recorded = [(p, p.requires_grad) for p in module.parameters()]
    dice = torch.Generator().manual_seed(seed)
    found = {name: torch.zeros_like(tensor, requires_grad=False) for name, tensor in moved.items()}
    batches, places = [b for b in rows.split(size) if len(b) == size], 0
    try:
        for p, _ in recorded:
            p.requires_grad_(False)
        for p in tensors:
            p.requires_grad_(True)
        with torch.enable_grad():
            for reading in range(readings):
                batch = batches[reading % len(batches)].to(device)
                said = torch.log_softmax(asked(batch, use_cache=False).logits.float(), dim=-1).flatten(0, -2)
                drawn = torch.multinomial(said.detach().exp().cpu(), 1, generator=dice).to(device)
                slopes = torch.autograd.grad(said.gather(1, drawn).sum(), tensors, allow_unused=True)
                places += len(drawn)
                for sum_of_squares, slope in zip(found.values(), slopes, strict=True):
                    if slope is not None:
                        sum_of_squares.addcmul_(slope, slope)
    finally:
        for p, before in recorded:
            p.requires_grad_(before)
    return {name: total / places for name, total in found.items()}
