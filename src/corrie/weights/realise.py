"""A direction as tensors: made from its record and, where its normalisation needs them, the model's own weights."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from corrie.errors import InputError
from corrie.records.direction import Direction
from corrie.weights.noise import gaussian_noise
from corrie.weights.selection import squared_norm


@dataclass(frozen=True)
class RealisedDirection:
    """A direction's tensors, float32, on the device of the weights they move.

    direction  the record they come from
    tensors    name → tensor of the model's shape
    norm       ‖δ‖₂
    """

    direction: Direction
    tensors: Mapping[str, Tensor]
    norm: float

    def __str__(self) -> str:
        return f"{self.direction.id}: ‖δ‖ = {self.norm:.6g} over {len(self.tensors)} tensors"


def realise(direction: Direction, pristine: Mapping[str, Tensor]) -> RealisedDirection:
    """The tensors of a direction for a model whose unmoved tensors are ``pristine``.

    >>> from corrie.records.direction import Gaussian
    >>> unit = realise(Gaussian(seed=1, normalisation="unit"), {"w": torch.ones(3, 4)})
    >>> round(unit.norm, 6), tuple(unit.tensors["w"].shape)
    (1.0, (3, 4))
    """
    tensors = {
        name: torch.from_numpy(gaussian_noise(direction.seed, name, base.numel())).reshape(base.shape).to(base.device)
        for name, base in pristine.items()
    }
    _NORMALISE[direction.normalisation](tensors, pristine)
    norm = math.sqrt(sum(squared_norm(t) for t in tensors.values()))
    return RealisedDirection(direction=direction, tensors=tensors, norm=norm)


def _as_drawn(tensors: Mapping[str, Tensor], pristine: Mapping[str, Tensor]) -> None:
    """``none``: δ ~ N(0, I), α ≡ σ (the paper's)."""


def _unit(tensors: Mapping[str, Tensor], pristine: Mapping[str, Tensor]) -> None:
    """``unit``: ‖δ‖ = 1, α is the L2 distance."""
    norm = math.sqrt(sum(squared_norm(t) for t in tensors.values()))
    if norm == 0.0:
        raise InputError("a direction of norm 1", found="no numbers to move")
    for tensor in tensors.values():
        tensor.div_(norm)


def _layer(tensors: Mapping[str, Tensor], pristine: Mapping[str, Tensor]) -> None:
    """``layer``: every tensor has the norm of the model's tensor, α is a share of it."""
    for name, tensor in tensors.items():
        drawn = math.sqrt(squared_norm(tensor))
        tensor.mul_(math.sqrt(squared_norm(pristine[name])) / drawn if drawn else 0.0)


def _filter(tensors: Mapping[str, Tensor], pristine: Mapping[str, Tensor]) -> None:
    """``filter``: every row (first index) has the norm of the model's row; a tensor of one index is one row."""
    for name, tensor in tensors.items():
        rows = (tensor.shape[0], -1) if tensor.dim() > 1 else (1, -1)
        drawn = tensor.reshape(rows).norm(dim=1, keepdim=True)
        wanted = pristine[name].reshape(rows).float().norm(dim=1, keepdim=True)
        scale = torch.where(drawn > 0, wanted / drawn, torch.zeros_like(drawn))
        tensor.copy_((tensor.reshape(rows) * scale).reshape(tensor.shape))


_NORMALISE: dict[str, Callable[[Mapping[str, Tensor], Mapping[str, Tensor]], None]] = {
    "none": _as_drawn,
    "unit": _unit,
    "layer": _layer,
    "filter": _filter,
}
