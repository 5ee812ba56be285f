"""A Gaussian direction that is never whole in memory: each tensor is drawn when it is laid down, and forgotten.

A direction of a model of 8 billion numbers takes 32 GB in float32, twice the model itself in bfloat16. Drawn again at
every point it takes one tensor; the numbers are the same to the bit, since the noise law gives each tensor its own from
(seed, name, index). The price is a drawing at every point, not at every direction.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

from torch import Tensor

from corrie.records.direction import Gaussian
from corrie.weights.device_noise import lay_noise
from corrie.weights.laying import Taken
from corrie.weights.realise import drawn, normalise
from corrie.weights.selection import squared_norm


class DrawnAgain(Mapping[str, Tensor]):
    """Name → the direction's part, float32, made anew each time it is asked for.

    Args:
        direction: the record.
        pristine: name → the model's own tensor, for every tensor that moves.

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
        self._norm: float | None = None
        if direction.normalisation == "unit":
            squares = (squared_norm(drawn(direction, name, base)) for name, base in pristine.items())
            self._norm = math.sqrt(sum(squares))

    def lay(self, name: str, live: Tensor, alpha: float) -> Taken | None:
        """live = cast(θ0 + α·δ) in one pass, where the device can draw as it writes (:func:`lay_noise`); or None."""
        if self._direction.normalisation != "none" or name not in self._pristine:
            return None
        return lay_noise(live, self._pristine[name], self._direction.seed, name, alpha)

    def __getitem__(self, name: str) -> Tensor:
        tensor = drawn(self._direction, name, self._pristine[name])
        if self._norm is None:
            normalise(self._direction, {name: tensor}, self._pristine)
            return tensor
        return tensor.div_(self._norm)

    def __contains__(self, name: object) -> bool:
        return name in self._pristine

    def __iter__(self) -> Iterator[str]:
        return iter(self._pristine)

    def __len__(self) -> int:
        return len(self._pristine)
