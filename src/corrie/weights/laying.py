"""θ0 + Σ α_k δ_k, laid down tensor by tensor, and what the tensors took of it: one pass over the memory.

In float32, each product and each sum rounded by itself, then cast to the tensor's own type. Two ways give these same
numbers: the loop of ``kernel.c`` for float32 on a CPU, and torch for everything else. Only the three sums that tell
what was taken may differ in their last digits, as they do between machines.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from corrie.weights.kernel import Kernel, kernel
from corrie.weights.noise import plain_noise

_CHUNK = 1 << 17
"""Elements written at a time on a CPU: what they pass through stays in its cache."""

_DEVICE_CHUNK = 1 << 26
"""Elements written at a time on an accelerator, where there is no cache to stay in but each call costs."""

_MANY = 1 << 18
"""Numbers from which on the compiled loop is looked for."""


@dataclass(frozen=True, slots=True, eq=False)
class Piece:
    """One tensor to write.

    live    what is written to
    base    θ0, of the same shape, type and device
    deltas  δ_1 … δ_K, float32, of the same shape and device
    """

    live: Tensor
    base: Tensor
    deltas: tuple[Tensor, ...]

    @property
    def plain(self) -> bool:
        """Whether it is nothing but float32 numbers in a row, in this machine's memory."""
        return all(
            t.dtype == torch.float32 and t.device.type == "cpu" and t.is_contiguous()
            for t in (self.live, self.base, *self.deltas)
        )


class Taken(NamedTuple):
    """How much of a step s the weights took: ‖s‖², ‖θ − θ0‖² and s · (θ − θ0)."""

    asked: float
    norm: float
    dot: float


@torch.no_grad()
def lay(pieces: Sequence[Piece], alphas: Sequence[float], lattice: int | None = None) -> Taken:
    """Write live = cast(float32(base) + Σ α_k δ_k) for every piece.

    Args:
        pieces: the tensors.
        alphas: α_1 … α_K.
        lattice: e; θ0 is rounded to multiples of 2^e and the sum is made in float64, exact for steps on that lattice.

    >>> live = torch.zeros(2)
    >>> lay([Piece(live, torch.tensor([1.0, 2.0]), (torch.tensor([3.0, 4.0]),))], [0.5])
    Taken(asked=6.25, norm=6.25, dot=6.25)
    >>> live.tolist()
    [2.5, 4.0]
    """
    by = _compiled() if lattice is None and sum(p.live.numel() for p in pieces) >= _MANY else None
    sums = np.zeros(3)
    if by is not None:
        sums = _by_kernel(by, [p for p in pieces if p.plain], alphas)
    found = [_by_torch(p, alphas, lattice) for p in pieces if by is None or not p.plain]
    if found:
        sums = sums + torch.cat(_in_memory(found)).double().sum(0).numpy()
    asked, norm, dot = sums.tolist()
    return Taken(asked=asked, norm=norm, dot=dot)


def _in_memory(found: Sequence[Tensor]) -> list[Tensor]:
    """Tensors of the same columns in this machine's memory: those of one device come together, for each way costs."""
    devices = dict.fromkeys(t.device for t in found)
    return [torch.cat([t for t in found if t.device == device]).cpu() for device in devices]


def _by_kernel(by: Kernel, pieces: Sequence[Piece], alphas: Sequence[float]) -> NDArray[np.float64]:
    """The three sums, shape (3,), made over equal parts of the tensors, whoever makes them: threads change no digit."""
    places = [
        [p.base.data_ptr() + at, p.live.data_ptr() + at, min(_CHUNK, p.live.numel() - at // 4)]
        + [d.data_ptr() + at for d in p.deltas]
        for p in pieces
        for at in range(0, 4 * p.live.numel(), 4 * _CHUNK)
    ]
    with np.errstate(over="ignore"):
        steps = np.array(alphas, dtype=np.float64).astype(np.float32)
    rows = np.array(places, dtype=np.uint64).reshape(-1, 3 + len(steps))
    return by.write(rows, steps, torch.get_num_threads()).sum(0)


def _by_torch(piece: Piece, alphas: Sequence[float], lattice: int | None) -> Tensor:
    """The same for any tensor; the three sums of each of its parts, shape (parts, 3).

    What parts pass through is allocated once: many short-lived parts with the sums between them would leave holes in
    the memory that nobody can use.
    """
    live, base = piece.live, piece.base.reshape(-1)
    flat = live.view(-1) if live.is_contiguous() else torch.empty_like(base)
    chunk = min(_CHUNK if live.device.type == "cpu" else _DEVICE_CHUNK, max(flat.numel(), 1))
    exact = torch.float32 if lattice is None else torch.float64
    steps = torch.empty((2, chunk), dtype=torch.float32, device=live.device)
    room = torch.empty((3, chunk), dtype=exact, device=live.device)
    whole = [t.reshape(-1) for t in (flat, base, *piece.deltas)]
    parts = [(t,) for t in whole] if flat.numel() <= chunk else [t.split(chunk) for t in whole]
    sums = torch.zeros((len(parts[0]), 3), dtype=exact, device=live.device)
    for row, target, theta0, *deltas in zip(sums.unbind(), *parts, strict=True):
        here, moved, wide = room[:, : target.numel()].unbind()
        if theta0.dtype != exact or lattice is not None:
            theta0 = here.copy_(theta0)
            if lattice is not None:
                _to_lattice(theta0, lattice)
        step = torch.mul(deltas[0], alphas[0], out=steps[0, : target.numel()])
        for delta, alpha in zip(deltas[1:], alphas[1:], strict=True):
            step += torch.mul(delta, alpha, out=steps[1, : target.numel()])
        target.copy_(torch.add(theta0, step, out=moved))
        taken = torch.sub(moved.copy_(target), theta0, out=moved)
        step = step if step.dtype == exact else wide.copy_(step)
        for i, (one, two) in enumerate(((step, step), (taken, taken), (taken, step))):
            torch.dot(one, two, out=row[i])
    if not live.is_contiguous():
        live.copy_(flat.view(live.shape))
    return sums


def _to_lattice(values: Tensor, lattice: int) -> None:
    """To the nearest multiples of 2^lattice, in float64, where they are: scaling by a power of two is exact."""
    values.mul_(2.0**-lattice).round_().mul_(2.0**lattice)


@cache
def _compiled() -> Kernel | None:
    """The compiled loop, if it writes the same bits as torch: one step and two, whole rows and the ends of rows."""
    by = kernel()
    if by is None:
        return None
    values = torch.from_numpy(plain_noise(0, "compare", 4 * 1003)).view(4, 1003)
    values[:, 0], values[1, 1] = 0.0, 1e-44
    for alphas in ([0.013], [-0.7, 1e-7]):
        one, two = (Piece(live, values[0], tuple(values[1 : 1 + len(alphas)])) for live in torch.zeros(2, 1003))
        sums = _by_kernel(by, [one], alphas)
        told = _by_torch(two, alphas, None).sum(0).numpy()
        if one.live.view(torch.int32).ne(two.live.view(torch.int32)).any() or not np.allclose(sums, told, 1e-4):
            return None
    return by
