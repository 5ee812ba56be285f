"""Named tensors in safetensors files, read one at a time."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from corrie.errors import ModelError
from corrie.weights.fingerprint import fingerprint

INDEX = "model.safetensors.index.json"
FLOATS = frozenset({"F64", "F32", "F16", "BF16"})


@dataclass(frozen=True)
class TensorFiles:
    """A checkpoint's tensors, found but not read: only headers are in memory.

    where    the folder or file, for messages
    files    tensor name → the file that holds it
    shapes   tensor name → shape
    notes    what the writer put into the header (of the first file)

    >>> import tempfile
    >>> import torch
    >>> from safetensors.torch import save_file
    >>> folder = Path(tempfile.mkdtemp())
    >>> save_file({"w": torch.ones(2, 3)}, folder / "model.safetensors")
    >>> found = TensorFiles.open(folder)
    >>> found.shapes, float(found.read("w").sum())
    ({'w': (2, 3)}, 6.0)
    """

    where: Path
    files: Mapping[str, Path]
    shapes: Mapping[str, tuple[int, ...]]
    notes: Mapping[str, str]

    @classmethod
    def open(cls, place: Path) -> TensorFiles:
        """Look into a .safetensors file, or into a folder: the shards its index names, or every such file in it.

        Raises:
            ModelError: nothing there, a shard is missing, a damaged file, a tensor in two files, tensors that hold no
                floating-point numbers (a quantised checkpoint).
        """
        paths = [place] if place.is_file() else _shards(place)
        files: dict[str, Path] = {}
        shapes: dict[str, tuple[int, ...]] = {}
        notes: dict[str, str] = {}
        for path in paths:
            with _opened(path) as opened:
                notes = notes or dict(opened.metadata() or {})
                for name in opened.keys():  # noqa: SIM118 (no mapping)
                    part = opened.get_slice(name)
                    if name in files:
                        raise ModelError(f"weights {place}", found=f"{name} is in {files[name].name} and {path.name}")
                    if part.get_dtype() not in FLOATS:
                        continue
                    files[name], shapes[name] = path, tuple(part.get_shape())
        if not files:
            raise ModelError(f"weights {place}", found="no tensor of floating-point numbers in them")
        return cls(where=place, files=files, shapes=shapes, notes=notes)

    def read(self, name: str) -> Tensor:
        """One tensor, as stored. It may be a view of the file's pages: copy it before changing it."""
        with _opened(self.files[name]) as opened:
            return opened.get_tensor(name)

    def digest(self, more: str = "") -> str:
        """SHA-256 over names, types, shapes and bytes in the order of the names: the same for any sharding.

        Args:
            more: text that is hashed with them.
        """
        return tensors_digest(((name, self.read(name)) for name in sorted(self.files)), more)


def tensors_digest(tensors: Iterable[tuple[str, Tensor]], more: str = "") -> str:
    """The law ``tensors-1``: SHA-256 over the fingerprints of single tensors in the order of their names, one in memory
    at a time, and then over any further text.

    Args:
        tensors: (name, tensor), sorted by name.
    """
    whole = hashlib.sha256()
    for name, tensor in tensors:
        whole.update(bytes.fromhex(fingerprint({name: tensor})))
    whole.update(more.encode())
    return whole.hexdigest()


def _opened(path: Path) -> Any:
    from safetensors import SafetensorError, safe_open

    try:
        return safe_open(str(path), framework="pt")
    except (SafetensorError, OSError) as problem:
        raise ModelError(
            f"weights {path}", found=f"they cannot be read ({problem})", advice="copy or download them again"
        ) from None


def _shards(folder: Path) -> list[Path]:
    index = folder / INDEX
    if index.is_file():
        try:
            named = sorted(set(json.loads(index.read_text("utf-8"))["weight_map"].values()))
        except (ValueError, KeyError, TypeError, AttributeError) as problem:
            raise ModelError(f"weights {folder}", found=f"{INDEX} cannot be read ({problem})") from None
        outside = [n for n in named if Path(n).name != n]
        gone = [n for n in named if not (folder / n).is_file()]
        if outside or gone:
            found = f"its index names {(outside or gone)[0]}, which is not in the folder"
            raise ModelError(f"weights {folder}", found=found, advice="copy every shard into it")
        return [folder / n for n in named]
    single = folder / "model.safetensors"
    found = [single] if single.is_file() else sorted(folder.glob("*.safetensors"))
    if not found:
        raise ModelError(
            f"weights {folder}", found="no *.safetensors there", advice="a folder written by save_pretrained"
        )
    return found
