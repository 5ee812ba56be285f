"""What several processes on one machine take together, each with the model and an engine: stated, and compared with
what is available, before any of them loads.

    N · (the process + the model + its pristine copy + a direction + what the engine holds beside them)

on a processor, whose memory they share; a GPU is one worker's. Each of them alone may fit where all of them do not.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import torch

from corrie.errors import InputError
from corrie.models.footprint import Share, in_bytes
from corrie.models.model import Model
from corrie.models.room import footprint_of

LIBRARIES = 400_000_000
"""Bytes of a process that has done nothing yet: Python, torch, transformers, Ray."""


@dataclass(frozen=True, slots=True)
class Takes:
    """What an engine takes in a process of its own, beside the model.

    moves    the model itself is moved: a pristine copy of it, and a direction
    beside   bytes of what else there is, by what it is called

    >>> Takes()
    Takes(moves=True, beside={})
    """

    moves: bool = True
    beside: Mapping[str, int] = field(default_factory=dict[str, int])


@dataclass(frozen=True)
class Crowd:
    """Processes on one machine.

    workers  how many
    each     device → what one of them takes there, in bytes, by what it is called
    rooms    device → what is available there before they come; None: nobody knows

    >>> cpu = torch.device("cpu")
    >>> found = Crowd(3, {cpu: {"model": 2_000_000_000, "keys": 500_000_000}}, {cpu: 6_000_000_000})
    >>> print(found)
    Memory of 3 workers: each about 2.5 GB on cpu (model 2 GB, keys 0.5 GB), together 7.5 GB; 6 GB are available.
    >>> found.check("3 workers")
    Traceback (most recent call last):
    corrie.errors.InputError: 3 workers: each takes 2.5 GB on cpu (model 2 GB, keys 0.5 GB), together 7.5 GB, \
and 6 GB are available. Try: --workers 2
    """

    workers: int
    each: Mapping[torch.device, Mapping[str, int]]
    rooms: Mapping[torch.device, int | None]

    @classmethod
    def of(cls, model: Model, takes: Takes, workers: int) -> Crowd:
        """That of workers with a model that is loaded here, too: what is available is what it has left."""
        each: dict[torch.device, dict[str, int]] = {}
        shares = footprint_of(model).shares
        for device, share in shares.items():
            parts = {"model": share.weights}
            if takes.moves:
                parts |= _moving(share, model, workers if _shared(device) else 1)
            if device.type == "cpu":
                parts["libraries"] = LIBRARIES
            each[device] = {**parts, **(takes.beside if device == model.devices[0] else {})}
        return cls(workers, each, {device: share.room for device, share in shares.items()})

    def check(self, asked: str) -> None:
        """Refuse workers that do not fit.

        Args:
            asked: what is asked, for the error.

        Raises:
            InputError: a device on which less is available than they need.
        """
        for device, room in self.rooms.items():
            if room is not None and self._needed(device) > room:
                fit = room // sum(self.each[device].values()) if _shared(device) else 0
                raise InputError(
                    asked,
                    found=f"each takes {self._words(device)}, and {in_bytes(room)} are available",
                    advice=f"--workers {fit}" if fit else "--dtype bfloat16, --draw again, or a machine with more",
                )

    def __str__(self) -> str:
        known = {d: "" if room is None else f"; {in_bytes(room)} are available" for d, room in self.rooms.items()}
        found = ", ".join(f"{self._words(device)}{known[device]}" for device in self.each)
        return f"Memory of {self.workers} worker{'s' * (self.workers > 1)}: each about {found}."

    def _needed(self, device: torch.device) -> int:
        return (self.workers if _shared(device) else 1) * sum(self.each[device].values())

    def _words(self, device: torch.device) -> str:
        parts = ", ".join(f"{what} {in_bytes(size)}" for what, size in self.each[device].items())
        together = f", together {in_bytes(self._needed(device))}" if self.workers > 1 and _shared(device) else ""
        return f"{in_bytes(sum(self.each[device].values()))} on {device} ({parts}){together}"


def _shared(device: torch.device) -> bool:
    """Whether all workers lie there; a GPU is one worker's."""
    return device.type != "cuda"


def _moving(share: Share, model: Model, among: int) -> dict[str, int]:
    """What it takes to move the model where each of several has its part of the room."""
    own = replace(share, room=None if share.room is None else share.room // among)
    last = own.beside(model.draw) - own.pristine
    what = "one tensor of a direction" if last == own.tensor != own.direction else "a direction"
    return {"pristine copy": own.pristine, what: last}
