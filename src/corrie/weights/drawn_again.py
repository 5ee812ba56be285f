"""A Gaussian direction that is never whole in memory: each tensor is drawn when it is laid down, and forgotten.

A direction of a model of 8 billion numbers takes 32 GB in float32, twice the model itself in bfloat16. Drawn again at
every point it takes one tensor; the numbers are the same to the bit, since the noise law gives each tensor its own from
(seed, name, index). The price is a drawing at every point, not at every direction.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Literal, get_args

from torch import Tensor

from corrie.errors import InputError
from corrie.records.direction import Gaussian
from corrie.weights.device_noise import lay_noise
from corrie.weights.laying import Taken
from corrie.weights.realise import gaussian_law
from corrie.weights.shard import local_part, span_of

Drawing = Literal["auto", "keep", "again"]
"""Whether a Gaussian direction is kept in memory or drawn again at every point; ``auto``: again where keeping it would
take more than half of the memory that is available on a device."""


def check_draw(draw: str) -> None:
    """Refuse another word.

    Raises:
        InputError: it is none of the three.
    """
    if draw not in get_args(Drawing):
        raise InputError(f"draw {draw!r}", found="no such way", advice=" or ".join(get_args(Drawing)))


class DrawnAgain(Mapping[str, Tensor]):
    """Name → the direction's part, float32, made anew each time it is asked for.

    Args:
        direction: the record.
        pristine: name → the model's own tensor, for every tensor that moves; of one that is sharded over processes, the
            part that lies here is made.

    >>> import torch
    >>> from corrie.weights.realise import realise
    >>> pristine = {"a": torch.ones(3, 4), "b": torch.ones(5)}
    >>> for law in ("none", "unit", "layer", "filter"):
    ...     direction = Gaussian(seed=1, normalisation=law)
    ...     whole, again = realise(direction, pristine).tensors, DrawnAgain(direction, pristine)
    ...     assert all(torch.equal(again[name], whole[name]) for name in pristine)
    """

    def __init__(self, direction: Gaussian, pristine: Mapping[str, Tensor]) -> None:
        self._direction = direction
        self._pristine = dict(pristine)
        self._law = gaussian_law(direction, pristine)

    def lay(self, name: str, live: Tensor, alpha: float) -> Taken | None:
        """live = cast(θ0 + α·δ) in one pass, where the device can draw as it writes (:func:`lay_noise`); or None."""
        if self._direction.normalisation != "none" or name not in self._pristine:
            return None
        base = self._pristine[name]
        span = span_of(base)
        return span and lay_noise(live, local_part(base), self._direction.seed, name, alpha, span.begin)

    def __getitem__(self, name: str) -> Tensor:
        return self._law(name, self._pristine[name])

    def __contains__(self, name: object) -> bool:
        return name in self._pristine

    def __iter__(self) -> Iterator[str]:
        return iter(self._pristine)

    def __len__(self) -> int:
        return len(self._pristine)
