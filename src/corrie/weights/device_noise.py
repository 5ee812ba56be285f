"""The noise law where the weights are: on a device with Triton drawn there, elsewhere drawn here and sent.

A graphics processor draws a direction as fast as its memory takes it, and a point need not hold the direction at all:
:func:`lay_noise` draws, scales, adds and casts in one pass. Before the first use on a device its numbers are compared
with the plain law's, bit for bit; where one differs, the kernels are left alone, so that they change what a point
costs and never what it is.
"""

from __future__ import annotations

import importlib
from functools import cache
from importlib.util import find_spec
from types import ModuleType

import numpy as np
import torch
from torch import Tensor

from corrie.weights.laying import Piece, Taken, lay
from corrie.weights.noise import LAW_CONSTANTS, gaussian_noise, philox_key, plain_noise

_PLACES = ((0, 2048), (1027, 3001), (2**40 + 1, 515))
"""(start, size) of what is compared: whole programs, parts of them, far along the stream."""


def device_noise(seed: int, name: str, size: int, device: torch.device, start: int = 0) -> Tensor:
    """Elements start … start+size−1 of the noise of one tensor, shape (size,), float32, on a device.

    >>> drawn = device_noise(7, "w", 4, torch.device("cpu"))
    >>> bool((drawn.numpy() == gaussian_noise(7, "w", 4)).all())
    True
    """
    by = _kernels(device)
    if by is None:
        return torch.from_numpy(gaussian_noise(seed, name, size, start)).to(device)
    return _drawn(by, seed, name, size, start, device)


def lay_noise(live: Tensor, base: Tensor, seed: int, name: str, alpha: float, start: int = 0) -> Taken | None:
    """live = cast(float32(base) + α·noise), the same numbers as :func:`corrie.weights.laying.lay` gives.

    Args:
        start: the element of the whole tensor that ``live`` and ``base`` begin with.

    Returns:
        What the tensor took, or None where there is no kernel for it: then nothing was written.
    """
    by = _kernels(live.device) if live.is_contiguous() and base.is_contiguous() else None
    return None if by is None else _laid(by, live, base, seed, name, alpha, start)


def _drawn(by: ModuleType, seed: int, name: str, size: int, start: int, device: torch.device) -> Tensor:
    out = torch.empty(size, dtype=torch.float32, device=device)
    if size:
        with _on(device):
            by.draw(out, _terms(seed, name, start, device), _law(device), start)
    return out


def _laid(by: ModuleType, live: Tensor, base: Tensor, seed: int, name: str, alpha: float, start: int = 0) -> Taken:
    if not live.numel():
        return Taken(0.0, 0.0, 0.0)
    device = live.device
    with _on(device):
        scale = torch.tensor([alpha], dtype=torch.float32, device=device)
        sums = by.lay_down(live, base, scale, _terms(seed, name, start, device), _law(device), start)
    asked, norm, dot = sums.double().sum(0).tolist()
    return Taken(asked=asked, norm=norm, dot=dot)


@cache
def _kernels(device: torch.device) -> ModuleType | None:
    """The kernels, if this device has them and their numbers are the law's."""
    if device.type != "cuda" or find_spec("triton") is None:
        return None
    try:
        by = importlib.import_module("corrie.weights.triton_kernel")
        return by if agrees(by, device) else None
    except Exception:  # a compiler's own: whatever it does not like, the plain law serves
        return None


def agrees(by: ModuleType, device: torch.device) -> bool:
    """Whether kernels give the plain law's numbers on a device, drawn and laid down, bit for bit.

    Args:
        by: a module with ``draw`` and ``lay_down`` (:mod:`corrie.weights.triton_kernel`).
        device: where they run.
    """
    for start, size in _PLACES:
        told = plain_noise(start, "compare", size, start)
        if _drawn(by, start, "compare", size, start, device).cpu().numpy().tobytes() != told.tobytes():
            return False
    for dtype, start in ((torch.float32, 0), (torch.bfloat16, 1027), (torch.float16, 2**40 + 1)):
        base = torch.from_numpy(plain_noise(1, "base", 3001)).to(dtype)
        delta = torch.from_numpy(plain_noise(2, "compare", 3001, start))
        one, two = torch.zeros_like(base), torch.zeros_like(base, device=device)
        told = lay([Piece(one, base, (delta,))], [-0.0137])
        found = _laid(by, two, base.to(device), 2, "compare", -0.0137, start)
        if not torch.equal(one, two.cpu()) or not np.allclose(
            (told.asked, told.norm, told.dot), (found.asked, found.norm, found.dot), rtol=1e-4
        ):
            return False
    return True


def _terms(seed: int, name: str, start: int, device: torch.device) -> Tensor:
    words = np.array([*philox_key(seed, name), start], dtype=np.uint64).view(np.int64)
    return torch.from_numpy(words).to(device)


@cache
def _law(device: torch.device) -> Tensor:
    return torch.tensor(LAW_CONSTANTS, dtype=torch.float64, device=device)


def _on(device: torch.device) -> torch.cuda.device:
    """Kernels are started on the present device."""
    return torch.cuda.device(device if device.type == "cuda" else -1)
