"""The noise of GO: fast, fresh at every draw, the same whole or sharded.

GO asks for nothing but independent coordinates with mean 0, variance 1 and a Gaussian shape, millions of them at
every step. So its noise is *not* the portable law of directions (that one must be the same on every machine for
ever). It is a function of (seed, replica, draw, tensor, block), hence needs no state but these numbers: a run is
resumed by giving them back, antithetic draws are made twice instead of kept, and a shard draws exactly its part of
what the whole tensor would have received.

**On the CPU** 16 random bits of NumPy's SFC64 choose one of 65,536 equally likely *pairs* (z₁, z₂), a cubature of the
two-dimensional Gaussian (:func:`gaussian_pairs`). Pairs are independent of each other and identically distributed.
Within a pair the coordinates are uncorrelated: each takes 32,768 equally likely levels (the means of the normal within
as many quantile bins), and their absolute values follow a lattice. All moments with an odd power are 0, both variances
1 and the covariance 0, exactly (to float32); the fourth moment of the pair is 3 within 4·10⁻⁴ in every direction of
its plane, the distribution function of a coordinate within 2·10⁻⁵ of Φ, that of any rotation within 6·10⁻⁴, and
the largest level is 4.23 (a Gaussian passes it once in 43,000 coordinates). ``design/go.md`` says what was tried and
what it costs.

**On any other device** it is that device's own ``normal_``.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor

CPU_BLOCK = 2**20
"""Elements in a stream of its own on the CPU."""
DEVICE_BLOCK = 2**22
"""The same on other devices, where every block costs two kernel launches."""
CHUNK = 2**17
"""Elements made at once on the CPU: few enough for the cache, many enough for what each call costs."""

_LEVELS = 2**14
_LATTICE, _SHIFT = 7_541, _LEVELS // 3
"""Of all odd multipliers this one has the fourth moments of a pair nearest to the Gaussian's."""

Key = tuple[int, ...]
"""What a tensor's noise is a function of: (seed, replica, draw, position of the tensor in the optimizer)."""


@cache
def gaussian_pairs() -> Tensor:
    """The 65,536 pairs of the CPU's noise, float32, shape (65536, 2).

    Absolute values: h_k = E[|Z| | |Z| in the k-th of n = 16,384 equally likely bins] = 2n (φ(a_k) − φ(a_{k+1})) for the
    standard normal Z with density φ and bin edges a, times the one factor that makes the mean square 1. They are paired
    by a rank-1 lattice, (h_k, h_π(k)) with π(k) = 7541 k + ⌊n/3⌋ mod n, and come with each of the four combinations of
    signs. Source of lattice rules: Korobov (1959); Sloan and Joe, Lattice Methods for Multiple Integration (1994).

    >>> pairs = gaussian_pairs().double()
    >>> bool(torch.allclose(pairs.T @ pairs / len(pairs), torch.eye(2, dtype=torch.float64), atol=1e-7))
    True
    """
    from scipy.stats import norm

    k = np.arange(_LEVELS)
    edges = norm.ppf(0.5 + np.arange(_LEVELS + 1) / (2 * _LEVELS))
    levels = -np.diff(norm.pdf(edges))
    levels /= np.sqrt(np.mean(levels**2))
    quadrant = np.stack([levels, levels[(_LATTICE * k + _SHIFT) % _LEVELS]], axis=1)
    signs = np.array([(1, 1), (1, -1), (-1, 1), (-1, -1)])
    return torch.from_numpy((signs[:, None] * quadrant).reshape(-1, 2).astype(np.float32))


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
    edges = [begin, *range(begin + CHUNK - (begin - first) % CHUNK, end, CHUNK), end]
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
        float32 noise, 1-D, of the lengths :func:`run_lengths`. Each overwrites the one before.

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
    pairs = gaussian_pairs().view(torch.float64).view(-1)  # two numbers in one element: half as many to look up
    dropped = begin // CHUNK
    bits.random_raw(dropped * (CHUNK // 8), output=False)
    size = min(CHUNK, end - dropped * CHUNK)
    index, noise, numbers = _room(size)
    for start in range(dropped * CHUNK, end, CHUNK):
        length = min(CHUNK, end - start)
        if length < size:
            index, noise, numbers = _room(length)
        raw = torch.from_numpy(bits.random_raw((length + 7) // 8).view(np.uint16))
        index.copy_(raw if length % 8 == 0 else raw[: (length + 1) // 2])
        torch.index_select(pairs, 0, index, out=noise)
        yield numbers[begin - start :] if start < begin else numbers


def _room(length: int) -> tuple[Tensor, Tensor, Tensor]:
    """Where ``length`` numbers are made: numbers of pairs, pairs, and the same as single numbers."""
    count = (length + 1) // 2
    pairs = torch.empty(count, dtype=torch.float64)
    return torch.empty(count, dtype=torch.int32), pairs, pairs.view(torch.float32)[:length]


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
