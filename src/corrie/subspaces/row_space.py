"""Low-rank changes of linear layers, added to the passes of a batch: every row carries its own, no weight is written.

Idea
----
A linear layer y = W z with ΔW = s·B A, A fixed, gives (W + ΔW) z = W z + s·B (A z). The second term costs r (in + out)
numbers a token, so each row of a batch can have its own B while all share one pass through W: n noise draws are scored
as one batch of n rows. While the rows hold the same tokens, everything below the first block that changes is computed
once, for all of them (:mod:`corrie.weights.equal_rows`). The change is linear in the coordinates, which are

    free ``up``     every B, shape (out, r)              ΔW = s·B A
    free ``core``   every M, shape (r, r)                ΔW = s·U M A       (r = 1: one number a layer)

and ‖x‖ = √Σ‖B‖_F² (or ‖M‖_F²) is the distance a certificate speaks about. It equals ‖ΔW‖_F/s where the rows of A (and
the columns of U) are orthonormal; nothing rests on that.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from corrie.errors import InputError
from corrie.records.store import Realised
from corrie.records.subspace import RowSpace
from corrie.subspaces.row_layers import find_layers, linear_layers, widths
from corrie.subspaces.space import Coords
from corrie.weights.equal_rows import trunk_once
from corrie.weights.fingerprint import fingerprint
from corrie.weights.noise import gaussian_noise

Free = Literal["up", "core"]


@dataclass(frozen=True, eq=False)
class FixedMatrices:
    """What is frozen in one layer.

    down    A, shape (r, in), float32
    up      U, shape (out, r), float32; None where the whole of B is free
    scale   s
    """

    down: Tensor
    up: Tensor | None = None
    scale: float = 1.0


@dataclass(frozen=True, eq=False)
class LowRankSpace:
    """Low-rank changes of some of a module's linear layers.

    spec     its record
    module   whose layers
    fixed    layer name → what is frozen there
    shapes   coordinate name → shape

    >>> from corrie.testing.toy_models import toy_module
    >>> space = random_rows(toy_module(), "q_proj", rank=1)
    >>> space.shapes
    {'model.layers.0.self_attn.q_proj.lora_B': (32, 1), 'model.layers.1.self_attn.q_proj.lora_B': (32, 1)}
    """

    spec: RowSpace
    module: nn.Module
    fixed: Mapping[str, FixedMatrices]
    shapes: Mapping[str, tuple[int, ...]]

    @classmethod
    def of(cls, module: nn.Module, fixed: Mapping[str, FixedMatrices], name: str = "") -> LowRankSpace:
        """From frozen matrices by layer.

        Raises:
            InputError: no layer, a layer that the module does not have, or matrices of another shape.
        """
        known = widths(linear_layers(module))
        asked = f"subspace {name or 'of low rank'}"
        if not fixed:
            raise InputError(asked, found="no layer: a subspace of dimension 0", advice="at least one linear layer")
        for layer, one in fixed.items():
            if layer not in known:
                raise InputError(asked, found=f"the model has no linear layer {layer}", advice="the model it is for")
            into, out = known[layer]
            ups = (out, one.down.shape[0]) if one.up is None else tuple(one.up.shape)
            if one.down.dim() != 2 or one.down.shape[1] != into or ups != (out, one.down.shape[0]):
                raise InputError(asked, found=f"matrices of other shapes at {layer}", advice="the model it is for")
        free: Free = "up" if all(one.up is None for one in fixed.values()) else "core"
        held = {f"{n}.down": one.down for n, one in fixed.items()}
        held |= {f"{n}.up": one.up for n, one in fixed.items() if one.up is not None}
        held |= {f"{n}.scale": torch.tensor(one.scale, dtype=torch.float64) for n, one in fixed.items()}
        spec = RowSpace(
            free=free,
            content=fingerprint(held),
            rank=max(one.down.shape[0] for one in fixed.values()),
            layers=len(fixed),
            name=name,
        )
        shapes = {
            coordinate_name(n, free): (known[n].out if free == "up" else one.down.shape[0], one.down.shape[0])
            for n, one in fixed.items()
        }
        return cls(spec, module, dict(fixed), shapes)

    @property
    def most_rows(self) -> None:
        """Any number of places can be stood at together."""
        return None

    @contextmanager
    def lent(self, rows: int) -> Iterator[RowPlaces]:
        """See :class:`corrie.subspaces.space.Space`. Batches passed meanwhile have ``rows`` equal parts, one each."""
        places = RowPlaces(self, rows)
        handles = []
        layers = linear_layers(self.module)
        try:
            for name in self.fixed:
                handles.append(layers[name].register_forward_hook(places.hook(name)))  # noqa: PERF401 (undone below)
            with trunk_once(self.module, self.fixed, rows):
                yield places
        finally:
            for handle in handles:
                handle.remove()

    def change(self, layer: str, coordinates: Tensor) -> Tensor:
        """ΔW of one layer, shape (out, in), float64, however the layer stores its own."""
        one = self.fixed[layer]
        left = coordinates.double() if one.up is None else one.up.double() @ coordinates.double()
        return one.scale * left @ one.down.double()

    def norm(self, coordinates: Coords) -> float:
        """‖ΔW‖_F over all layers."""
        total = 0.0
        for layer, one in self.fixed.items():
            left = coordinates[coordinate_name(layer, self.spec.free)].double()
            left = left if one.up is None else one.up.double() @ left
            gram = one.down.double() @ one.down.double().T
            total += one.scale**2 * float((left.T @ left * gram).sum())
        return math.sqrt(max(total, 0.0))

    def __str__(self) -> str:
        return f"{self.spec}: {sum(math.prod(s) for s in self.shapes.values()):,} coordinates"


class RowPlaces:
    """See :class:`corrie.subspaces.space.Places`. The places may carry gradients: :meth:`put_tensors`."""

    def __init__(self, space: LowRankSpace, rows: int) -> None:
        self._space = space
        self._rows = rows
        self._stacked: dict[str, Tensor] = {}
        self._dtype = next(space.module.parameters()).dtype
        layers = linear_layers(space.module)
        self._devices: dict[str, Any] = {
            coordinate_name(n, space.spec.free): layers[n].weight.device for n in space.fixed
        }
        self._fixed = {n: self._there(n, one) for n, one in space.fixed.items()}

    def put(self, places: Sequence[Coords]) -> list[Realised]:
        """Stand at these places; fewer than there are rows are filled up with the last one."""
        filled = [*places, *[places[-1]] * (self._rows - len(places))]
        self.put_tensors({n: torch.stack([p[n] for p in filled]) for n in self._space.shapes})
        return [self._realised(p) for p in places]

    def put_tensors(self, stacked: Mapping[str, Tensor]) -> None:
        """Stand at places given as tensors of shape (rows, *coordinates); gradients flow to them."""
        self._stacked = {n: t.to(self._devices[n], self._dtype) for n, t in stacked.items()}

    def _there(self, layer: str, one: FixedMatrices) -> tuple[Tensor, Tensor | None, float]:
        """What is frozen in a layer, where that lies."""
        device = self._devices[coordinate_name(layer, self._space.spec.free)]
        up = None if one.up is None else one.up.to(device, self._dtype)
        return one.down.to(device, self._dtype), up, one.scale

    def hook(self, layer: str) -> Callable[[nn.Module, tuple[Any, ...], Tensor], Tensor]:
        """What adds a layer's change to its output."""
        name = coordinate_name(layer, self._space.spec.free)
        down, up, scale = self._fixed[layer]

        def add(_: nn.Module, inputs: tuple[Any, ...], output: Tensor) -> Tensor:
            here = self._stacked.get(name)
            if here is None:
                return output
            narrow = functional.linear(inputs[0], down)
            rows = narrow.reshape(here.shape[0], -1, narrow.shape[-1])
            moved = torch.bmm(rows, here.transpose(1, 2)).reshape(*narrow.shape[:-1], here.shape[1])
            if up is not None:
                moved = functional.linear(moved, up)
            return output + (moved if scale == 1.0 else scale * moved)

        return add

    def _realised(self, place: Coords) -> Realised:
        taken = {n: t.to(self._dtype).double() for n, t in place.items()}
        asked, norm = self._space.norm(place), self._space.norm(taken)
        dot = sum(float((place[n].double() * taken[n]).sum()) for n in place)
        size = math.sqrt(
            sum(float(t.double().square().sum()) for t in place.values())
            * sum(float(t.square().sum()) for t in taken.values())
        )
        return Realised(asked=asked, norm=norm, cosine=min(1.0, dot / size) if size else None)


def random_rows(
    module: nn.Module, layers: str, rank: int, seed: int = 0, *, free: Free = "up", name: str = ""
) -> LowRankSpace:
    """Frozen matrices by the noise law: A = g/√in (and U = g/√out), so that rows have norm about 1.

    Portable to the bit, which an orthonormalisation would not be.

    Args:
        layers: a pattern of layer names (:func:`corrie.subspaces.row_layers.find_layers`).
        rank: r.
        seed: of the law; coordinate names as PEFT's: ``LAYER.lora_A``.
        free: ``up`` or ``core``.

    Raises:
        UnknownName: no such layer.
        InputError: a rank of 0, or beyond a layer's width.
    """
    fixed: dict[str, FixedMatrices] = {}
    for layer, (into, out) in widths(find_layers(module, layers)).items():
        if not 1 <= rank <= min(into, out):
            raise InputError(f"rank {rank}", found=f"{layer} takes 1 to {min(into, out)}", advice="a smaller rank")
        down = torch.from_numpy(gaussian_noise(seed, f"{layer}.lora_A", rank * into)).reshape(rank, into)
        up = torch.from_numpy(gaussian_noise(seed, f"{layer}.lora_U", rank * out)).reshape(out, rank)
        fixed[layer] = FixedMatrices(down / math.sqrt(into), up / math.sqrt(out) if free == "core" else None)
    seeded = f":seed{seed}" if seed else ""
    return LowRankSpace.of(module, fixed, name or f"{'adapter' if free == 'up' else 'core'}:{layers}:{rank}{seeded}")


def coordinate_name(layer: str, free: Free) -> str:
    """``LAYER.lora_B`` or ``LAYER.core``."""
    return f"{layer}.{'lora_B' if free == 'up' else 'core'}"
