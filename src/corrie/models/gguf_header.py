"""The header of a GGUF file: what it says of the model, and which tensors lie where.

It is read here with every length held against the size of the file, before any library believes one of them.
"""

from __future__ import annotations

import mmap
import struct
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

from corrie.errors import ModelError

MAGIC = b"GGUF"
_VERSIONS = (2, 3)
_NUMBERS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
_STRING, _ARRAY = 8, 9
_MOST_DIMENSIONS = 4


@dataclass(frozen=True)
class GgufHeader:
    """What a GGUF file says before its numbers begin.

    says     key → value; of an array of texts, how many there are
    shapes   tensor name → shape (rows first, as in torch)
    types    tensor name → number of its storage type (``gguf.GGMLQuantizationType``)
    """

    says: dict[str, Any]
    shapes: dict[str, tuple[int, ...]]
    types: dict[str, int]

    @property
    def architecture(self) -> str:
        return str(self.says.get("general.architecture", ""))

    def of_model(self) -> dict[str, Any]:
        """What it says under the name of its architecture, without that name: ``block_count``, ``rope.freq_base``, …"""
        prefix = f"{self.architecture}."
        return {k.removeprefix(prefix): v for k, v in self.says.items() if k.startswith(prefix)}

    def numbers(self, name: str) -> int:
        return prod(self.shapes[name])


def read_header(file: Path) -> GgufHeader:
    """The header of a GGUF file.

    Raises:
        ModelError: another kind of file or version, lengths beyond the end of the file, a key or tensor twice.
    """
    asked = f"GGUF file {file}"
    with file.open("rb") as stream:
        magic = stream.read(4)
        if magic != MAGIC:
            raise ModelError(asked, found=f"it begins with {magic!r}, not {MAGIC!r}", advice="download the file again")
        with mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as whole:
            return _Cursor(whole, asked).header()


class _Cursor:
    def __init__(self, whole: mmap.mmap, asked: str) -> None:
        self._whole, self._asked, self._at = whole, asked, 4

    def header(self) -> GgufHeader:
        version = self._number("I")
        if version not in _VERSIONS:
            raise self._wrong(f"it is of version {version}; 2 and 3 are known")
        tensors, keys = self._number("Q"), self._number("Q")
        says: dict[str, Any] = {}
        for _ in range(self._fits(keys, 12)):
            key = self._text()
            if key in says:
                raise self._wrong(f"{key[:100]!r} is in it twice")
            says[key] = self._value(self._number("I"))
        shapes: dict[str, tuple[int, ...]] = {}
        types: dict[str, int] = {}
        offsets: dict[str, int] = {}
        for _ in range(self._fits(tensors, 24)):
            name = self._text()
            if name in shapes:
                raise self._wrong(f"the tensor {name[:100]!r} is in it twice")
            dimensions = self._number("I")
            if dimensions > _MOST_DIMENSIONS:
                raise self._wrong(f"{name[:100]!r} has {dimensions} dimensions")
            shapes[name] = tuple(reversed([self._number("Q") for _ in range(dimensions)]))
            types[name], offsets[name] = self._number("I"), self._number("Q")
        self._check_places(shapes, types, offsets, says.get("general.alignment", 32))
        return GgufHeader(says, shapes, types)

    def _check_places(
        self, shapes: dict[str, tuple[int, ...]], types: dict[str, int], offsets: dict[str, int], step: Any
    ) -> None:
        from gguf import GGML_QUANT_SIZES, GGMLQuantizationType

        if not isinstance(step, int) or step < 1 or step > 2**16:
            raise self._wrong(f"its alignment is {step!r}")
        start = -(-self._at // step) * step
        for name, shape in shapes.items():
            try:
                numbers, size = GGML_QUANT_SIZES[GGMLQuantizationType(types[name])]
            except (ValueError, KeyError):
                raise self._wrong(f"{name!r} is stored in an unknown type ({types[name]})") from None
            if not shape or shape[-1] % numbers or min(shape) < 1:
                raise self._wrong(f"{name!r} has the shape {list(shape)}, which its storage type cannot have")
            if start + offsets[name] + prod(shape) // numbers * size > len(self._whole):
                raise self._wrong(f"it ends before {name!r} does")

    def _value(self, kind: int) -> Any:
        if kind in _NUMBERS:
            return self._number(_NUMBERS[kind])
        if kind == _STRING:
            return self._text()
        if kind != _ARRAY:
            raise self._wrong(f"a value of the unknown type {kind}")
        inner, count = self._number("I"), self._number("Q")
        if inner in _NUMBERS:
            form = _NUMBERS[inner]
            size = struct.calcsize(f"<{form}")
            self._fits(count, size)
            values = struct.unpack_from(f"<{count}{form}", self._whole, self._at)
            self._at += count * size
            return list(values)
        if inner != _STRING:
            raise self._wrong(f"an array of the type {inner}")
        for _ in range(self._fits(count, 8)):
            self._skip(self._number("Q"))
        return count

    def _number(self, form: str) -> Any:
        size = struct.calcsize(f"<{form}")
        self._fits(1, size)
        (value,) = struct.unpack_from(f"<{form}", self._whole, self._at)
        self._at += size
        return value

    def _text(self) -> str:
        length = self._number("Q")
        start = self._at
        self._skip(length)
        try:
            return self._whole[start : self._at].decode("utf-8")
        except UnicodeDecodeError:
            raise self._wrong("a text in it is no UTF-8") from None

    def _skip(self, length: int) -> None:
        self._fits(length, 1)
        self._at += length

    def _fits(self, count: int, size: int) -> int:
        """A count, if so many things of at least that size can follow."""
        if count * size > len(self._whole) - self._at:
            raise self._wrong(f"it says that {count:,} values follow, and ends before")
        return count

    def _wrong(self, found: str) -> ModelError:
        return ModelError(
            self._asked, found=f"it cannot be read ({found})", advice="download it again, it is damaged or cut"
        )
