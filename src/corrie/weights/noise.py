"""The noise law ``philox-1``: a standard Gaussian number as a function of (seed, tensor name, element index).

A direction must be the same vector on every machine, device, shard and order of tensors, and nobody's global
generator may be touched. So the noise is not a stream that is consumed but a function that is looked up:

1.  key (128 bits): the first 16 bytes of SHA-256(``b"corrie philox-1\\0"`` + seed as 8 little-endian bytes + the
    tensor's name in UTF-8), read as two little-endian 64-bit numbers.
2.  words w_0, w_1, …: the raw output of Philox4x64-10 (Salmon et al. 2011) for that key, counter from zero, in the
    order of ``numpy.random.Philox(key=key).random_raw()``.
3.  elements 2p and 2p+1 of the flattened tensor come from the words w_{2p} and w_{2p+1} by Box and Muller's
    transform in float64: U = ⌊w_{2p}/2^11⌋ + 1 and V = ⌊w_{2p+1}/2^11⌋ (53 bits each),
    r = √(−2 ln(U·2^−53)), x = π(V·2^−53 − ½), s = −1 if w_{2p+1} is odd else 1:
    z_{2p} = s·r·cos x, z_{2p+1} = s·r·sin x, rounded to float32.
4.  ln, cos and sin are the polynomials of this file, evaluated in the written order: only additions,
    multiplications, divisions and square roots occur, which IEEE 754 rounds in one way. So the law is exact to the
    bit wherever float64 is, which no library's logarithm promises. Their error is below 2e-10, a hundred times
    finer than the rounding to float32.

The largest |z| is 8.57 (53 bits); 24-bit uniforms would stop at 5.77, and one number in 10^8 should lie beyond.

:func:`plain_noise` is the law in Python. Where a C compiler is there, :func:`gaussian_noise` gives the same numbers
from the loop in ``kernel.c``, after the two have been compared bit for bit.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import cache

import numpy as np
import torch
from numpy.typing import NDArray

from corrie.weights.kernel import Kernel, kernel

_PAIRS = 1 << 13
"""Pairs drawn at a time: the working arrays stay in the second-level cache."""

_MANY = 1 << 16
"""Numbers from which on the compiled loop is looked for, and threads share the work."""

_HALF_ROOT = 0x3FE6A09E667F3BCD
"""Bits of √½ as a float64."""

_LN2 = math.log(2.0)
_LOG = tuple(2.0 / k for k in (13, 11, 9, 7, 5, 3, 1))
_SIN = tuple((-1.0) ** k / math.factorial(2 * k + 1) for k in range(8, -1, -1))
_COS = tuple((-1.0) ** k / math.factorial(2 * k) for k in range(8, -1, -1))
LAW_CONSTANTS = (*_LOG, *_SIN, *_COS, _LN2, math.pi, math.sqrt(0.5))
"""As ``kernel.c`` reads them; √½ by its bits."""


def philox_key(seed: int, name: str) -> tuple[int, int]:
    """Step 1 of the law.

    >>> [hex(k) for k in philox_key(0, "model.embed_tokens.weight")]
    ['0x1547fca55bace015', '0xe6ec9862a2a7b781']
    """
    digest = hashlib.sha256(b"corrie philox-1\0" + seed.to_bytes(8, "little") + name.encode()).digest()
    return int.from_bytes(digest[:8], "little"), int.from_bytes(digest[8:16], "little")


def gaussian_noise(seed: int, name: str, size: int, start: int = 0) -> NDArray[np.float32]:
    """Elements start … start+size−1 of the noise of one tensor, shape (size,), float32.

    Any range can be looked up by itself, so a shard needs to draw only its own part. As many threads work as
    ``torch.get_num_threads()`` says; the numbers do not depend on it.

    >>> whole = gaussian_noise(7, "w", 10)
    >>> bool((gaussian_noise(7, "w", 4, start=3) == whole[3:7]).all())
    True
    """
    many = size >= _MANY
    fast = _compiled() if many or _is_compiled() else None
    if fast is None or not size:
        return plain_noise(seed, name, size, start)
    out = np.empty(size, dtype=np.float32)
    fast.noise(LAW_CONSTANTS, philox_key(seed, name), start, out, torch.get_num_threads() if many else 1)
    return out


def _is_compiled() -> bool:
    """Whether the loop was looked for already: few numbers are not worth the half second that its making takes."""
    return _compiled.cache_info().currsize > 0


@cache
def _compiled() -> Kernel | None:
    """The compiled loop, if its numbers are the law's: whole blocks, parts of blocks, far along the stream."""
    fast = kernel()
    if fast is None:
        return None
    for start, size in ((0, 2048), (1027, 3001), (2**40 + 1, 515)):
        out = np.empty(size, dtype=np.float32)
        fast.noise(LAW_CONSTANTS, philox_key(start, "compare"), start, out, 1)
        if out.tobytes() != plain_noise(start, "compare", size, start).tobytes():
            return None
    return fast


def plain_noise(seed: int, name: str, size: int, start: int = 0) -> NDArray[np.float32]:
    """The same numbers by the Python text, on any machine.

    >>> bool((plain_noise(7, "w", 10) == gaussian_noise(7, "w", 10)).all())
    True
    """
    out = np.empty(size, dtype=np.float32)
    first, last = start // 2, (start + size + 1) // 2
    jobs = [(p, min(p + _MANY, last)) for p in range(first, last, _MANY)]
    key = np.array(philox_key(seed, name), dtype=np.uint64)

    def fill(job: tuple[int, int]) -> None:
        for pair, values in _pairs(key, *job):
            low, high = 2 * pair - start, 2 * pair - start + len(values)
            out[max(low, 0) : min(high, size)] = values[max(-low, 0) : len(values) - max(high - size, 0)]

    threads = min(torch.get_num_threads(), len(jobs))
    if threads > 1:
        with ThreadPoolExecutor(threads, thread_name_prefix="corrie-noise") as pool:
            list(pool.map(fill, jobs))
    else:
        for job in jobs:
            fill(job)
    return out


def _pairs(key: NDArray[np.uint64], first: int, last: int) -> Iterator[tuple[int, NDArray[np.float32]]]:
    """Chunks of the pairs first … last−1: (number of the chunk's first pair, its elements)."""
    generator = np.random.Philox(key=key)
    generator.advance(first // 2)
    if first % 2:
        generator.random_raw(2, output=False)
    for pair in range(first, last, _PAIRS):
        count = min(_PAIRS, last - pair)
        words = generator.random_raw(2 * count)
        yield pair, box_muller(words)


def box_muller(words: NDArray[np.uint64]) -> NDArray[np.float32]:
    """Step 3 of the law: (2n,) random words to (2n,) Gaussian numbers."""
    first, second = words[0::2], words[1::2]
    u = (first >> np.uint64(11)).astype(np.int64)
    u += 1
    # ln(U·2^-53) = (k − 53) ln 2 + ln m with m in [√½, √2): k from the exponent's bits.
    bits = u.astype(np.float64).view(np.int64)
    k = bits - _HALF_ROOT
    k >>= 52
    bits -= k << 52
    m = bits.view(np.float64)
    denominator = m + 1.0
    m -= 1.0
    m /= denominator
    square = m * m
    log = _horner(_LOG, square)
    log *= m
    k -= 53
    exponent = k.astype(np.float64)
    exponent *= _LN2
    log += exponent
    log *= -2.0
    radius = np.sqrt(log, out=log)
    # s·r: the sign from the word's last bit, the angle from its first 53.
    sign = (second & np.uint64(1)).astype(np.float64)
    sign *= -2.0
    sign += 1.0
    radius *= sign
    angle = (second >> np.uint64(11)).astype(np.float64)
    angle *= 2.0**-53
    angle -= 0.5
    angle *= math.pi
    np.multiply(angle, angle, out=square)
    cosine = _horner(_COS, square)
    cosine *= radius
    sine = _horner(_SIN, square)
    sine *= angle
    sine *= radius
    out = np.empty(len(words), dtype=np.float32)
    out[0::2] = cosine
    out[1::2] = sine
    return out


def _horner(coefficients: tuple[float, ...], x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Σ c_k x^k, highest power first, one rounding for each multiplication and addition."""
    total = x * coefficients[0]
    for c in coefficients[1:-1]:
        total += c
        total *= x
    total += coefficients[-1]
    return total
