"""Where the tensors of directions lie: content hash → a place on disk. Records hold no tensors and no paths."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from corrie.errors import InputError
from corrie.weights.layout import Layout
from corrie.weights.stored import StoredTensors


@dataclass(frozen=True, slots=True)
class _Place:
    path: Path
    stamp: tuple[tuple[str, int, int], ...]
    tensors: StoredTensors | None


@dataclass
class Sources:
    """The places that were looked at and hashed, and the model's own fingerprint.

    A file that was written to since it was hashed is refused: a direction must be what its id says.

    own     the fingerprint of the model that is moved (its tensors need no file)
    layout  how it stores what an adapter changes

    >>> Sources().path("a" * 64, "toward:somewhere")
    Traceback (most recent call last):
    corrie.errors.InputError: toward:somewhere: no tensors of that content (aaaaaaaaaaaaaaaa) are there. Try: ...
    """

    own: str = ""
    layout: Layout = field(default_factory=Layout, repr=False)
    _places: dict[str, _Place] = field(default_factory=dict, repr=False)

    def add(self, content: str, path: Path, tensors: StoredTensors | None = None) -> None:
        """Remember where content of this hash lies, and (of a checkpoint) under which names the model knows it."""
        self._places[content] = _Place(path, _stamp(path), tensors)

    def tensors(self, content: str, asked: str) -> StoredTensors | None:
        """The tensors of content under the model's names, if it was added with them.

        Raises:
            InputError: as of :meth:`path`.
        """
        self.path(content, asked)
        return self._places[content].tensors

    def path(self, content: str, asked: str) -> Path:
        """Where content of this hash lies.

        Args:
            content: the hash.
            asked: the direction that needs it, for messages.

        Raises:
            InputError: nowhere that was looked at, or what lies there was changed since.
        """
        place = self._places.get(content)
        if place is None:
            raise InputError(
                asked,
                found=f"no tensors of that content ({content[:16]}) are there",
                advice="corrie.toward, corrie.adapter or corrie.saved, which look into the files first",
            )
        if _stamp(place.path) != place.stamp:
            raise InputError(
                asked, found=f"{place.path} was changed since it was looked at", advice="the scan again, as it is now"
            )
        return place.path


def _stamp(path: Path) -> tuple[tuple[str, int, int], ...]:
    """Names, sizes and times of the weights (and settings) at a place: changed when they are."""
    files = [path] if path.is_file() else sorted([*path.glob("*.safetensors"), *path.glob("*.json")])
    found = [(f.name, f.stat()) for f in files]
    return tuple((name, stat.st_size, stat.st_mtime_ns) for name, stat in found)
