"""The weights at a point along a path, written to files: what was judged is what is written.

A checkpoint: θ = cast(float32(θ0) + α·δ) for every tensor that moves, the arithmetic of
:mod:`corrie.weights.perturbed` to the bit, and the model's own numbers for all others; one tensor after the other, so
beside the model no more than two tensors are in memory. A tied tensor is written once, under its first name.

An adapter: δ = s·B A is linear in B, so α·δ is the same adapter with αB; whole tensors that were trained beside go
back to θ0 + α (θ − θ0).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType

import torch
from torch import Tensor, nn

from corrie.records.direction import Direction
from corrie.weights.adapter import AdapterFiles
from corrie.weights.adapter_writer import write_changed
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
    own = _kept(module)
    still = {n: t for n, t in own.items() if n not in selection.tensors}
    moving = {n: own[n] for n in selection.tensors}
    outline = {n: (t.dtype, tuple(t.shape)) for n, t in (*moving.items(), *still.items())}

    def tensors() -> Iterator[tuple[str, Tensor]]:
        for name, delta in parts(direction, moving, sources):
            yield name, moving[name].float() + delta * alpha
        yield from still.items()

    write_tensors(file, outline, tensors(), {"format": "pt", **note})


def write_present(file: Path, module: nn.Module, note: Mapping[str, str] = MappingProxyType({})) -> None:
    """Write a model as it is as one safetensors file, at the precision it is in.

    Args:
        file: ``model.safetensors`` in some folder.
        module: the model.
        note: more for the file's header.

    Raises:
        StorageError: the disk refuses.
    """
    own = _kept(module)
    outline = {n: (t.dtype, tuple(t.shape)) for n, t in own.items()}
    write_tensors(file, outline, own.items(), {"format": "pt", **note})


def _kept(module: nn.Module) -> dict[str, Tensor]:
    """What a checkpoint of a model holds, by name: buffers first, a tied tensor once."""
    kept = set(module.state_dict().keys())
    buffers = {tensor_name(n): b for n, b in module.named_buffers() if n in kept}
    return buffers | {n: p.data for n, p in named_parameters(module).items()}


def write_scaled(
    folder: Path,
    found: AdapterFiles,
    pristine: Mapping[str, Tensor],
    alpha: float,
    tied: Mapping[str, str] = MappingProxyType({}),
    note: Mapping[str, str] = MappingProxyType({}),
) -> None:
    """Write an adapter scaled by α into a folder.

    Args:
        folder: where to.
        found: the adapter.
        pristine: name → the base's own tensor, needed where whole tensors were trained beside.
        alpha: the scale.
        tied: other name of a tied tensor → its name in ``pristine``.
        note: more for the file's header.

    Raises:
        ModelError: the adapter's configuration is no longer there.
        StorageError: the disk refuses.
    """

    def whole(name: str) -> Callable[[Tensor], Tensor]:
        def back(tensor: Tensor) -> Tensor:
            base = pristine[tied.get(name, name)].detach().to("cpu", torch.float32)
            rows = min(base.shape[0], tensor.shape[0])  # of a larger vocabulary, the new ones stay as they are
            tensor = tensor.to(torch.float32, copy=True)
            tensor[:rows] = base[:rows] + (tensor[:rows] - base[:rows]) * alpha
            return tensor

        return back

    factors = {found.factor(weight, tied) for weight in found.matrices}
    changes: dict[str, Callable[[Tensor], Tensor]] = {stored: lambda t: t.float() * alpha for stored in factors}
    write_changed(folder, found, changes | {stored: whole(name) for name, stored in found.whole.items()}, note)
