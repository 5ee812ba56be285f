"""How long tensors are, and how far from where they were: L2, each tensor once, shards included."""

from __future__ import annotations

import math
from collections.abc import Iterable

import torch
from torch import Tensor

from corrie.errors import InputError
from corrie.weights.shard import is_sharded


def distinct(tensors: Iterable[Tensor], asked: str) -> tuple[Tensor, ...]:
    """The tensors, each once, in their order.

    Args:
        asked: the caller, for the error.

    Raises:
        InputError: there is none, or something else among them.
    """
    given = tuple(tensors) if isinstance(tensors, Iterable) else (tensors,)
    if not given or not all(isinstance(tensor, Tensor) for tensor in given):
        found = f"a {type(tensors).__name__} of other things than tensors" if given else "there is no tensor"
        raise InputError(asked, found=found, advice='model.parameters(), or choose(model, "*proj.weight")')
    return tuple(dict.fromkeys(given))


def length_of_all(tensors: Iterable[Tensor]) -> float:
    """The L2 norm of all the tensors' elements as one vector, summed in float64.

    >>> length_of_all([torch.tensor([3.0]), torch.tensor([[4.0]])])
    5.0
    """
    return math.sqrt(sum(_squared_length(tensor) for tensor in tensors))


@torch.no_grad()
def distance(tensors: Iterable[Tensor], start: Iterable[Tensor]) -> float:
    """The L2 distance ‖tensors − start‖, one tensor's difference in memory at a time.

    Differences are taken in float32, or in the tensors' own precision where that is higher. ``start`` may lie on
    another device.

    >>> distance([torch.tensor([1.0, 1.0])], [torch.tensor([1.0, 3.0])])
    2.0
    """
    return length_of_all(displacement(here, there) for here, there in zip(tensors, start, strict=True))


def displacement(here: Tensor, there: Tensor) -> Tensor:
    """here − there, in float32 at least, on here's device."""
    wide = torch.promote_types(here.dtype, torch.float32)
    return here.detach().to(wide) - there.detach().to(here.device, wide)


def root_mean_square(tensor: Tensor) -> float:
    """√(‖tensor‖² / elements): the size of a typical element.

    >>> round(root_mean_square(torch.tensor([1.0, -7.0])), 6)
    5.0
    """
    return math.sqrt(_squared_length(tensor, torch.float32) / max(tensor.numel(), 1))


def _squared_length(tensor: Tensor, dtype: torch.dtype = torch.float64) -> float:
    norm = torch.linalg.vector_norm(tensor.detach(), dtype=dtype)
    if is_sharded(norm):
        norm = norm.full_tensor()  # type: ignore[attr-defined]
    return float(norm) ** 2
