"""Gaussian noise on the vectors that go in, each position's its own.

A noised position is an id beyond the vocabulary, and its vector a row of a table that grows with it. So noised prompts
go through the ordinary engines: no two of them share a node of the token tree, whatever their words, and everything
clean is still computed once. The vector is what the model's embedding gives for the token, plus σ times the noise of
(seed, name) under the law of :mod:`corrie.weights.noise`, added in float32 and rounded to the model's precision.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from corrie.inputs.untied import embedding_of
from corrie.weights.noise import gaussian_noise


class VirtualTokens:
    """Ids beyond the vocabulary of a model, each with a vector of its own."""

    def __init__(self, module: nn.Module) -> None:
        self._embedding = embedding_of(module)
        self._first = self._embedding.num_embeddings
        self._rows: list[Tensor] = []
        self._count = 0

    @torch.no_grad()
    def noised(self, ids: Sequence[int], sigma: float, seed: int, name: str) -> tuple[int, ...]:
        """New ids for the vectors of ``ids`` plus noise."""
        if not ids:
            return ()
        clean = self._embedding(torch.tensor(ids, device=self._embedding.weight.device))
        noise = torch.from_numpy(gaussian_noise(seed, name, clean.numel())).reshape(clean.shape).to(clean.device)
        self._rows.append((clean.float() + sigma * noise).to(clean.dtype))
        first = self._first + self._count
        self._count += len(ids)
        return tuple(range(first, first + len(ids)))

    def forget(self) -> None:
        """Start again from the first free id."""
        self._rows, self._count = [], 0

    @contextmanager
    def understood(self) -> Iterator[None]:
        """Within the block the model's embedding knows these ids."""
        places: list[Tensor] = []

        def hide(_: nn.Module, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
            ids, *rest = inputs
            places.append(ids)
            return (ids.masked_fill(ids >= self._first, 0), *rest)

        def show(_: nn.Module, inputs: Any, output: Tensor) -> Tensor:
            ids = places.pop()
            virtual = ids >= self._first
            if not virtual.any():
                return output
            output = output.clone()
            output[virtual] = torch.cat(self._rows)[ids[virtual] - self._first]
            return output

        before = self._embedding.register_forward_pre_hook(hide)
        after = self._embedding.register_forward_hook(show)
        try:
            yield
        finally:
            before.remove()
            after.remove()
