"""The gradient of a loss at wherever the weights are: what a search for directions asks for.

A loss here is a callable without arguments that returns the loss at the present weights, in nats per token or any other
unit, and *adds* its gradient to the ``grad`` of the tensors that move, as ``backward`` does. So it may go through its
examples in as many parts as it likes. It must be a function of the weights: the same examples every time, no dropout.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import Tensor

from corrie.errors import InputError
from corrie.weights.selection import CHUNK, Selection, squared_norm

LossAndGrad = Callable[[], float]


class Gradients:
    """A loss's gradients, in the ``grad`` of the tensors that move. Memory: one gradient for each."""

    def __init__(self, selection: Selection, loss_and_grad: LossAndGrad) -> None:
        self._parameters = selection.tensors
        self._loss_and_grad = loss_and_grad

    def clear(self) -> None:
        """No gradient."""
        for parameter in self._parameters.values():
            parameter.grad = None

    def negate(self) -> None:
        """−g in the place of g: with the next :meth:`add`, a difference without a second buffer."""
        for _, gradient in self:
            gradient.neg_()

    def add(self) -> float:
        """The loss at the present weights; its gradient is added to what is there.

        Raises:
            InputError: the loss or its gradient is not a number.
        """
        loss = float(self._loss_and_grad())
        if not (math.isfinite(loss) and math.isfinite(self.norm())):
            raise InputError(
                "climbing a loss", found="the loss or its gradient is not a number there", advice="a shorter distance"
            )
        return loss

    def __iter__(self) -> Iterator[tuple[str, Tensor]]:
        """(name, gradient); tensors the loss does not depend on are left out."""
        return ((n, p.grad) for n, p in self._parameters.items() if p.grad is not None)

    def norm(self) -> float:
        """‖g‖₂."""
        return math.sqrt(sum(squared_norm(g) for _, g in self))

    def dot(self, tensors: Mapping[str, Tensor]) -> float:
        """⟨g, δ⟩, float32 products added up in float64 chunk by chunk."""
        flat = ((g.reshape(-1), tensors[n].reshape(-1)) for n, g in self)
        chunks = (pair for g, t in flat for pair in zip(g.split(CHUNK), t.split(CHUNK), strict=True))
        return sum(float(torch.dot(g.float(), t)) for g, t in chunks)


@contextmanager
def gradients(selection: Selection, loss_and_grad: LossAndGrad) -> Iterator[Gradients]:
    """Gradients for the time of a ``with`` block; afterwards there are none, and ``requires_grad`` is as it was."""
    wanted = {n: p.requires_grad for n, p in selection.tensors.items()}
    found = Gradients(selection, loss_and_grad)
    try:
        found.clear()
        for parameter in selection.tensors.values():
            parameter.requires_grad_(True)
        yield found
    finally:
        found.clear()
        for name, parameter in selection.tensors.items():
            parameter.requires_grad_(wanted[name])
