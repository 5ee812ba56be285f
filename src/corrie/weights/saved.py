"""A direction that was found once and is kept: tensors in a safetensors file, with where they come from and their hash.

Written once: whole or not at all, and never over another direction. The hash is checked whenever they are read.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

import torch
from torch import Tensor

from corrie.errors import InputError, ModelError
from corrie.records.paths import Saved
from corrie.weights.sources import Sources
from corrie.weights.tensor_files import TensorFiles, tensors_digest
from corrie.weights.tensor_writer import write_tensors

CONTENT, _ORIGIN = "corrie.content", "corrie.origin"
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

    >>> import tempfile
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
    outline = {n: (torch.float32, tuple(tensors[n].shape)) for n in sorted(tensors)}
    notes = {CONTENT: content, _ORIGIN: json.dumps(dict(origin), sort_keys=True)}
    write_tensors(file, outline, ((n, tensors[n]) for n in sorted(tensors)), notes)
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

    >>> origin_of(TensorFiles(Path("x"), {}, {}, {_ORIGIN: '{"what": "ones"}'}))
    {'what': 'ones'}
    """
    try:
        said = json.loads(found.notes.get(_ORIGIN, "{}"))
    except ValueError:
        return {}
    return {str(k): str(v) for k, v in said.items()} if isinstance(said, dict) else {}


def saved_parts(direction: Saved, pristine: Mapping[str, Tensor], sources: Sources) -> Iterator[tuple[str, Tensor]]:
    """δ from its file, one tensor after the other. Tensors that it does not hold stay where they are.

    Raises:
        InputError: a file that was not looked at, or changed since.
        ModelError: its content is not what the record says.
    """
    record, found = look_at_saved(sources.path(direction.content, str(direction)))
    if record.content != direction.content:
        raise ModelError(str(direction), found=f"{found.where} holds {record.id}", advice="the file it was saved in")
    for name, own in pristine.items():
        if name in found.files:
            yield name, found.read(name).to(own.device, torch.float32, copy=True)
        else:
            yield name, torch.zeros((), device=own.device).expand(own.shape)


def _same(file: Path, record: Saved) -> Saved:
    there, _ = look_at_saved(file)
    if there.content != record.content:
        raise InputError(f"saving {file}", found=f"another direction is there ({there.id})", advice="another name")
    return there
