"""Adapters as folders, as PEFT's ``save_pretrained`` writes them: the one place that writes them.

Tensors are written one after the other, so no more than one of them is in memory besides the model. What is changed is
float32, whatever it was stored in before: rounding αB would change the direction.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import torch
from torch import Tensor

from corrie.records.own_file import own_file
from corrie.weights.adapter import WEIGHTS, AdapterFiles
from corrie.weights.adapter_config import ADAPTER_CONFIG
from corrie.weights.tensor_writer import Outline, write_tensors

NOTHING: Mapping[str, str] = MappingProxyType({})
"""No note."""


def write_adapter(
    folder: Path,
    settings: Mapping[str, Any] | bytes,
    outline: Outline,
    tensors: Iterable[tuple[str, Tensor]],
    note: Mapping[str, str] = NOTHING,
) -> None:
    """Write an adapter's two files into a folder.

    Args:
        folder: where to.
        settings: of ``adapter_config.json``, or that file's own bytes.
        outline: type and shape of every tensor by its stored name.
        tensors: all of them, in the outline's order.
        note: more for the header of the weights.

    Raises:
        StorageError: the disk refuses.
    """
    write_tensors(folder / WEIGHTS, outline, tensors, {"format": "pt", **note})
    if not isinstance(settings, bytes):
        settings = (json.dumps(settings, indent=2, sort_keys=True) + "\n").encode()
    (folder / ADAPTER_CONFIG).write_bytes(settings)


def write_changed(
    folder: Path,
    files: AdapterFiles,
    changes: Mapping[str, Callable[[Tensor], Tensor]],
    note: Mapping[str, str] = NOTHING,
) -> None:
    """Write an adapter with some tensors changed, and everything else as it is.

    Args:
        folder: where to.
        files: the adapter.
        changes: stored name → the new tensor (float32) of the stored one, in the same shape.
        note: more for the header of the weights.

    Raises:
        ModelError: its configuration is no longer there.
        StorageError: the disk refuses.
    """
    names = sorted(files.files.files)
    types = {n: torch.float32 if n in changes else files.files.read(n).dtype for n in names}
    whole = ((n, changes[n](files.files.read(n)) if n in changes else files.files.read(n)) for n in names)
    settings = own_file(files.folder, ADAPTER_CONFIG, f"adapter {files.folder}").read_bytes()
    write_adapter(folder, settings, {n: (types[n], files.files.shapes[n]) for n in names}, whole, note)
