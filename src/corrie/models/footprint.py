"""How much memory moving a model takes: stated before it is loaded, and what it came to.

    model + one pristine copy of what moves + a direction (4 bytes a number) or, drawn again, one tensor of it,

on every device that holds a part. An 8-billion model in bfloat16 takes 16 + 16 + 2 GB when directions are drawn again,
and fits a device of 40 GB; kept, a direction alone takes 32 GB.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from corrie.errors import InputError
from corrie.weights.available import available_memory
from corrie.weights.drawn_again import Drawing


@dataclass(frozen=True, slots=True)
class Share:
    """What of a model lies on one device, in bytes.

    weights    the model's own
    pristine   a copy of what moves
    direction  a direction, float32
    tensor     the largest tensor of one
    room       what is available there; None: nobody knows
    """

    weights: int = 0
    pristine: int = 0
    direction: int = 0
    tensor: int = 0
    room: int | None = None

    def beside(self, draw: Drawing, *, loaded: bool = False) -> int:
        """What moving takes beside the model.

        Args:
            draw: whether directions are kept; ``auto``: by the rule of :class:`corrie.weights.perturbed.Moving`.
            loaded: ``room`` is what is available beside the model.
        """
        if draw == "auto":
            left = None if self.room is None else self.room - self.pristine - (0 if loaded else self.weights)
            draw = "again" if left is not None and self.direction > left / 2 else "keep"
        return self.pristine + (self.direction if draw == "keep" else self.tensor)


@dataclass(frozen=True)
class Footprint:
    """What a model takes, by device (:class:`Share`), in a precision.

    >>> tensors = {"w": torch.empty(3, 1000), "b": torch.empty(1000)}
    >>> found = Footprint.of(tensors, {"w"}, torch.bfloat16, {"w": torch.device("cpu"), "b": torch.device("cpu")})
    >>> (share,) = found.shares.values()
    >>> share.weights, share.pristine, share.direction, share.tensor
    (8000, 6000, 12000, 12000)
    """

    shares: Mapping[torch.device, Share]
    dtype: torch.dtype

    @classmethod
    def of(
        cls, tensors: Mapping[str, Tensor], moving: set[str], dtype: torch.dtype, places: Mapping[str, torch.device]
    ) -> Footprint:
        """That of a model.

        Args:
            tensors: its parameters, each tied one once; they may be without memory.
            moving: the names of those that move.
            dtype: the precision they are held in.
            places: name → device.
        """
        shares: dict[torch.device, Share] = {}
        for name, tensor in tensors.items():
            device, size = places[name], tensor.numel()
            one = shares.get(device) or Share(room=available_memory(device))
            moved = size if name in moving else 0
            shares[device] = Share(
                weights=one.weights + size * dtype.itemsize,
                pristine=one.pristine + moved * dtype.itemsize,
                direction=one.direction + 4 * moved,
                tensor=max(one.tensor, 4 * moved),
                room=one.room,
            )
        return cls(shares, dtype)

    def needs(self, draw: Drawing) -> dict[torch.device, int]:
        """Bytes of the model and of moving it, by device."""
        return {device: share.weights + share.beside(draw) for device, share in self.shares.items()}

    def copies(self, draw: Drawing) -> float:
        """What moving takes beside the model, in sizes of the model, on the device where that is most."""
        return max(share.beside(draw) / max(share.weights, 1) for share in self.shares.values())

    def check(self, asked: str, draw: Drawing) -> None:
        """Refuse what does not fit, before it is loaded.

        Raises:
            InputError: a device on which less is available than is needed.
        """
        for device, needed in self.needs(draw).items():
            room = self.shares[device].room
            if room is not None and needed > room:
                words = self.words(draw, device)
                raise InputError(
                    f"{asked} on {device}",
                    found=f"it takes {in_bytes(needed)} ({words}), and {in_bytes(room)} are available",
                    advice=self._advice(draw, device),
                )

    def words(self, draw: Drawing, device: torch.device) -> str:
        """What takes it on one device."""
        share = self.shares[device]
        last = share.beside(draw) - share.pristine
        what = "one tensor of a direction" if last == share.tensor != share.direction else "a direction"
        return f"model {in_bytes(share.weights)}, pristine copy {in_bytes(share.pristine)}, {what} {in_bytes(last)}"

    def sentence(self, draw: Drawing) -> str:
        """What is said before loading."""
        lines = []
        for device, needed in self.needs(draw).items():
            room = self.shares[device].room
            known = "" if room is None else f"; {in_bytes(room)} are available"
            lines.append(f"{in_bytes(needed)} on {device} ({self.words(draw, device)}{known})")
        return f"Memory: about {', '.join(lines)}."

    def _advice(self, draw: Drawing, device: torch.device) -> str:
        share = self.shares[device]
        room = share.room or 0
        ways = []
        if draw == "keep" and share.weights + share.beside("again") <= room:
            ways.append("--draw again")
        if self.dtype.itemsize > 2 and (share.weights + share.pristine) / 2 + share.tensor <= room:
            ways.append("--dtype bfloat16")
        if device.type == "cuda":
            ways.append("--device-map auto, over several GPUs")
        return " or ".join([*ways, "fewer tensors that move (--include)" if not ways else ""]).removesuffix(" or ")


def peak_memory(devices: set[torch.device]) -> str:
    """The most memory that was taken so far, in words: of this process, and of what torch took on each GPU."""
    found = [
        f"{in_bytes(torch.cuda.max_memory_allocated(d))} on {d}" for d in sorted(devices, key=str) if d.type == "cuda"
    ]
    try:
        import resource
    except ImportError:  # Windows
        return ", ".join(found) or "unknown here"
    unit = 1 if sys.platform == "darwin" else 1024
    process = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
    return ", ".join([*found, f"{in_bytes(process)} in this process, libraries and files included"])


def in_bytes(count: float) -> str:
    """A number of bytes in words.

    >>> in_bytes(33.4e9), in_bytes(1.234e6)
    ('33 GB', '1.2 MB')
    """
    unit, name = (1e9, "GB") if count >= 1e8 else (1e6, "MB")
    value = count / unit
    return f"{value:.0f} {name}" if value >= 10 else f"{value:.2g} {name}"
