"""The noise of GO: fast, fresh at every draw, the same whole or sharded.

GO asks for nothing but independent coordinates with mean 0, variance 1 and a Gaussian shape, millions of them at
every step. So its noise is *not* the portable law of directions (that one must be the same on every machine for
ever). It is a function of (seed, replica, draw, tensor, block), hence needs no state but these numbers: a run is
resumed by giving them back, antithetic draws are made twice instead of kept, and a shard draws exactly its part of
what the whole tensor would have received.

**On the CPU** 16 random bits of NumPy's SFC64 choose one of 65,536 equally likely levels: the means of the standard
normal within its 65,536 quantile bins, scaled to variance 1. The coordinates are independent and identically
distributed; mean and every odd moment are 0, the variance is 1, the fourth moment 2.9998 (3), the sixth 14.99 (15),
the distribution function is within 10⁻⁵ of Φ, and the largest level 4.39 (a Gaussian passes it once in 87,000
coordinates). ``design/go.md`` says what was tried and what it costs.

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
CHUNK = 2**15
"""Elements made at once on the CPU: with everything they touch they stay in the second-level cache."""

Key = tuple[int, ...]
"""What a tensor's noise is a function of: (seed, replica, draw, position of the tensor in the optimizer)."""


@cache
def gaussian_levels() -> Tensor:
    """The 65,536 levels of the CPU's noise, ascending, float32.

    Level k is E[Z | Z in the k-th of 65,536 equally likely bins] = 65,536 (φ(a_k) − φ(a_{k+1})) for the standard
    normal Z with density φ and bin edges a, times the one factor that makes the variance 1.

    >>> levels = gaussian_levels().double()
    >>> abs(float(levels.mean())) < 1e-7, abs(float(levels.square().mean()) - 1) < 1e-7
    (True, True)
    """
    from scipy.stats import norm

    count = 2**16
    # By symmetry only the lower half is computed, so that the levels are odd about 0 to the last bit.
    edges = norm.ppf(np.arange(count // 2 + 1) / count)
    lower = -np.diff(norm.pdf(edges)) * count
    levels = np.concatenate([lower, -lower[::-1]])
    return torch.from_numpy((levels / np.sqrt(np.mean(levels**2))).astype(np.float32))


def block_size(device: torch.device) -> int:
    """How many elements of a tensor share one stream on this device."""
    return CPU_BLOCK if device.type == "cpu" else DEVICE_BLOCK


def run_lengths(first: int, begin: int, end: int, device: torch.device) -> list[int]:
    """Into which runs :func:`noise_of_block` cuts the elements begin … end−1 of the block that starts at ``first``.

    >>> run_lengths(0, 32_000, 70_000, torch.device("cpu"))
    [768, 32768, 4464]
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
    levels = gaussian_levels()
    dropped = begin // CHUNK
    bits.random_raw(dropped * (CHUNK // 4), output=False)
    size = min(CHUNK, end - dropped * CHUNK)
    index = torch.empty(size, dtype=torch.int64)
    noise = torch.empty(size, dtype=torch.float32)
    for start in range(dropped * CHUNK, end, CHUNK):
        length = min(CHUNK, end - start)
        if length < size:
            index, noise = index[:length], noise[:length]
        raw = torch.from_numpy(bits.random_raw((length + 3) // 4).view(np.uint16))
        index.copy_(raw if len(raw) == length else raw[:length])
        torch.index_select(levels, 0, index, out=noise)
        yield noise[begin - start :] if start < begin else noise


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
