"""Named tensors in safetensors files, read one at a time.

What the weights of a folder are is decided here alone, for models, directions and adapters alike.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from corrie.errors import ModelError
from corrie.records.own_file import own_file
from corrie.weights.fingerprint import fingerprint

INDEX = "model.safetensors.index.json"
SINGLE = "model.safetensors"
ENDING = ".safetensors"
_LONGEST_NAME = 255
FLOATS = frozenset({"F64", "F32", "F16", "BF16"})
"""The types whose stored numbers are the weights. Of float8 and less, the numbers are codes that need their scales."""


@dataclass(frozen=True)
class TensorFiles:
    """A checkpoint's tensors, found but not read: only headers are in memory.

    where    the folder or file, for messages
    files    tensor name → the file that holds it
    shapes   tensor name → shape
    notes    what the writer put into the header (of the first file)
    others   name → type of the tensors that hold no floating-point numbers (masks and positions of old checkpoints);
             they are in none of the above

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
    others: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def open(cls, place: Path) -> TensorFiles:
        """Look into a .safetensors file, or into a folder (:func:`weight_files`).

        Raises:
            ModelError: nothing there, a shard is missing, a damaged file, a tensor in two files, tensors of float8 or
                less, no floating-point numbers at all (a quantised checkpoint).
        """
        paths = [place] if place.is_file() else weight_files(place)
        files: dict[str, Path] = {}
        shapes: dict[str, tuple[int, ...]] = {}
        notes: dict[str, str] = {}
        others: dict[str, str] = {}
        for path in paths:
            with _opened(path) as opened:
                notes = notes or dict(opened.metadata() or {})
                for name in opened.keys():  # noqa: SIM118 (no mapping)
                    part = opened.get_slice(name)
                    if name in files:
                        raise ModelError(f"weights {place}", found=f"{name} is in {files[name].name} and {path.name}")
                    kind = str(part.get_dtype())
                    if kind not in FLOATS:
                        _refuse_codes(place, name, kind)
                        others[name] = kind
                        continue
                    files[name], shapes[name] = path, tuple(part.get_shape())
        if not files:
            raise ModelError(f"weights {place}", found="no tensor of floating-point numbers in them")
        return cls(where=place, files=files, shapes=shapes, notes=notes, others=others)

    def read(self, name: str) -> Tensor:
        """One tensor, as stored. It may be a view of the file's pages: copy it before changing it."""
        with _opened(self.files[name]) as opened:
            return opened.get_tensor(name)

    def slices(self) -> dict[str, Any]:
        """name → a handle from which safetensors reads the tensor when it is asked for; the others are among them."""
        found: dict[str, Any] = {}
        for path in dict.fromkeys(self.files.values()):
            opened = _opened(path)
            found |= {name: opened.get_slice(name) for name in opened.keys()}  # noqa: SIM118 (no mapping)
        return found

    def digest(self, more: str = "", *, within: torch.dtype | None = None) -> str:
        """SHA-256 over names, types, shapes and bytes in the order of the names: the same for any sharding.

        Args:
            more: text that is hashed with them.
            within: the precision in which all numbers must be finite (default: not looked at).

        Raises:
            ModelError: a tensor holds NaN or infinity, or a number that the precision cannot hold.
        """
        return tensors_digest(((name, self._finite(name, within)) for name in sorted(self.files)), more)

    def _finite(self, name: str, within: torch.dtype | None) -> Tensor:
        tensor = self.read(name)
        if within is not None and not all_finite(tensor, within):
            raise ModelError(
                f"weights {self.where}",
                found=f"{name} holds what is no number in {str(within).removeprefix('torch.')} (NaN, or infinite)",
                advice="another copy of the checkpoint, or one from before the training diverged",
            )
        return tensor


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


def all_finite(tensor: Tensor, dtype: torch.dtype | None = None) -> bool:
    """Whether all numbers of a tensor are finite, also once they are rounded to a precision. One pass, no copy.

    >>> all_finite(torch.tensor([1.0, -1e30])), all_finite(torch.tensor([1.0, -1e30]), torch.float16)
    (True, False)
    >>> all_finite(torch.tensor([0.0, torch.nan]))
    False
    """
    if tensor.numel() == 0:
        return True
    ends = torch.stack(torch.aminmax(tensor.detach()))
    return bool(torch.isfinite(ends if dtype is None else ends.to(dtype)).all())


def weight_files(folder: Path) -> list[Path]:
    """The safetensors files that hold the weights of a folder: those its index names, or ``model.safetensors``, or
    every such file in it.

    Only plain names of ``.safetensors`` files in the folder itself are taken, and no link that leads out of it but the
    hub cache's own: this is checked before anything opens them.

    Raises:
        ModelError: none there, a shard is missing, an index that cannot be read or names what is no such file, an index
            beside a ``model.safetensors`` that it does not name (one of the two is stale).
    """
    asked = f"weights {folder}"
    index = folder / INDEX
    whole = (folder / SINGLE).is_file()
    if index.is_file():
        named = named_by_index(folder)
        gone = [n for n in named if not (folder / n).is_file()]
        if whole and SINGLE not in named and len(gone) < len(named):
            raise ModelError(
                asked,
                found=f"{SINGLE} and the shards of {INDEX} are both there, and one of them is stale",
                advice="the folder with only one of the two",
            )
        if not whole or SINGLE in named:
            if gone:
                found = f"its index names {gone[0]}, which is not in the folder"
                raise ModelError(asked, found=found, advice="copy every shard into it")
            return [own_file(folder, n, asked) for n in named]
    names = [SINGLE] if whole else sorted(p.name for p in folder.glob(f"*{ENDING}"))
    if not names:
        raise ModelError(asked, found=f"no *{ENDING} there", advice="a folder written by save_pretrained")
    return [own_file(folder, n, asked) for n in names]


def named_by_index(folder: Path) -> list[str]:
    """The files that a folder's index names, in order; each a plain name of a safetensors file.

    Raises:
        ModelError: an index that cannot be read, or that names something else.
    """
    index = own_file(folder, INDEX, f"weights {folder}")
    try:
        named = list(json.loads(index.read_text("utf-8"))["weight_map"].values())
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, OSError) as problem:
        what = f"{INDEX} cannot be read ({type(problem).__name__}: {problem})"
        raise ModelError(f"weights {folder}", found=what) from None
    for name in named:
        plain = isinstance(name, str) and Path(name).name == name and "\\" not in name and "\0" not in name
        if not plain or len(name.encode("utf-8", "surrogatepass")) > _LONGEST_NAME:
            found = f"its index names {str(name)[:200]!r}, which is not in the folder"
            raise ModelError(f"weights {folder}", found=found, advice="an index that names its own shards")
        if not name.endswith(ENDING):
            found = f"its index names {name[:200]!r}, which is no {ENDING} file and is not opened"
            raise ModelError(f"weights {folder}", found=found, advice="weights in safetensors")
    if not named:
        raise ModelError(f"weights {folder}", found=f"{INDEX} names no tensor")
    return sorted(set(named))


def _refuse_codes(place: Path, name: str, kind: str) -> None:
    """Refuse float8 and smaller floats: what is stored are codes, and the weights are codes times scales."""
    if kind.startswith(("F8", "F6", "F4", "E8")):
        raise ModelError(
            f"weights {place}",
            found=f"{name} is stored as {kind} (float8 or less): quantised, and its scale would be left out",
            advice="the bfloat16 or float32 checkpoint it was made from",
        )


def _opened(path: Path) -> Any:
    from safetensors import SafetensorError, safe_open

    try:
        return safe_open(str(path), framework="pt")
    except (SafetensorError, OSError) as problem:
        raise ModelError(
            f"weights {path}",
            found=f"damaged weights: they cannot be read ({problem})",
            advice="copy or download them again",
        ) from None
