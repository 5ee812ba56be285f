"""The weights at a point along a path, written to files: what was judged is what is written.

A checkpoint: θ = cast(float32(θ0) + α·δ) for every tensor that moves, the arithmetic of
:mod:`corrie.weights.perturbed` to the bit, and the model's own numbers for all others; one tensor after the other, so
beside the model no more than two tensors are in memory. A tied tensor is written once, under its first name.

An adapter: δ = s·B A is linear in B, so α·δ is the same adapter with αB; whole tensors that were trained beside go
back to θ0 + α (θ − θ0). Scaled tensors are written in float32, whatever they were stored in, since rounding αB would
change the direction.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType

import torch
from torch import Tensor, nn

from corrie.records.direction import Direction
from corrie.weights.adapter import WEIGHTS, AdapterFiles
from corrie.weights.realise import parts
from corrie.weights.selection import Selection, named_parameters, tensor_name
from corrie.weights.sources import Sources
from corrie.weights.tensor_writer import write_tensors


def write_checkpoint(
    file: Path,
    module: nn.Module,
    selection: Selection,
    direction: Direction,
    alpha: float,
    sources: Sources,
    note: Mapping[str, str] = MappingProxyType({}),
) -> None:
    """Write a model moved by α along a path as one safetensors file, at the precision it is in.

    Args:
        file: ``model.safetensors`` in some folder.
        module: the unmoved model.
        selection: which of its tensors move.
        direction, alpha, sources: the point θ0 + α·δ.
        note: more for the file's header.

    Raises:
        StorageError: the disk refuses.
        InputError, ModelError: as of :func:`corrie.weights.realise.parts`.
    """
    own: dict[str, Tensor] = {n: p.data for n, p in named_parameters(module).items()}
    kept = set(module.state_dict().keys())
    still = {tensor_name(n): b for n, b in module.named_buffers() if n in kept}
    still |= {n: t for n, t in own.items() if n not in selection.tensors}
    moving = {n: own[n] for n in selection.tensors}
    outline = {n: (t.dtype, tuple(t.shape)) for n, t in (*moving.items(), *still.items())}

    def tensors() -> Iterator[tuple[str, Tensor]]:
        for name, delta in parts(direction, moving, sources):
            yield name, moving[name].float() + delta * alpha
        yield from still.items()

    write_tensors(file, outline, tensors(), {"format": "pt", **note})


def write_adapter(
    folder: Path,
    found: AdapterFiles,
    pristine: Mapping[str, Tensor],
    alpha: float,
    tied: Mapping[str, str] = MappingProxyType({}),
    note: Mapping[str, str] = MappingProxyType({}),
) -> None:
    """Write an adapter scaled by α into a folder (its configuration is not this function's).

    Args:
        folder: where to.
        found: the adapter.
        pristine: name → the base's own tensor, needed where whole tensors were trained beside.
        alpha: the scale.
        tied: other name of a tied tensor → its name in ``pristine``.
        note: more for the file's header.

    Raises:
        StorageError: the disk refuses.
    """
    whole = {stored: name for name, stored in found.whole.items()}

    factors = {found.factor(weight, tied) for weight in found.matrices}

    def scaled(stored: str) -> bool:
        return stored in factors or stored in whole

    names = sorted(found.files.files)
    types = {n: torch.float32 if scaled(n) else found.files.read(n).dtype for n in names}

    def tensors() -> Iterator[tuple[str, Tensor]]:
        for stored in names:
            tensor = found.files.read(stored)
            if stored in whole:
                base = pristine[tied.get(whole[stored], whole[stored])].detach().to("cpu", torch.float32)
                rows = min(base.shape[0], tensor.shape[0])  # of a larger vocabulary, the new ones stay as they are
                tensor = tensor.to(torch.float32, copy=True)
                tensor[:rows] = base[:rows] + (tensor[:rows] - base[:rows]) * alpha
            elif scaled(stored):
                tensor = tensor.float() * alpha
            yield stored, tensor

    outline = {n: (types[n], found.files.shapes[n]) for n in names}
    write_tensors(folder / WEIGHTS, outline, tensors(), {"format": "pt", **note})
