"""Who moves which weights: one thread at a time."""

from __future__ import annotations

import threading
from collections.abc import Iterable

from torch import Tensor

from corrie.errors import InputError

_lock = threading.Lock()
_claims: list[Claim] = []


class Claim:
    """Tensors that the present thread moves from here to :meth:`release`.

    A thread may claim what it holds already (a ``with`` inside another); another thread is refused, since each of the
    two would take the other's moved weights for the model's own.

    Raises:
        InputError: another thread moves one of them.

    >>> import torch
    >>> weight = torch.zeros(3)
    >>> claim = Claim([weight])
    >>> claim.release()
    """

    def __init__(self, tensors: Iterable[Tensor]) -> None:
        self._tensors = {id(tensor): tensor for tensor in tensors}
        self._thread = threading.current_thread()
        with _lock:
            for other in _claims:
                foreign = other._thread is not self._thread and other._thread.is_alive()
                if foreign and not self._tensors.keys().isdisjoint(other._tensors):
                    raise InputError(
                        "moving the weights of a model",
                        found=f"thread {other._thread.name} has moved them and not put them back yet",
                        advice="one thread after the other, or a model for each thread",
                    )
            _claims.append(self)

    def release(self) -> None:
        """Others may move them. Harmless when done twice."""
        with _lock:
            _claims[:] = [other for other in _claims if other is not self]
