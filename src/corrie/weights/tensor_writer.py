"""Named tensors written as one safetensors file, one after the other: whole or not at all, never all in memory.

The format: the header's length (8 bytes, little-endian), the header as JSON (name → type, shape, place), the numbers.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterable, Mapping
from pathlib import Path

import torch
from torch import Tensor

from corrie.analysis.whole_file import write_whole

Outline = Mapping[str, tuple[torch.dtype, tuple[int, ...]]]
"""Tensor name → type and shape: what a file will hold, known before a number is written."""

_CODES = {
    torch.float64: "F64",
    torch.float32: "F32",
    torch.float16: "F16",
    torch.bfloat16: "BF16",
    torch.int64: "I64",
    torch.int32: "I32",
    torch.int16: "I16",
    torch.int8: "I8",
    torch.uint8: "U8",
    torch.bool: "BOOL",
}


def write_tensors(
    file: Path, outline: Outline, tensors: Iterable[tuple[str, Tensor]], notes: Mapping[str, str]
) -> None:
    """Write a file beside ``file``, bring it to the disk, and only then give it its name.

    Args:
        file: where to; its folder is made.
        outline: what will come.
        tensors: every one of them, in the outline's order; each is cast to its type there.
        notes: for the header.

    Raises:
        StorageError: the disk refuses.

    >>> import tempfile
    >>> from safetensors.torch import load_file
    >>> place = Path(tempfile.mkdtemp()) / "two.safetensors"
    >>> outline = {"b": (torch.bfloat16, (2,)), "a": (torch.float32, (1, 1))}
    >>> write_tensors(place, outline, [("b", torch.ones(2)), ("a", torch.zeros(1, 1))], {"format": "pt"})
    >>> load_file(place)["b"]
    tensor([1., 1.], dtype=torch.bfloat16)
    """

    def write(new: Path) -> None:
        with new.open("wb") as stream:
            text = _header(outline, notes)
            stream.write(struct.pack("<Q", len(text)) + text)
            for (name, (kind, shape)), (given, tensor) in zip(outline.items(), tensors, strict=True):
                if given != name or tuple(tensor.shape) != shape:
                    raise ValueError(f"{given} {tuple(tensor.shape)} where {name} {shape} was announced")
                numbers = tensor.detach().to("cpu", kind).contiguous().reshape(-1)
                if numbers.numel():
                    stream.write(numbers.view(torch.uint8).numpy().data)

    write_whole(file, write)


def _header(outline: Outline, notes: Mapping[str, str]) -> bytes:
    """The header, padded so that the numbers begin at a multiple of eight bytes."""
    header: dict[str, object] = {"__metadata__": dict(notes)}
    at = 0
    for name, (kind, shape) in outline.items():
        size = kind.itemsize
        for count in shape:
            size *= count
        header[name] = {"dtype": _CODES[kind], "shape": list(shape), "data_offsets": [at, at + size]}
        at += size
    text = json.dumps(header, separators=(",", ":")).encode()
    return text + b" " * (-len(text) % 8)
