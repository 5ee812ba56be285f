"""Which part of a tensor lies in this process."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn


def _is_distributed() -> bool:
    """Without it nothing is sharded, and torch's modules for it (a second to import) are not needed."""
    return torch.distributed.is_available() and torch.distributed.is_initialized()


def local_part(tensor: Tensor) -> Tensor:
    """The plain tensor that lies here: the shard of a DTensor, the tensor itself otherwise. It shares memory."""
    detached = tensor.detach()
    return detached.to_local() if is_sharded(tensor) else detached  # type: ignore[attr-defined]


def is_sharded(tensor: Tensor) -> bool:
    """True for a DTensor (FSDP2, tensor parallelism), replicated ones included. From torch 2.5."""
    if not _is_distributed():
        return False
    try:
        from torch.distributed.tensor import DTensor
    except ImportError:
        return False
    return isinstance(tensor, DTensor)


def is_fsdp(model: nn.Module) -> bool:
    """True for a module that ``fully_shard`` (FSDP2) has been applied to. From torch 2.6."""
    if not _is_distributed():
        return False
    try:
        from torch.distributed.fsdp import FSDPModule
    except ImportError:
        return False
    return isinstance(model, FSDPModule)


def forget_gathered(model: nn.Module) -> None:
    """Let an FSDP2 model drop the whole weights that it gathered for a pass, for the shards have changed."""
    for module in model.modules():
        if is_fsdp(module):
            module.reshard()  # type: ignore[operator]


@dataclass(frozen=True, slots=True)
class Stretch:
    """A shard that is one run of the whole tensor's elements in row-major order.

    begin, end   the elements begin … end−1 of ``numel``
    """

    begin: int
    end: int
    numel: int


def span_of(tensor: Tensor) -> Stretch | None:
    """The run of elements that lies here, or None where the shard is not one run (sharded in columns, or twice)."""
    if not is_sharded(tensor):
        return Stretch(0, tensor.numel(), tensor.numel())
    from torch.distributed.tensor import Shard

    placements, mesh = tensor.placements, tensor.device_mesh  # type: ignore[attr-defined]
    sharded = [(d, p) for d, p in enumerate(placements) if not p.is_replicate()]
    if not sharded:
        return Stretch(0, tensor.numel(), tensor.numel())
    if len(sharded) > 1 or type(sharded[0][1]) is not Shard or sharded[0][1].dim != 0:
        return None
    axis = sharded[0][0]
    rows, row = tensor.shape[0], tensor.numel() // max(tensor.shape[0], 1)
    share = -(-rows // mesh.size(axis))
    first = min(mesh.get_local_rank(axis) * share, rows)
    return Stretch(first * row, min(first + share, rows) * row, tensor.numel())


def cut_like(whole: Tensor, tensor: Tensor) -> Tensor:
    """The part of ``whole``, the same on every process, that lies where this process's part of ``tensor`` lies."""
    from torch.distributed.tensor import distribute_tensor

    mesh, placements = tensor.device_mesh, tensor.placements  # type: ignore[attr-defined]
    return distribute_tensor(whole, mesh, placements, src_data_rank=None).to_local()
