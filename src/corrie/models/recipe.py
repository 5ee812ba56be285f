"""How a model was loaded: what another process needs to load the same one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from corrie.models.spread import DeviceMap
from corrie.weights.drawn_again import Drawing


@dataclass(frozen=True, slots=True)
class LoadRecipe:
    """The words of a :func:`corrie.load`, its name made absolute where it is a path.

    name      an embedded model, a folder or file, or a Hugging Face name
    dtype     its precision
    device    ``cpu``, ``cuda`` or ``mps``; ``auto`` with a device map
    device_map  how it is spread over several devices; None: it lies on one
    draw        whether Gaussian directions are kept
    include, exclude   which tensors move
    """

    name: str
    dtype: str
    device: str
    include: tuple[str, ...]
    exclude: tuple[str, ...]
    device_map: DeviceMap | None = None
    draw: Drawing = "auto"

    @property
    def terms(self) -> dict[str, Any]:
        """What ``load`` takes beside the name."""
        return {
            "dtype": self.dtype,
            "device": self.device,
            "device_map": self.device_map,
            "draw": self.draw,
            "include": self.include,
            "exclude": self.exclude,
        }
