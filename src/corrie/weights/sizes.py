"""How large a direction is, tensor by tensor, and how much of it points another direction's way.

    ‖δ_W‖² for each tensor W;   Σ over tensors is ‖δ‖²;   cos(δ, ω) = ⟨δ, ω⟩ / (‖δ‖ ‖ω‖),

float32 products added up in float64. Read one tensor at a time: beside the model no more than two tensors of each
direction are in memory.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice

import torch
from torch import Tensor

from corrie.records.direction import Direction
from corrie.weights.realise import parts
from corrie.weights.selection import CHUNK, squared_norm
from corrie.weights.sources import Sources


@dataclass(frozen=True)
class Sizes:
    """A direction's size.

    norms    tensor name → ‖δ_W‖₂, for every tensor that moves
    cosine   with the other direction; None where there is none, or one of the two is zero
    other    ‖ω‖₂ of the other direction; None where there is none
    """

    norms: Mapping[str, float]
    cosine: float | None = None
    other: float | None = None

    @property
    def norm(self) -> float:
        """‖δ‖₂."""
        return math.sqrt(math.fsum(n * n for n in self.norms.values()))

    def __str__(self) -> str:
        return f"‖δ‖ = {self.norm:.6g} over {sum(n > 0 for n in self.norms.values())} tensors"


def sizes(
    direction: Direction, pristine: Mapping[str, Tensor], sources: Sources, other: Direction | None = None
) -> Sizes:
    """The sizes of a direction's tensors.

    Args:
        direction: along a path (a Gaussian one would be drawn whole).
        pristine: name → the model's own tensor, for every tensor that moves.
        sources: where the files lie.
        other: a second direction, to measure the angle to.

    Raises:
        InputError, ModelError: as of :func:`corrie.weights.realise.parts`.

    >>> from corrie.records.paths import Quantised
    >>> rough, fine = Quantised(bits=4), Quantised(bits=8)
    >>> found = sizes(rough, {"w": torch.linspace(-1, 1, 32).reshape(2, 16)}, Sources(), other=rough)
    >>> list(found.norms), round(found.cosine, 6), found.other == found.norm
    (['w'], 1.0, True)
    """
    norms: dict[str, float] = {}
    pristine = {name: own.detach() for name, own in pristine.items()}
    if other is None:
        for name, part in parts(direction, pristine, sources):
            norms[name] = math.sqrt(squared_norm(part))
        return Sizes(norms)
    dots, squares = [], []
    for name, part, theirs in _both(direction, other, pristine, sources):
        norms[name] = math.sqrt(squared_norm(part))
        dots.append(_dot(part, theirs))
        squares.append(squared_norm(theirs))
    found, length = Sizes(norms), math.sqrt(math.fsum(squares))
    product = found.norm * length
    return Sizes(norms, max(-1.0, min(1.0, math.fsum(dots) / product)) if product else None, length)


def _both(
    direction: Direction, other: Direction, pristine: Mapping[str, Tensor], sources: Sources
) -> Iterator[tuple[str, Tensor, Tensor]]:
    """Two directions tensor by tensor. Where one of them moves the two places of a tied tensor apart, the other moves
    the second as the first."""
    tied = sources.layout.tied
    held: dict[str, tuple[Tensor, Tensor]] = {}
    ours, theirs = parts(direction, pristine, sources), parts(other, pristine, sources)
    for name, part, part_of_other in (
        (n, a, b) for (n, a), (_, b) in islice(zip(ours, theirs, strict=True), len(pristine))
    ):
        if name in tied.values():
            held[name] = part, part_of_other
        yield name, part, part_of_other
    apart, apart_of_other = dict(ours), dict(theirs)
    for name in sorted({*apart, *apart_of_other}):
        one, two = held[tied[name]]
        yield name, apart.get(name, one), apart_of_other.get(name, two)


def _dot(one: Tensor, two: Tensor) -> float:
    """⟨one, two⟩."""
    pairs = zip(one.reshape(-1).split(CHUNK), two.to(one.device).reshape(-1).split(CHUNK), strict=True)
    return math.fsum(float(torch.dot(a.float(), b.float())) for a, b in pairs)
