"""A mean of the weights along a training run, which lies in a flatter place than its end."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn, get_swa_multi_avg_fn
from torch.utils.hooks import RemovableHandle

from corrie.errors import InputError
from corrie.optim.distance import distinct
from corrie.optim.moved import check_moved


class Average:
    """The mean of some tensors over the steps of a run, beside them: exponential or uniform.

    With θ_t the tensors after step t,

        exponential:  ā_1 = θ_1,  ā_t = d ā_t−1 + (1 − d) θ_t        uniform:  ā_t = (1/t) Σ_s≤t θ_s

    by torch's :class:`~torch.optim.swa_utils.AveragedModel`, over the given tensors alone: of adapters that is little.
    What is averaged is θ, with GO too. A mean of points in a :class:`~corrie.optim.Ball` is in that ball, so what is
    known or certified of the ball holds for the average as well (to the rounding of the mean).

    Args:
        tensors: those that are trained (``model.parameters()``, ``choose(model, "*lora_*")``).
        decay: d of the exponential mean, which reaches back about 1/(1 − d) steps; None: the uniform mean.
        after: steps that are left out at the beginning.

    Memory: one copy of the tensors.

    Raises:
        InputError: a decay outside of [0, 1), a negative ``after``; there is no tensor, or what is given is none.

    >>> weight = nn.Parameter(torch.zeros(1))
    >>> average = Average([weight], decay=None)
    >>> for value in (1.0, 2.0, 6.0):
    ...     weight.data.fill_(value) and average.update()
    >>> with average.applied():
    ...     weight.item()
    3.0
    >>> weight.item()
    6.0
    """

    def __init__(self, tensors: Iterable[Tensor], decay: float | None = 0.999, *, after: int = 0) -> None:
        if decay is not None and not (isinstance(decay, int | float) and 0 <= decay < 1):
            raise InputError(f"Average(decay={decay!r})", found="it is no share from 0 to 1", advice="0.999, or None")
        if after < 0:
            raise InputError(f"Average(after={after})", found="it may not be negative", advice="after=0")
        self.tensors = distinct(tensors, "Average(tensors=…)")
        self.after = after
        self._seen = 0
        self._live = nn.ParameterList(self.tensors)
        law = get_swa_multi_avg_fn() if decay is None else get_ema_multi_avg_fn(decay)
        self._mean = AveragedModel(self._live, multi_avg_fn=law)

    @property
    def taken(self) -> int:
        """Of how many steps it is the mean."""
        return int(self._mean.n_averaged)

    def update(self) -> None:
        """Take the tensors as they are now into the mean."""
        self._seen += 1
        if self._seen > self.after:
            self._mean.update_parameters(self._live)

    def follow(self, optimizer: Optimizer) -> RemovableHandle:
        """Update after every step of ``optimizer`` (a GO too), until the returned handle's ``remove()``. After
        ``Ball.hold``, it sees what the ball has projected.

        In a Trainer, :class:`corrie.optim.AverageCallback`, which also saves and resumes it.

        Raises:
            InputError: the optimizer moves none of the tensors.
        """
        check_moved(self.tensors, optimizer, "Average.follow(optimizer)", "average")
        return optimizer.register_step_post_hook(lambda *_: self.update())

    @contextmanager
    def applied(self) -> Iterator[None]:
        """Within it the tensors hold the mean: to evaluate, to measure with a watch, to save. Afterwards they are what
        they were, bit for bit, also if something raises.

        Raises:
            InputError: no step was taken yet.
        """
        kept = [tensor.detach().clone() for tensor in self.tensors]
        self.install()
        try:
            yield
        finally:
            self._write(kept)

    def install(self) -> None:
        """Write the mean into the tensors, for good.

        Raises:
            InputError: no step was taken yet.
        """
        if not self.taken:
            raise InputError(
                "the average of a run",
                found=f"none of its steps was taken yet ({self._seen} made, {self.after} left out)",
                advice="a smaller after, or more steps",
            )
        self._write(self._mean.parameters())

    @torch.no_grad()
    def _write(self, values: Iterable[Tensor]) -> None:
        for tensor, value in zip(self.tensors, values, strict=True):
            tensor.copy_(value)

    def state_dict(self) -> dict[str, Any]:
        """What it needs to go on."""
        return {"seen": self._seen, "mean": self._mean.state_dict()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on where :meth:`state_dict` was taken, over tensors of the same shapes."""
        self._seen = int(state["seen"])
        self._mean.load_state_dict(state["mean"])
