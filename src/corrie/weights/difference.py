"""From one checkpoint to another as tensors: read and subtracted one tensor at a time.

Memory: two tensors, and those of the direction that are kept; never a second model.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import torch
from torch import Tensor

from corrie.errors import ModelError
from corrie.records.paths import Difference
from corrie.weights.agreement import stored_name
from corrie.weights.sources import Sources
from corrie.weights.tensor_files import TensorFiles


def difference(direction: Difference, pristine: Mapping[str, Tensor], sources: Sources) -> Iterator[tuple[str, Tensor]]:
    """δ = float32(θ_tuned) − float32(θ_base) for every tensor that moves, one after the other.

    Where the base is the model itself its own tensors are taken, at the precision it runs in: so α = 1 is the tuned
    model as it would have been loaded at that precision, to one rounding of float32.

    Of a vocabulary of another size, rows that are not there stay where they are (law ``minus-common-1``).

    Raises:
        InputError: a checkpoint that was not looked at, or changed since.
        ModelError: a tensor that is not in it.
    """
    tuned = _Reader(direction.tuned, direction, sources)
    base = None if direction.base == sources.own else _Reader(direction.base, direction, sources)
    for name, own in pristine.items():
        start = (own if base is None else base.read(name)).to(own.device)
        there = tuned.read(name).to(own.device, torch.float32, copy=True)
        if len(there) < len(start) and direction.law != "minus-1":
            there = torch.cat([there, start[len(there) :].float()])
        yield name, there.sub_(start.float())


class _Reader:
    """One of the two checkpoints."""

    def __init__(self, content: str, direction: Difference, sources: Sources) -> None:
        self._tensors = sources.tensors(content, str(direction))
        self._files = self._tensors.files if self._tensors else TensorFiles.open(sources.path(content, str(direction)))

    def read(self, name: str) -> Tensor:
        if self._tensors is not None:
            return self._tensors.read(name)
        stored = stored_name(self._files.files, name)
        if stored is None:
            raise ModelError(f"weights {self._files.where}", found=f"{name} is missing from them")
        return self._files.read(stored)
