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
from corrie.weights.shard import Processes, PutTogether, cut_like, is_sharded, local_part, span_of, whole_tensor
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
    """The tensors of a direction for a model whose unmoved tensors are ``pristine``. Of tensors that are sharded over
    processes, which must all ask, it holds the part that lies here, and the norm is that of the whole.

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
    together = Processes.of(pristine.values())
    tensors = dict(parts(direction, pristine, sources))
    squares = (squared_norm(t) * together.share(pristine.get(n, t)) for n, t in tensors.items())
    norm = math.sqrt(*together.sums([sum(squares)]))
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

    Memory: two tensors.

    Raises:
        InputError, ModelError: as of :func:`realise`; a direction that moves nothing is not refused.

    >>> from corrie.records.paths import Quantised
    >>> [(name, float(part.sum())) for name, part in parts(Quantised(bits=8), {"w": torch.ones(2, 2)})]
    [('w', 0.0)]
    """
    make = _MAKERS[direction.kind]
    if isinstance(direction, Gaussian) or not any(map(is_sharded, pristine.values())):
        yield from make(direction, pristine, sources or Sources())
        return
    for name, part in make(direction, PutTogether(pristine), sources or Sources()):
        yield name, cut_like(part, pristine[name]) if name in pristine else part


def _gaussian(direction: Gaussian, pristine: Mapping[str, Tensor], sources: Sources) -> Iterator[tuple[str, Tensor]]:
    """The noise law and the normalisation."""
    law = gaussian_law(direction, pristine)
    for name, base in pristine.items():
        yield name, law(name, base)


_Law = Callable[[str, Tensor], Tensor]
"""(name, the model's own tensor) → the direction's part, float32."""


def gaussian_law(direction: Gaussian, pristine: Mapping[str, Tensor]) -> _Law:
    """How the parts of a Gaussian direction are made, each for itself: the noise law, and then the normalisation.

    Of a tensor that is sharded over processes it makes the part that lies here. Where the numbers are taken as they are
    drawn, nothing else is drawn for that; every other normalisation needs the whole tensor in each process.

    Raises:
        InputError: a direction of norm 1 without numbers.
    """
    if direction.normalisation == "none":
        return lambda name, base: _drawn_here(direction.seed, name, base)
    scale = _SCALES[direction.normalisation](direction, pristine)

    def law(name: str, base: Tensor) -> Tensor:
        own = whole_tensor(base)
        tensor = _drawn(direction.seed, name, own)
        scale(tensor, own)
        return cut_like(tensor, base)

    return law


def _drawn(seed: int, name: str, base: Tensor) -> Tensor:
    """The numbers of the noise law for one tensor, as they are drawn."""
    return device_noise(seed, name, base.numel(), base.device).reshape(base.shape)


def _drawn_here(seed: int, name: str, base: Tensor) -> Tensor:
    """Those of the part of a tensor that lies in this process."""
    span, here = span_of(base), local_part(base)
    if span is None:
        return cut_like(device_noise(seed, name, base.numel(), here.device).reshape(base.shape), base)
    return device_noise(seed, name, here.numel(), here.device, span.begin).reshape(here.shape)


_Scale = Callable[[Tensor, Tensor], object]
"""(a drawn tensor, the model's own) → None: the first is scaled in place."""


def _unit(direction: Gaussian, pristine: Mapping[str, Tensor]) -> _Scale:
    """``unit``: ‖δ‖ = 1 over all tensors together, α is the L2 distance. All are drawn once for their norm."""
    norm = math.sqrt(sum(squared_norm(_drawn(direction.seed, name, base)) for name, base in pristine.items()))
    if norm == 0.0:
        raise InputError("a direction of norm 1", found="no numbers to move")
    return lambda tensor, own: tensor.div_(norm)


def _layer(direction: Gaussian, pristine: Mapping[str, Tensor]) -> _Scale:
    """``layer``: every tensor has the norm of the model's tensor, α is a share of it."""

    def scale(tensor: Tensor, own: Tensor) -> None:
        drawn = math.sqrt(squared_norm(tensor))
        tensor.mul_(math.sqrt(squared_norm(own)) / drawn if drawn else 0.0)

    return scale


def _filter(direction: Gaussian, pristine: Mapping[str, Tensor]) -> _Scale:
    """``filter``: every row (first index) has the norm of the model's row; a tensor of one index is one row."""

    def scale(tensor: Tensor, own: Tensor) -> None:
        rows = (tensor.shape[0], -1) if tensor.dim() > 1 else (1, -1)
        drawn = tensor.reshape(rows).norm(dim=1, keepdim=True)
        wanted = own.reshape(rows).float().norm(dim=1, keepdim=True)
        share = torch.where(drawn > 0, wanted / drawn, torch.zeros_like(drawn))
        tensor.copy_((tensor.reshape(rows) * share).reshape(tensor.shape))

    return scale


_SCALES: dict[str, Callable[[Gaussian, Mapping[str, Tensor]], _Scale]] = {
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
