"""What rounding to a few bits does to weights, as tensors: will quantisation leave a basin?

    Q(x) = s·round(x/s),    s = max|x|/(2^(b−1) − 1) over the numbers that share a scale,

round half to even, so |Q(x) − x| ≤ s/2 and the levels are −(2^(b−1) − 1) … 2^(b−1) − 1. Matrices are rounded;
embeddings, the output head, norms and biases stay, as quantised checkpoints usually keep them. A *row* is the last
index of a tensor: the inputs of one output of a linear layer (of one input in GPT-2, which stores its matrices the
other way round). Where the last block of a row is shorter, it has a scale of its own all the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase

import torch
from torch import Tensor

from corrie.records.paths import Quantised
from corrie.weights.sources import Sources

STAY = ("*embed*", "*wte.*", "*wpe.*", "*lm_head.*", "*norm*", "*.ln_*")
"""Names of tensors that are not rounded; nor are tensors of one index."""


def rounding(
    direction: Quantised, pristine: Mapping[str, Tensor], sources: Sources | None = None
) -> Iterator[tuple[str, Tensor]]:
    """δ = Q(θ0) − θ0, float32, one tensor after the other."""
    for name, own in pristine.items():
        if is_rounded(name, own):
            yield name, round_to_grid(own, direction.bits, direction.block).sub_(own.float())
        else:
            yield name, _still(own)


def is_rounded(name: str, tensor: Tensor) -> bool:
    """Whether a tensor is a matrix that quantised checkpoints round.

    >>> is_rounded("model.layers.0.mlp.up_proj.weight", torch.ones(2, 2))
    True
    >>> is_rounded("model.embed_tokens.weight", torch.ones(2, 2))
    False
    """
    return tensor.dim() > 1 and not any(fnmatchcase(name, pattern) for pattern in STAY)


def round_to_grid(tensor: Tensor, bits: int, block: int | None = None) -> Tensor:
    """Q(x), float32, in the tensor's shape.

    Args:
        tensor: of any shape; its last index runs along a row.
        bits: b.
        block: numbers along a row that share a scale (None: the whole row).

    >>> round_to_grid(torch.tensor([[7.0, 3.4, -0.6, 0.0]]), bits=4)
    tensor([[ 7.,  3., -1.,  0.]])
    """
    top = 2 ** (bits - 1) - 1
    width = tensor.shape[-1]
    rows = tensor.detach().float().reshape(-1, width).clone()
    for start in range(0, width, block or max(width, 1)):
        part = rows[:, start : start + (block or width)]
        scale = part.abs().amax(dim=1, keepdim=True) / top
        part.div_(torch.where(scale > 0, scale, torch.ones_like(scale))).round_().mul_(scale)
    return rows.reshape(tensor.shape)


def _still(own: Tensor) -> Tensor:
    """Zeros of a tensor's shape that take no memory."""
    return torch.zeros((), device=own.device).expand(own.shape)
