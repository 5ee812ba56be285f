"""How a model was loaded: what another process needs to load the same one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class LoadRecipe:
    """The words of a :func:`corrie.load`, its name made absolute where it is a path.

    name      an embedded model, a folder or file, or a Hugging Face name
    dtype     its precision
    device    ``cpu``, ``cuda`` or ``mps``
    include, exclude   which tensors move
    """

    name: str
    dtype: str
    device: str
    include: tuple[str, ...]
    exclude: tuple[str, ...]

    @property
    def terms(self) -> dict[str, Any]:
        """What ``load`` takes beside the name."""
        return {"dtype": self.dtype, "device": self.device, "include": self.include, "exclude": self.exclude}
