"""Noise that replaces tokens: each position independently, as a function of (seed, name).

absorbing: with probability β the token becomes the mask token. uniform: with probability β it becomes one of the V − 1
others, each as likely. Two words of the Philox stream of (seed, name) (:mod:`corrie.weights.noise`, steps 1 and 2)
serve one position: U = ⌊w/2¹¹⌋·2⁻⁵³ decides whether it is noised (U < β), the other word which token it becomes.

The mask is a token that exists: few language models have one for the purpose. Whoever attacks may use it too. The bound
of :class:`corrie.stats.AbsorbingKernel` does not mind: let two prompts that differ in d places use the same choices of
places to mask. With probability β^d all d are masked, and then the noised prompts are one; so no score in [0, 1] can
differ by more than 1 − β^d between them, whatever the tokens are.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from corrie.weights.noise import philox_key


def masked(ids: Sequence[int], level: float, mask: int, seed: int, name: str) -> tuple[int, ...]:
    """The absorbing kernel.

    >>> masked([5, 6, 7, 8], 0.5, 0, seed=1, name="a")
    (0, 0, 7, 0)
    """
    hit, _ = _uniforms(len(ids), seed, name)
    return tuple(mask if u < level else token for token, u in zip(ids, hit.tolist(), strict=True))


def scattered(ids: Sequence[int], level: float, vocabulary: int, seed: int, name: str) -> tuple[int, ...]:
    """The uniform kernel.

    >>> scattered([5, 6, 7, 8], 0.5, 100, seed=1, name="a")
    (61, 31, 7, 23)
    """
    hit, which = _uniforms(len(ids), seed, name)
    others = np.minimum((which * (vocabulary - 1)).astype(np.int64), vocabulary - 2).tolist()
    return tuple(
        (other if other < token else other + 1) if u < level else token
        for token, u, other in zip(ids, hit.tolist(), others, strict=True)
    )


def _uniforms(count: int, seed: int, name: str) -> NDArray[np.float64]:
    """Two numbers in [0, 1) for each position, shape (2, count)."""
    words = np.random.Philox(key=np.array(philox_key(seed, name), dtype=np.uint64)).random_raw(2 * count)
    return (words >> np.uint64(11)).reshape(count, 2).T.astype(np.float64) * 2.0**-53
