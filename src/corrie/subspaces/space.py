"""A subspace of weight changes, realised: coordinates in, weights (or rows of a batch) out.

    x ∈ R^k  ↦  θ0 + L x,        L linear and fixed,        noise on x ~ N(0, σ²I_k),        distance ‖x' − x‖₂

*Written* spaces set the model's weights (:mod:`corrie.subspaces.written_space`), one place at a time. *Row* spaces
leave the weights alone and let every row of a batch stand at a place of its own (:mod:`corrie.subspaces.row_space`).
Both are used in one way::

    with space.lent(rows) as places:
        places.put([x])        # the model's next passes are at θ0 + L x

Coordinates are tensors by name: drawn ones float32, sums float64. What is put is their sum, cast to the model's
precision: where they lie on a lattice hZ^k the sum is exact, and what the model computes is a function of x alone
(``design/what-a-certificate-says.md``).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from corrie.errors import InputError
from corrie.records.rules import check_sigma
from corrie.records.store import Realised
from corrie.records.subspace import Subspace, SubspaceNoise
from corrie.weights.noise import gaussian_noise

Coords = Mapping[str, Tensor]
"""Coordinates by name, on the CPU."""

FINENESS = 16
"""The lattice's step is the largest power of two that is at most σ · 2^−FINENESS: |ε|/h stays below 2^21, so the noise
is exact in float32 too, and rounding moves a coordinate by less than σ/10^5."""


class Places(Protocol):
    """A model whose passes can be put to places of a subspace."""

    def put(self, places: Sequence[Coords]) -> list[Realised]:
        """Stand at these places, one for each row; what the precision made of each."""
        ...


class Space(Protocol):
    """A subspace of one model's weight changes."""

    @property
    def spec(self) -> Subspace: ...

    @property
    def shapes(self) -> Mapping[str, tuple[int, ...]]:
        """Shape of the coordinates by name."""
        ...

    @property
    def most_rows(self) -> int | None:
        """How many places can be stood at together: 1 where weights are written, None where there is no limit."""
        ...

    def lent(self, rows: int) -> AbstractContextManager[Places]:
        """Lend the model out; on leaving it is what it was."""
        ...


def dimension(space: Space) -> int:
    """k, how many coordinates a subspace has."""
    return sum(math.prod(shape) for shape in space.shapes.values())


def nowhere(space: Space) -> dict[str, Tensor]:
    """x = 0: the model itself."""
    return {n: torch.zeros(shape) for n, shape in space.shapes.items()}


def fine_lattice(sigma: float) -> int:
    """The exponent e of the lattice step h = 2^e that goes with σ.

    Raises:
        InputError: a σ that is not above 0 and finite, or so small or large that float32 has no room for its lattice.

    >>> fine_lattice(0.4)
    -18
    """
    check_sigma(sigma)
    if not 2.0**-100 <= sigma <= 2.0**100:
        raise InputError(f"sigma {sigma:g}", found="no lattice of float32 numbers goes with it", advice="exact=False")
    return math.floor(math.log2(sigma)) - FINENESS


def draw_noise(shapes: Mapping[str, tuple[int, ...]], noise: SubspaceNoise, sigma: float) -> dict[str, Tensor]:
    """ε ~ N(0, σ²I_k), rounded to the noise's lattice if it has one.

    >>> noise = SubspaceNoise(subspace="full@1", seed=0, lattice=-3)
    >>> (8 * draw_noise({"w": (3,)}, noise, 1.0)["w"]).tolist()
    [-7.0, 7.0, -7.0]
    """
    return {name: draw_one(name, shape, noise, sigma) for name, shape in shapes.items()}


def draw_one(name: str, shape: tuple[int, ...], noise: SubspaceNoise, sigma: float) -> Tensor:
    """The part of :func:`draw_noise` with one name, float32 (exact on the lattice of :func:`fine_lattice`)."""
    values = gaussian_noise(noise.seed, name, math.prod(shape)).astype(np.float64) * sigma
    return torch.from_numpy(on_lattice(values, noise.lattice).astype(np.float32)).reshape(shape)


def on_lattice(values: np.ndarray, lattice: int | None) -> np.ndarray:
    """The nearest multiples of 2^lattice (exact: powers of two scale without rounding)."""
    return values if lattice is None else np.ldexp(np.rint(np.ldexp(values, -lattice)), lattice)


def rounded(coordinates: Coords, lattice: int | None) -> dict[str, Tensor]:
    """Coordinates moved to the lattice."""
    return {n: torch.from_numpy(on_lattice(t.double().numpy(), lattice)) for n, t in coordinates.items()}


def added(places: Iterable[tuple[Coords, float]]) -> dict[str, Tensor]:
    """Σ α x, in float64; a single place with α = 1 as it is."""
    listed = list(places)
    if len(listed) == 1 and listed[0][1] == 1.0:
        return dict(listed[0][0])
    total: dict[str, Tensor] = {}
    for coordinates, alpha in listed:
        for name, values in coordinates.items():
            step = values.double() * alpha
            total[name] = total[name] + step if name in total else step
    return total


def length(coordinates: Coords) -> float:
    """‖x‖₂.

    >>> length({"a": torch.tensor([3.0]), "b": torch.tensor([[4.0]])})
    5.0
    """
    return math.sqrt(sum(float(t.double().square().sum()) for t in coordinates.values()))


def length_up(coordinates: Coords) -> float:
    """‖x‖₂, rounded up; 0 only where every coordinate is 0.

    >>> length_up({"a": torch.tensor([3.0, 4.0])}) > 5.0, length_up({"a": torch.zeros(2)})
    (True, 0.0)
    """
    found = length(coordinates)
    return math.nextafter(found * (1 + 1e-12), math.inf) if found else 0.0


def check_coordinates(space: Space, coordinates: Coords, what: str) -> None:
    """Refuse coordinates of another subspace.

    Raises:
        InputError: other names or shapes, or numbers that are not finite.
    """
    ours, theirs = dict(space.shapes), {n: tuple(t.shape) for n, t in coordinates.items()}
    if ours != theirs:
        other = sorted(n for n in ours.keys() | theirs.keys() if ours.get(n) != theirs.get(n))
        raise InputError(
            what,
            found=f"it has other coordinates than the subspace ({len(other)} differ, first {other[0]})",
            advice="the adapter that was trained in this subspace",
        )
    if not all(bool(torch.isfinite(t).all()) for t in coordinates.values()):
        raise InputError(what, found="coordinates that are not finite", advice="a checkpoint from before it diverged")
