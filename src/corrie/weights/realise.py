"""A direction as tensors: made from its record, the model's own weights, and files where its numbers lie in files.

Each kind of record has its maker; they share one shape, (record, pristine tensors, sources) → (name, tensor), one after
the other. :func:`realise` keeps them all; :func:`parts` hands them on, for what needs no more than one at a time.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from corrie.errors import InputError
from corrie.records.direction import Direction, Gaussian
from corrie.weights.adapter import adapter_parts
from corrie.weights.device_noise import device_noise
from corrie.weights.difference import difference
from corrie.weights.rounding import rounding
from corrie.weights.saved import saved_parts
from corrie.weights.selection import squared_norm
from corrie.weights.sources import Sources


@dataclass(frozen=True)
class RealisedDirection:
    """A direction's tensors, float32, on the device of the weights they move.

    direction  the record they come from
    tensors    name → tensor of the model's shape; also under the second name of a tied tensor, where the direction
               moves its two places apart
    norm       ‖δ‖₂
    """

    direction: Direction
    tensors: Mapping[str, Tensor]
    norm: float

    def together(self, names: Collection[str]) -> RealisedDirection:
        """The direction itself, for whoever moves each tied tensor as one.

        Raises:
            InputError: it moves two places of a tied tensor apart.
        """
        apart = [name for name in self.tensors if name not in names]
        if apart:
            raise InputError(
                str(self.direction),
                found=f"it moves {apart[0]} away from the tensor that it is tied to, which lies in no subspace of the "
                "model's own weights",
                advice="an untied copy of the model, or an adapter without embeddings and head",
            )
        return self

    def __str__(self) -> str:
        return f"{self.direction.id}: ‖δ‖ = {self.norm:.6g} over {len(self.tensors)} tensors"


def realise(direction: Direction, pristine: Mapping[str, Tensor], sources: Sources | None = None) -> RealisedDirection:
    """The tensors of a direction for a model whose unmoved tensors are ``pristine``.

    Args:
        direction: the record.
        pristine: name → the model's own tensor, for every tensor that moves.
        sources: where content lies that a record names by its hash (checkpoints, adapters, saved directions).

    Raises:
        InputError: content that is not available, or a direction that moves nothing of what is selected.
        ModelError: files that do not hold what they should.

    >>> from corrie.records.direction import Gaussian
    >>> unit = realise(Gaussian(seed=1, normalisation="unit"), {"w": torch.ones(3, 4)})
    >>> round(unit.norm, 6), tuple(unit.tensors["w"].shape)
    (1.0, (3, 4))
    """
    tensors = dict(_MAKERS[direction.kind](direction, pristine, sources or Sources()))
    norm = math.sqrt(sum(squared_norm(t) for t in tensors.values()))
    refuse_nothing(direction, norm)
    return RealisedDirection(direction=direction, tensors=tensors, norm=norm)


def refuse_nothing(direction: Direction, norm: float) -> None:
    """Refuse a path that moves nothing of what is selected; a drawn direction may.

    Raises:
        InputError: its norm is 0.
    """
    if norm == 0.0 and direction.normalisation == "path":
        raise InputError(
            str(direction), found="it moves nothing: it is zero in every tensor that is selected", advice="another one"
        )


def parts(
    direction: Direction, pristine: Mapping[str, Tensor], sources: Sources | None = None
) -> Iterator[tuple[str, Tensor]]:
    """The tensors of a direction, (name, float32 tensor), made and handed on one at a time.

    Memory: along a path, two tensors. A Gaussian direction is drawn whole.

    Raises:
        InputError, ModelError: as of :func:`realise`; a direction that moves nothing is not refused.

    >>> from corrie.records.paths import Quantised
    >>> [(name, float(part.sum())) for name, part in parts(Quantised(bits=8), {"w": torch.ones(2, 2)})]
    [('w', 0.0)]
    """
    return _MAKERS[direction.kind](direction, pristine, sources or Sources())


def _gaussian(direction: Gaussian, pristine: Mapping[str, Tensor], sources: Sources) -> Iterator[tuple[str, Tensor]]:
    """The noise law, and then the normalisation."""
    tensors = {name: drawn(direction, name, base) for name, base in pristine.items()}
    normalise(direction, tensors, pristine)
    yield from tensors.items()


def drawn(direction: Gaussian, name: str, base: Tensor) -> Tensor:
    """The numbers of the noise law for one tensor, as they are drawn."""
    return device_noise(direction.seed, name, base.numel(), base.device).reshape(base.shape)


def normalise(direction: Gaussian, tensors: Mapping[str, Tensor], pristine: Mapping[str, Tensor]) -> None:
    """Scale drawn tensors as the direction says, in place: ``unit`` takes all of them together, every other law each
    for itself."""
    _NORMALISE[direction.normalisation](tensors, pristine)


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

_MAKERS: dict[str, Callable[[Any, Mapping[str, Tensor], Sources], Iterator[tuple[str, Tensor]]]] = {
    "gaussian": _gaussian,
    "difference": difference,
    "adapter": adapter_parts,
    "quantised": rounding,
    "saved": saved_parts,
}
