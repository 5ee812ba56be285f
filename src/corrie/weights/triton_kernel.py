"""The noise law as Triton kernels: drawn where the weights are, or laid on them in the same pass.

The text of :mod:`corrie.weights.noise`, operation for operation, in float64, with nothing contracted
(``enable_fp_fusion=False``). One program looks up 4·COUNTERS elements: COUNTERS counters of Philox, four words each.

Only :mod:`corrie.weights.device_noise` imports this file, where Triton is installed.
"""

# pyright: reportCallIssue=false, reportIndexIssue=false, reportMissingImports=false, reportOperatorIssue=false

from __future__ import annotations

import torch
import triton
import triton.language as tl
from torch import Tensor

_COUNTERS = 256


@triton.jit
def _words(key0, key1, counter):
    """Words 4·counter − 4 … 4·counter − 1 of Philox4x64-10."""
    x0 = counter
    x1 = counter ^ counter
    x2 = x1
    x3 = x1
    for _ in range(10):
        high0 = tl.umulhi(x0, 0xD2E7470EE14C6C93)
        low0 = x0 * 0xD2E7470EE14C6C93
        high1 = tl.umulhi(x2, 0xCA5A826395121157)
        low1 = x2 * 0xCA5A826395121157
        x0 = high1 ^ x1 ^ key0
        x1 = low1
        x2 = high0 ^ x3 ^ key1
        x3 = low0
        key0 = key0 + 0x9E3779B97F4A7C15
        key1 = key1 + 0xBB67AE8584CAA73B
    return x0, x1, x2, x3


@triton.jit
def _pair(first, second, law):
    """Step 3 of the law for pairs of words. ``law``: log[7], sine[9], cosine[9], ln 2, π, √½, as ``kernel.c``."""
    bits = ((first >> 11) + 1).to(tl.float64).to(tl.int64, bitcast=True)
    k = (bits - tl.load(law + 27).to(tl.int64, bitcast=True)) >> 52
    m = (bits - (k << 52)).to(tl.float64, bitcast=True)
    m = (m - 1.0) / (m + 1.0)
    square = m * m
    log = square * tl.load(law)
    for i in range(1, 6):
        log = (log + tl.load(law + i)) * square
    log = (log + tl.load(law + 6)) * m
    log = log + (k - 53).to(tl.float64) * tl.load(law + 25)
    radius = tl.sqrt(log * -2.0)
    radius = radius * (1.0 - 2.0 * (second & 1).to(tl.float64))
    angle = ((second >> 11).to(tl.float64) * 1.1102230246251565e-16 - 0.5) * tl.load(law + 26)
    square = angle * angle
    sine = square * tl.load(law + 7)
    cosine = square * tl.load(law + 16)
    for i in range(1, 8):
        sine = (sine + tl.load(law + 7 + i)) * square
        cosine = (cosine + tl.load(law + 16 + i)) * square
    cosine = (cosine + tl.load(law + 24)) * radius
    sine = (sine + tl.load(law + 15)) * angle * radius
    return cosine.to(tl.float32), sine.to(tl.float32)


@triton.jit
def _noise(terms, law, COUNTERS: tl.constexpr):
    """This program's elements, and their places in the part that is wanted. ``terms``: key (2), start."""
    key0 = tl.load(terms).to(tl.uint64, bitcast=True)
    key1 = tl.load(terms + 1).to(tl.uint64, bitcast=True)
    start = tl.load(terms + 2)
    first = start // 4 + tl.program_id(0).to(tl.int64) * COUNTERS
    counter = (first + 1 + tl.arange(0, COUNTERS)).to(tl.uint64, bitcast=True)
    w0, w1, w2, w3 = _words(key0, key1, counter)
    z0, z1 = _pair(w0, w1, law)
    z2, z3 = _pair(w2, w3, law)
    values = tl.interleave(tl.interleave(z0, z2), tl.interleave(z1, z3))
    return values, 4 * first - start + tl.arange(0, 4 * COUNTERS)


@triton.jit
def _draw(out, size, terms, law, COUNTERS: tl.constexpr):
    values, places = _noise(terms, law, COUNTERS)
    tl.store(out + places, values, mask=(places >= 0) & (places < size))


@triton.jit
def _cast(values, dtype: tl.constexpr):
    """To the nearest, ties to even. For bfloat16 by the bits: Triton's interpreter would cut them off."""
    if dtype == tl.bfloat16:
        bits = values.to(tl.int32, bitcast=True)
        bits = (bits + 0x7FFF + ((bits >> 16) & 1)) & -65536
        values = tl.where(values == values, bits.to(tl.float32, bitcast=True), values)
    return values.to(dtype)


@triton.jit
def _lay(live, base, alpha, sums, size, terms, law, COUNTERS: tl.constexpr):
    values, places = _noise(terms, law, COUNTERS)
    inside = (places >= 0) & (places < size)
    theta0 = tl.load(base + places, mask=inside, other=0.0).to(tl.float32)
    step = tl.where(inside, values * tl.load(alpha), 0.0)
    moved = _cast(theta0 + step, live.dtype.element_ty)
    tl.store(live + places, moved, mask=inside)
    taken = moved.to(tl.float32) - theta0
    row = sums + 3 * tl.program_id(0)
    tl.store(row, tl.sum(step * step, 0))
    tl.store(row + 1, tl.sum(taken * taken, 0))
    tl.store(row + 2, tl.sum(taken * step, 0))


def draw(out: Tensor, terms: Tensor, law: Tensor, start: int) -> None:
    """Fill ``out``, float32 of shape (size,), with elements start … start+size−1.

    Args:
        terms: int64 (3,): the key's two words and the start.
        law: float64 (28,): the constants.
        start: the same start, for the number of programs.
    """
    size = out.numel()
    _draw[_grid(start, size)](out, size, terms, law, COUNTERS=_COUNTERS, enable_fp_fusion=False)


def lay_down(live: Tensor, base: Tensor, alpha: Tensor, terms: Tensor, law: Tensor, start: int = 0) -> Tensor:
    """live = cast(float32(base) + α·noise), every operation rounded by itself.

    Args:
        start: the start of ``terms``, for the number of programs.

    Returns:
        Σ step², Σ taken² and Σ taken · step, shape (programs, 3), float32.
    """
    grid = _grid(start, live.numel())
    sums = torch.empty((grid[0], 3), dtype=torch.float32, device=live.device)
    _lay[grid](live, base, alpha, sums, live.numel(), terms, law, COUNTERS=_COUNTERS, enable_fp_fusion=False)
    return sums


def _grid(start: int, size: int) -> tuple[int]:
    return (triton.cdiv(start % 4 + size, 4 * _COUNTERS),)
