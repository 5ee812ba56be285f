"""The noise of GO: fast, fresh at every draw, the same whole or sharded.

GO asks for nothing but independent coordinates with mean 0, variance 1 and a Gaussian shape, millions of them at
every step. So its noise is *not* the portable law of directions (that one must be the same on every machine for
ever). It is a function of (seed, replica, draw, tensor, block), hence needs no state but these numbers: a run is
resumed by giving them back, antithetic draws are made twice instead of kept, and a shard draws exactly its part of
what the whole tensor would have received.

**On the CPU** 16 random bits of NumPy's SFC64 choose one of 65,536 equally likely *quadruples*, a cubature of the
four-dimensional Gaussian (:func:`gaussian_quadruples`). Quadruples are independent of each other and identically
distributed. Within one the coordinates are uncorrelated: each takes 8,192 equally likely levels (the means of the
normal within as many quantile bins), absolute values follow a scrambled Sobol net, signs are independent. All moments
with an odd power are 0, the variances 1 and the covariances 0, exactly (to float32). In *every* direction of the four
dimensions the fourth moment is 3 within 0.1 % and the sixth 15 within 1 %; the distribution function of a coordinate is
Φ within 10⁻⁴, of each of the hundred rotations that the tests look at within 3·10⁻³; the largest level is 3.91 (a
Gaussian passes it once in 11,000 coordinates). ``design/go.md`` says what was tried and what it costs.

**On any other device** it is that device's own ``normal_``.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from functools import cache
from itertools import pairwise, product

import numpy as np
import torch
from torch import Tensor

CPU_BLOCK = 2**20
"""Elements in a stream of its own on the CPU."""
DEVICE_BLOCK = 2**22
"""The same on other devices, where every block costs two kernel launches."""
NOISE_CHUNK = 2**17
"""Elements made at once on the CPU: few enough for the cache, many enough for what each call costs."""

_LEVELS = 2**12
_NET = np.array(
    [
        [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048],
        [3779, 3000, 2003, 1078, 3263, 522, 1719, 1890, 1803, 1830, 994, 2001],
        [1139, 2319, 1581, 2139, 150, 3271, 1810, 3083, 599, 799, 1130, 508],
        [2828, 1517, 1543, 2581, 1333, 646, 271, 1630, 3817, 1381, 355, 1463],
    ]
)
_SHIFT = np.array([0, 1067, 2656, 3752])
"""A scrambled Sobol net, found by search for moments of order 4 to 8 near the Gaussian's: the points of SciPy 1.17.1's
``qmc.Sobol(4, scramble=True, seed=174512)`` in the order of their first coordinate. Written out, because the noise of a
run must not depend on the release of a library."""

Key = tuple[int, ...]
"""What a tensor's noise is a function of: (seed, replica, draw, position of the tensor in the optimizer)."""


@cache
def gaussian_quadruples() -> Tensor:
    """The 65,536 quadruples of the CPU's noise, float32, shape (65536, 4).

    Absolute values: h_k = E[|Z| | |Z| in the k-th of n = 4,096 equally likely bins] = 2n (φ(a_k) − φ(a_{k+1})) for the
    standard normal Z with density φ and bin edges a, times the one factor that makes the mean square 1. A digital net
    brings four together, (h_{π₁(k)}, …, h_{π₄(k)}) with π_j(k) = shift_j ⊕ the exclusive or of net_{ji} over the bits i
    that are set in k, and they come with each of the sixteen combinations of signs. Source: Sobol (1967); Matoušek, On
    the L2-discrepancy for anchored boxes (1998), for the scrambling.

    >>> quadruples = gaussian_quadruples().double()
    >>> bool(torch.allclose(quadruples.T @ quadruples / len(quadruples), torch.eye(4, dtype=torch.float64), atol=1e-7))
    True
    """
    from scipy.special import ndtri

    edges = ndtri(0.5 + np.arange(_LEVELS + 1) / (2 * _LEVELS))
    levels = -np.diff(np.exp(-(edges**2) / 2) / np.sqrt(2 * np.pi))
    levels /= np.sqrt(np.mean(levels**2))
    bits = np.arange(_LEVELS)[:, None] >> np.arange(_NET.shape[1]) & 1
    orthant = levels[np.bitwise_xor.reduce(bits[:, None] * _NET, axis=2) ^ _SHIFT]
    signs = np.array(list(product((1, -1), repeat=4)))
    return torch.from_numpy((signs[:, None] * orthant).reshape(-1, 4).astype(np.float32))


def block_size(device: torch.device) -> int:
    """How many elements of a tensor share one stream on this device."""
    return CPU_BLOCK if device.type == "cpu" else DEVICE_BLOCK


def run_lengths(first: int, begin: int, end: int, device: torch.device) -> list[int]:
    """Into which runs :func:`noise_of_block` cuts the elements begin … end−1 of the block that starts at ``first``.

    >>> run_lengths(0, 131_000, 300_000, torch.device("cpu"))
    [72, 131072, 37856]
    """
    if device.type != "cpu":
        return [end - begin]
    edges = [begin, *range(begin + NOISE_CHUNK - (begin - first) % NOISE_CHUNK, end, NOISE_CHUNK), end]
    return [stop - start for start, stop in pairwise(edges)]


def noise_of_block(key: Key, numel: int, block: int, begin: int, end: int, device: torch.device) -> Iterator[Tensor]:
    """Standard noise for the elements begin … end−1 of a tensor, all of them within one block.

    Args:
        key: what the noise is a function of.
        numel: elements in the whole tensor (row-major order), wherever they lie.
        block: number of the block.
        begin, end: the elements wanted, counted from the tensor's first; at least one.
        device: where.

    Yields:
        float32 noise, 1-D, of the lengths :func:`run_lengths`. Each overwrites the one before, and so does
        the next block's in the same thread.

    >>> cpu = torch.device("cpu")
    >>> whole = torch.cat([n.clone() for n in noise_of_block((0, 0, 0, 0), 100_000, 0, 0, 100_000, cpu)])
    >>> (part,) = noise_of_block((0, 0, 0, 0), 100_000, 0, 40_000, 50_000, cpu)
    >>> bool((part == whole[40_000:50_000]).all())
    True
    """
    first = block * block_size(device)
    seeds = np.random.SeedSequence((*key, block))
    if device.type == "cpu":
        yield from _looked_up(np.random.SFC64(seeds), begin - first, end - first)
        return
    generator = torch.Generator(device).manual_seed(int(seeds.generate_state(1, np.uint64)[0] >> np.uint64(1)))
    length = min(DEVICE_BLOCK, numel - first)
    whole = torch.empty(length, device=device, dtype=torch.float32).normal_(generator=generator)
    yield whole[begin - first : end - first]


def _looked_up(bits: np.random.SFC64, begin: int, end: int) -> Iterator[Tensor]:
    """Noise by table. SFC64 cannot jump, so what lies before ``begin`` is drawn and dropped (under 1 ms a block)."""
    # Four numbers in one element of the widest type there is: a quarter as many to look up.
    quadruples = gaussian_quadruples().view(torch.complex128).view(-1)
    index, noise, numbers = _ROOM.index, _ROOM.quadruples, _ROOM.numbers
    dropped = begin // NOISE_CHUNK
    bits.random_raw(dropped * (NOISE_CHUNK // 16), output=False)
    for start in range(dropped * NOISE_CHUNK, end, NOISE_CHUNK):
        length = min(NOISE_CHUNK, end - start)
        if length < NOISE_CHUNK:
            count = (length + 3) // 4
            index, noise, numbers = index[:count], noise[:count], numbers[:length]
        raw = torch.from_numpy(bits.random_raw((length + 15) // 16).view(np.uint16))
        index.copy_(raw if length % 16 == 0 else raw[: len(index)])
        torch.index_select(quadruples, 0, index, out=noise)
        yield numbers[begin - start :] if start < begin else numbers


class _Room(threading.local):
    """Where a thread makes its noise: kept, since fresh memory at every tensor is cold."""

    @torch.inference_mode(False)
    def __init__(self) -> None:
        self.index = torch.empty(NOISE_CHUNK // 4, dtype=torch.int32, device="cpu")
        self.numbers = torch.empty(NOISE_CHUNK, dtype=torch.float32, device="cpu")
        self.quadruples = self.numbers.view(torch.complex128)


_ROOM = _Room()


def noise_of_tensor(key: Key, numel: int, device: torch.device) -> Tensor:
    """Standard noise for a whole tensor: float32, 1-D, in row-major order."""
    out = torch.empty(numel, device=device, dtype=torch.float32)
    size = block_size(device)
    for block, part in enumerate(out.split(size)):
        begin, end = block * size, block * size + len(part)
        runs = part.split(run_lengths(begin, begin, end, device))
        for run, noise in zip(runs, noise_of_block(key, numel, block, begin, end, device), strict=True):
            run.copy_(noise)
    return out
