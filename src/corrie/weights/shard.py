"""Which part of a tensor lies in this process."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from corrie.errors import ModelError


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


def class_name(model: nn.Module) -> str:
    """The name of a module's class; ``fully_shard`` (FSDP2) puts a class of its own before it.

    >>> class_name(nn.Linear(1, 1))
    'Linear'
    """
    return type(model).__mro__[2 if is_fsdp(model) else 0].__name__


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


def whole_tensor(tensor: Tensor) -> Tensor:
    """All of a tensor: of a sharded one a copy, put together from all processes, which must all ask for it."""
    return tensor.detach().full_tensor() if is_sharded(tensor) else tensor  # type: ignore[attr-defined]


def cut_like(whole: Tensor, tensor: Tensor) -> Tensor:
    """The part of ``whole``, the same on every process, that lies where this process's part of ``tensor`` lies; all of
    it, where that is not sharded."""
    if not is_sharded(tensor):
        return whole
    from torch.distributed.tensor import distribute_tensor

    mesh, placements = tensor.device_mesh, tensor.placements  # type: ignore[attr-defined]
    return distribute_tensor(whole, mesh, placements, src_data_rank=None).to_local()


class PutTogether(Mapping[str, Tensor]):
    """Sharded tensors as whole ones, each put together when it is asked for."""

    def __init__(self, tensors: Mapping[str, Tensor]) -> None:
        self._tensors = tensors

    def __getitem__(self, name: str) -> Tensor:
        return whole_tensor(self._tensors[name])

    def __contains__(self, name: object) -> bool:
        return name in self._tensors

    def __iter__(self) -> Iterator[str]:
        return iter(self._tensors)

    def __len__(self) -> int:
        return len(self._tensors)


@dataclass(frozen=True, eq=False)
class Processes:
    """The processes over which tensors are sharded, for sums over all of them.

    mesh     a ``DeviceMesh``; None: nothing is sharded, and there is this process alone
    """

    mesh: Any = None

    @classmethod
    def of(cls, tensors: Iterable[Tensor]) -> Processes:
        """Those of some tensors.

        Raises:
            ModelError: tensors of several meshes, or sharded in a way that is neither rows nor columns.
        """
        sharded = [t for t in tensors if is_sharded(t)]
        if not sharded:
            return cls()
        from torch.distributed.tensor import Replicate, Shard

        mesh = sharded[0].device_mesh  # type: ignore[attr-defined]
        odd = [p for t in sharded for p in t.placements if type(p) not in (Shard, Replicate)]  # type: ignore[attr-defined]
        if odd or any(t.device_mesh != mesh for t in sharded):  # type: ignore[attr-defined]
            raise ModelError(
                "moving a model that is sharded over processes",
                found=f"tensors placed as {odd[0]}" if odd else "tensors of several meshes",
                advice="fully_shard or tensor parallelism over one mesh, not both",
            )
        return cls(mesh)

    def share(self, tensor: Tensor) -> float:
        """1 over the processes that hold the same part of a tensor."""
        if self.mesh is None:
            return 1.0
        if not is_sharded(tensor):
            return 1.0 / self.mesh.size()
        placements = tensor.placements  # type: ignore[attr-defined]
        return 1.0 / math.prod(self.mesh.size(d) for d, p in enumerate(placements) if p.is_replicate())

    def sums(self, numbers: Sequence[float]) -> list[float]:
        """Each number added up over all processes, the same in each of them."""
        if self.mesh is None:
            return list(numbers)
        found = torch.tensor(numbers, dtype=torch.float64, device=self.mesh.device_type)
        for axis in range(self.mesh.ndim):
            torch.distributed.all_reduce(found, group=self.mesh.get_group(axis))
        return found.tolist()
