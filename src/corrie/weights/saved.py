"""A direction that was found once and is kept: tensors in a safetensors file, with where they come from and their hash.

Written once: whole or not at all, and never over another direction. The hash is checked whenever they are read.
"""

from __future__ import annotations

import json
import os
import struct
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO

import torch
from torch import Tensor

from corrie.errors import InputError, ModelError, StorageError
from corrie.records.paths import Saved
from corrie.weights.sources import Sources
from corrie.weights.tensor_files import TensorFiles, tensors_digest

CONTENT, ORIGIN = "corrie.content", "corrie.origin"
"""Header entries: the tensors' hash; where they come from, as JSON."""


def save_direction(tensors: Mapping[str, Tensor], file: Path, origin: Mapping[str, str]) -> Saved:
    """Keep a direction in a file, float32.

    Memory: one tensor. The file is written beside, brought to the disk, and only then given its name.

    Args:
        tensors: name → δ's part.
        file: a name ending in .safetensors.
        origin: where it comes from; ``origin["what"]`` is a sentence for people.

    Raises:
        InputError: another direction lies there already, or the name has another ending.
        StorageError: the disk refuses.

    >>> place = Path(tempfile.mkdtemp()) / "one.safetensors"
    >>> record = save_direction({"w": torch.ones(2)}, place, {"what": "ones"})
    >>> record == save_direction({"w": torch.ones(2)}, place, {"what": "ones"}), record.origin
    (True, 'ones')
    """
    check_name(file)
    content = tensors_digest((n, tensors[n].float()) for n in sorted(tensors))
    record = Saved(content=content, name=file.name, origin=origin.get("what", ""))
    if file.exists():
        return _same(file, record)
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(prefix=f".{file.name}-", dir=file.parent)
        try:
            with os.fdopen(handle, "wb") as stream:
                _write(stream, tensors, {CONTENT: content, ORIGIN: json.dumps(dict(origin), sort_keys=True)})
                stream.flush()
                os.fsync(stream.fileno())
            os.replace(temporary, file)
        finally:
            Path(temporary).unlink(missing_ok=True)
    except OSError as problem:
        raise StorageError(f"saving {file}", found=str(problem), advice="another place with room") from None
    return record


def check_name(file: Path) -> None:
    """Refuse a name that does not say what the file is.

    Raises:
        InputError: it does not end in .safetensors.
    """
    if file.suffix != ".safetensors":
        raise InputError(f"saving {file}", found="its name does not end in .safetensors", advice=f"{file}.safetensors")


def look_at_saved(file: Path) -> tuple[Saved, TensorFiles]:
    """The record of a saved direction, its hash checked, and its tensors, not read.

    Raises:
        ModelError: no saved direction there, or its tensors are not those that were saved.
    """
    if not file.is_file():
        raise ModelError(f"saved direction {file}", found="no such file", advice="a file that corrie wrote")
    found = TensorFiles.open(file)
    stated = found.notes.get(CONTENT)
    if stated is None:
        raise ModelError(
            f"saved direction {file}", found="no direction that corrie saved", advice="toward:FOLDER for a checkpoint"
        )
    if found.digest() != stated:
        raise ModelError(
            f"saved direction {file}", found="its tensors are not those that were saved (hash differs)", advice="a copy"
        )
    return Saved(content=stated, name=file.name, origin=origin_of(found).get("what", "")), found


def origin_of(found: TensorFiles) -> dict[str, str]:
    """Where a saved direction comes from, as its file says; empty where that cannot be read.

    >>> origin_of(TensorFiles(Path("x"), {}, {}, {ORIGIN: '{"what": "ones"}'}))
    {'what': 'ones'}
    """
    try:
        said = json.loads(found.notes.get(ORIGIN, "{}"))
    except ValueError:
        return {}
    return {str(k): str(v) for k, v in said.items()} if isinstance(said, dict) else {}


def saved(direction: Saved, pristine: Mapping[str, Tensor], sources: Sources) -> dict[str, Tensor]:
    """δ from its file. Tensors that it does not hold stay where they are.

    Raises:
        InputError: a file that was not looked at, or changed since.
        ModelError: its content is not what the record says.
    """
    record, found = look_at_saved(sources.path(direction.content, str(direction)))
    if record.content != direction.content:
        raise ModelError(str(direction), found=f"{found.where} holds {record.id}", advice="the file it was saved in")
    made: dict[str, Tensor] = {}
    for name, own in pristine.items():
        if name in found.files:
            made[name] = found.read(name).to(own.device, torch.float32, copy=True)
        else:
            made[name] = torch.zeros((), device=own.device).expand(own.shape)
    return made


def _same(file: Path, record: Saved) -> Saved:
    there, _ = look_at_saved(file)
    if there.content != record.content:
        raise InputError(f"saving {file}", found=f"another direction is there ({there.id})", advice="another name")
    return there


def _write(stream: BinaryIO, tensors: Mapping[str, Tensor], notes: Mapping[str, str]) -> None:
    """The safetensors format: length of the header, the header as JSON, then the numbers, tensor by tensor."""
    header: dict[str, object] = {"__metadata__": dict(notes)}
    at = 0
    for name in sorted(tensors):
        size = 4 * tensors[name].numel()
        header[name] = {"dtype": "F32", "shape": list(tensors[name].shape), "data_offsets": [at, at + size]}
        at += size
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    stream.write(struct.pack("<Q", len(text)) + text)
    for name in sorted(tensors):
        numbers = tensors[name].detach().float().cpu().contiguous().reshape(-1)
        stream.write(numbers.numpy().astype("<f4", copy=False).data)
