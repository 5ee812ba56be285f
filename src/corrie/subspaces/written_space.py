"""Subspaces whose places are written into the weights: all of them, a span of given changes, random directions."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor

from corrie.errors import InputError
from corrie.records.store import Realised
from corrie.records.subspace import FullSpace, RandomSpace, Span
from corrie.subspaces.space import Coords, Places
from corrie.weights.noise import gaussian_noise
from corrie.weights.perturbed import Moving, moving
from corrie.weights.realise import realise
from corrie.weights.selection import Selection, squared_norm
from corrie.weights.sources import Sources

Tensors = Callable[[Coords], Mapping[str, Tensor]]


@dataclass(frozen=True, eq=False)
class WrittenSpace:
    """A subspace that is reached by writing the weights, one place at a time.

    spec        its record
    selection   the tensors that move
    shapes      coordinate name → shape
    tensors     coordinates → weight change by name, float32
    lattice     e: the weights themselves are coordinates, so their own lattice 2^e is theirs too; None elsewhere

    Memory while lent: a pristine copy and one weight change (of a span: besides, the changes that span it).
    """

    spec: FullSpace | Span | RandomSpace
    selection: Selection
    shapes: Mapping[str, tuple[int, ...]]
    tensors: Tensors
    lattice: int | None = None

    @property
    def most_rows(self) -> int:
        """One place at a time."""
        return 1

    @contextmanager
    def lent(self, rows: int) -> Iterator[Places]:
        """See :class:`corrie.subspaces.space.Space`."""
        with moving(self.selection) as weights:
            yield _Written(self, weights)


class _Written:
    def __init__(self, space: WrittenSpace, weights: Moving) -> None:
        self._space = space
        self._weights = weights

    def put(self, places: Sequence[Coords]) -> list[Realised]:
        (place,) = places
        return [self._weights.by(self._space.tensors(place), lattice=self._space.lattice)]


def full_space(selection: Selection, scale: FullSpace, lattice: int | None = None) -> WrittenSpace:
    """Every number that moves.

    Args:
        scale: x in units of the weights, or of each tensor's root mean square.
        lattice: e; the model is then rounded to the lattice 2^e, so that its weights and the noise lie on one. With
            scale ``rms`` the model stays as it is: x alone lies on the lattice, and the weights are a function of x.

    >>> from corrie.testing.toy_models import toy_model
    >>> space = full_space(toy_model().selection, FullSpace())
    >>> sum(math.prod(shape) for shape in space.shapes.values()) == toy_model().selection.dimension
    True
    """
    shapes = {n: tuple(p.shape) for n, p in selection.tensors.items()}
    if scale.scale == "one":
        return WrittenSpace(scale, selection, shapes, lambda x: x, lattice)
    sizes = root_mean_squares(selection)
    # in float64, so that x gives the same weights whichever precision it comes in
    return WrittenSpace(scale, selection, shapes, lambda x: {n: (t.double() * sizes[n]).float() for n, t in x.items()})


def root_mean_squares(selection: Selection) -> dict[str, float]:
    """Each tensor's size, the unit of its coordinates in ``full:rms``.

    Raises:
        InputError: a tensor of zeros.
    """
    sizes = {n: math.sqrt(squared_norm(p) / p.numel()) for n, p in selection.tensors.items()}
    still = [n for n, size in sizes.items() if size == 0]
    if still:
        raise InputError(
            "subspace full:rms", found=f"{still[0]} is all zeros: it has no size", advice="--exclude it, or full"
        )
    return sizes


def span(selection: Selection, spec: Span, sources: Sources) -> WrittenSpace:
    """The span of weight changes δ_1 … δ_m. With G = Λ Λᵀ their Gram matrix, L x = Σ_i (Λ^−T x)_i δ_i has ‖L x‖ = ‖x‖.

    Raises:
        InputError: changes that depend on one another (twice the same, one of them zero).
    """
    pristine = {n: p.data for n, p in selection.tensors.items()}
    changes = [realise(d, pristine, sources).together(pristine).tensors for d in spec.of]
    gram = torch.tensor([[_dot(a, b) for b in changes] for a in changes], dtype=torch.float64)
    sizes = gram.diagonal().sqrt()
    if float(torch.linalg.eigvalsh(gram / sizes[:, None] / sizes[None, :])[0]) < 1e-8:
        raise InputError(
            str(spec), found="the changes depend on one another: fewer dimensions than changes", advice="each once"
        )
    root = torch.linalg.cholesky(gram)

    def tensors(x: Coords) -> dict[str, Tensor]:
        weights = torch.linalg.solve_triangular(root.T, x["span"].double()[:, None], upper=True)[:, 0].tolist()
        made = {n: changes[0][n] * weights[0] for n in pristine}
        for change, weight in zip(changes[1:], weights[1:], strict=True):
            for name in made:
                made[name] += change[name] * weight
        return made

    return WrittenSpace(spec, selection, {"span": (len(changes),)}, tensors)


def random_space(selection: Selection, spec: RandomSpace) -> WrittenSpace:
    """The span of random directions, drawn anew at every place: no memory, ‖L x‖ ≈ ‖x‖.

    >>> from corrie.testing.toy_models import toy_model
    >>> space = random_space(toy_model().selection, RandomSpace(count=2))
    >>> moved = space.tensors({"random": torch.tensor([3.0, 4.0])})
    >>> abs(math.sqrt(sum(float(t.square().sum()) for t in moved.values())) - 5) < 0.1
    True
    """
    size = math.sqrt(selection.dimension)

    def tensors(x: Coords) -> dict[str, Tensor]:
        made = {n: torch.zeros(p.shape, device=p.device) for n, p in selection.tensors.items()}
        for number, value in enumerate(x["random"].tolist()):
            for name, tensor in made.items():
                noise = torch.from_numpy(gaussian_noise(spec.seed + number, name, tensor.numel()))
                tensor.add_(noise.reshape(tensor.shape).to(tensor.device), alpha=value / size)
        return made

    return WrittenSpace(spec, selection, {"random": (spec.count,)}, tensors)


def _dot(a: Mapping[str, Tensor], b: Mapping[str, Tensor]) -> float:
    return sum(float((t.double() * b[n].double()).sum()) for n, t in a.items())
