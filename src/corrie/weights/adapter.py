"""What a LoRA adapter adds to the weights, read from its own files: nothing is merged, no second model is made.

    δ_W = s·B A    (transposed where the layer stores its matrix the other way round, as GPT-2's Conv1D does),

A of shape (r, in), B of shape (out, r), s = alpha/r, or alpha/√r for rank-stabilised LoRA; r and alpha may differ from
layer to layer (``rank_pattern``, ``alpha_pattern``). Whole tensors that were trained beside (``modules_to_save``,
biases) are differences from the model's own. Every variant of LoRA whose merged weights are another function (DoRA, …)
is refused.

On experts that are fused into one parameter (``target_parameters``) A and B hold the factors of all experts, and
δ_e = s·B_e A_e for each of them.

Which way round a matrix lies is decided by the kind of its layer, as PEFT decides it. Where the output head is the
embedding (one tied tensor), PEFT adapts each of the two places by itself: a change of one of them parts the two for
as long as the weights are moved, and δ then has a part under either name (:mod:`corrie.weights.perturbed`).

A vocabulary of another size (embeddings that were resized in training): the rows that both have are moved, the others
have no place in the model and stay out.

Source: Hu et al. 2021 (2106.09685); Kalajdzievski 2023 (2312.03732) for the rank-stabilised scale.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from corrie.errors import ModelError
from corrie.records.canonical import canonical_json
from corrie.records.own_file import own_file
from corrie.records.paths import Adapter
from corrie.weights.adapter_config import ADAPTER_CONFIG, AdapterConfig
from corrie.weights.agreement import shown
from corrie.weights.layout import Layout
from corrie.weights.selection import squared_norm
from corrie.weights.sources import Sources
from corrie.weights.tensor_files import TensorFiles

WEIGHTS = "adapter_model.safetensors"

_PREFIX = "base_model.model."
_BASE = ".base_layer."
_EMBEDDING = ".lora_embedding_A"
_DOWN = (".lora_A.weight", _EMBEDDING)
_UP = {".lora_A.weight": ".lora_B.weight", _EMBEDDING: ".lora_embedding_B"}


@dataclass(frozen=True)
class AdapterFiles:
    """An adapter folder, found but not read.

    files     its tensors
    settings  its configuration, checked
    matrices  name of an adapted weight → name of its A
    whole     name of a weight that was saved whole → its name in the file
    below     those of ``whole`` that are the base's own, which both places of a tied tensor use; the others are one
              module's
    """

    files: TensorFiles
    settings: AdapterConfig
    matrices: Mapping[str, str]
    whole: Mapping[str, str]
    below: frozenset[str]

    @classmethod
    def open(cls, folder: Path) -> AdapterFiles:
        """Look into a folder that PEFT's ``save_pretrained`` wrote.

        Only its own ``adapter_config.json`` and ``adapter_model.safetensors`` are read, never ``adapter_model.bin``.

        Raises:
            ModelError: no LoRA adapter there, or one of a variant that is no weight change of this form.
        """
        _refuse_empty(folder)
        settings = AdapterConfig.read(folder)
        asked = f"adapter {folder}"
        files = TensorFiles.open(own_file(folder, WEIGHTS, asked))
        matrices: dict[str, str] = {}
        whole: dict[str, str] = {}
        below: set[str] = set()
        unknown = _no_floats(files)
        for stored in files.files:
            down = next((end for end in _DOWN if stored.endswith(end)), None)
            inner = stored.removeprefix(_PREFIX)
            name = inner.replace(_BASE, ".")
            if not stored.startswith(_PREFIX) or name in whole:
                unknown.append(stored)
            elif down is not None and stored.removesuffix(down) + _UP[down] in files.files:
                weight = inner.removesuffix(down) + ".weight"
                if weight in matrices or (_BASE in weight and not settings.parameters):
                    unknown.append(stored)
                matrices[weight] = stored
            elif ".lora_" not in stored:
                whole[name] = stored
                if _BASE in stored or not settings.saves(name.rpartition(".")[0]):
                    below.add(name)
                    adapted = any(
                        f"{stored.rpartition('.')[0].removesuffix('.base_layer')}{d}" in files.files for d in _DOWN
                    )
                    if adapted != (_BASE in stored):
                        unknown.append(stored)
            elif not any(stored.endswith(up) and stored.removesuffix(up) + d in files.files for d, up in _UP.items()):
                unknown.append(stored)
        if unknown:
            raise ModelError(asked, found=f"tensors that are no part of LoRA: {shown(sorted(unknown))}")
        return cls(files=files, settings=settings, matrices=matrices, whole=whole, below=frozenset(below))

    def on(self, layout: Layout) -> AdapterFiles:
        """The same with every matrix under the name of the tensor that it moves: PEFT names those of several parameters
        of one module by how deep they lie in it, the module's first parameter deepest."""
        if not self.settings.parameters:
            return self
        return replace(self, matrices={_target(n, self.settings, layout): s for n, s in self.matrices.items()})

    @property
    def folder(self) -> Path:
        """Where it lies."""
        return self.files.where.parent

    @property
    def config(self) -> Mapping[str, Any]:
        """The configuration as it stands in its file."""
        return self.settings.raw

    def scale(self, weight: str) -> float:
        """s of one adapted weight."""
        return self.settings.scale_of(self.settings.key(weight))

    def down(self, weight: str) -> Tensor:
        """A of one adapted weight, (r, in), as stored."""
        return self.files.read(self.matrices[weight])

    def up(self, weight: str) -> Tensor:
        """B of one adapted weight, (out, r), as stored."""
        return self.files.read(self.stored_up(weight))

    def stored_up(self, weight: str) -> str:
        """The name of B of one adapted weight in the file."""
        stored = self.matrices[weight]
        end = _ending(stored)
        return stored.removesuffix(end) + _UP[end]

    def factor(self, weight: str, tied: Mapping[str, str]) -> str:
        """The name of the factor that scales δ of one weight: B, or A of a head that shares its factors with the
        embedding (``ensure_weight_tying``), whose A is the other's B.

        Args:
            tied: other name of a tied tensor → the name that it moves by.
        """
        twin = tied.get(weight)
        shared = self.settings.tied and self.matrices.get(twin or "", "").endswith(_EMBEDDING)
        return self.matrices[weight] if shared else self.stored_up(weight)

    def delta(self, weight: str, layout: Layout | None = None) -> Tensor:
        """s·B A, float32, in the shape in which the layer stores its weight.

        Raises:
            ModelError: the product is beyond what float32 holds.
        """
        up, down = self.up(weight).float(), self.down(weight).float()
        experts = self._experts(weight, layout)
        if experts:
            each = down.reshape(experts, -1, down.shape[1]), up.reshape(up.shape[0], -1, experts)
            way = "eri,ore->eio" if layout is not None and weight in layout.turned else "eri,ore->eoi"
            product = torch.einsum(way, *each).mul_(self.scale(weight))
        else:
            product = (up @ down).mul_(self.scale(weight))
        if not bool(torch.isfinite(product).all()):
            raise ModelError(
                f"adapter {self.folder}",
                found=f"its change of {weight} is not finite in float32 (scale {self.scale(weight):g})",
                advice="an adapter whose training did not diverge",
            )
        return product.T if not experts and self._turned(weight, layout) else product

    def change(self, name: str, own: Tensor, layout: Layout) -> Tensor | None:
        """δ of one place of the model, float32, on the device of its weight; None where it is zero.

        Args:
            name: of the place, under which the adapter may change it.
            own: its weight.
            layout: the model's.
        """
        found: Tensor | None = None
        base = next((self.whole[n] for n in layout.group(name) if n in self.below), None)
        stored = base if name not in self.whole or name in self.below else self.whole[name]
        if stored is not None:
            theirs = self.files.read(stored)
            found = _on_rows(theirs.to(own.device, torch.float32, copy=True), own, own).sub_(own.float())
        if name in self.matrices:
            product = _on_rows(self.delta(name, layout).to(own.device), own, None)
            found = product if found is None else found.add_(product)
        return found

    def parts(self, name: str, other: str, own: Tensor, layout: Layout) -> bool:
        """Whether it changes two places of one tied tensor differently."""
        mine = {n for n in (name, other) if n in self.matrices or (n in self.whole and n not in self.below)}
        if not mine:
            return False
        here, there = self.change(name, own, layout), self.change(other, own, layout)
        return len(mine) < 2 or here is None or there is None or not torch.allclose(here, there, rtol=1e-5, atol=1e-7)

    def content(self) -> str:
        """Hash of the tensors and of the settings that change δ."""
        settings = {k: self.config.get(k) for k in ("lora_alpha", "alpha_pattern", "use_rslora", "fan_in_fan_out")}
        unlisted = sorted(n for n in self.below if _BASE not in self.whole[n] and not n.endswith(".bias"))
        settings |= {"below": unlisted} if unlisted else {}
        parameters = sorted(set(self.settings.parameters))
        return self.files.digest(canonical_json(settings | ({"target_parameters": parameters} if parameters else {})))

    def by_layout(self, layout: Layout) -> bool:
        """Whether δ is another than the file alone says: a layer of another kind than ``fan_in_fan_out``, or one place
        of a tied tensor."""
        if self.settings.parameters:
            return True
        turned = any(self._turned(n, layout) != self._turned(n, None) for n in self.matrices)
        return turned or any(len(layout.group(n)) > 1 for n in (*self.matrices, *self.whole))

    def left_out(self, layout: Layout) -> list[str]:
        """What of a vocabulary of another size has no place in the model, in words."""
        found: list[str] = []
        for name in sorted({**self.matrices, **self.whole}):
            ours, theirs = layout.shape(name), self._shape(name, layout)
            if ours is None or theirs == ours or not theirs:
                continue
            if theirs[0] < ours[0]:
                found.append(f"{name} has {theirs[0]:,} rows and the model {ours[0]:,}: the others stay as they are")
            else:
                if name in self.whole:
                    size = math.sqrt(squared_norm(self.files.read(self.whole[name])[ours[0] :]))
                else:
                    product = self.delta(name, layout)[ours[0] :]
                    size = math.sqrt(squared_norm(product))
                rows = theirs[0] - ours[0]
                found.append(f"{rows:,} rows of {name} that the model does not have are left out (L2 {size:.4g})")
        return found

    def check(self, layout: Layout) -> None:
        """Refuse an adapter that PEFT would not put on this model, or not as it lies there.

        Raises:
            ModelError: it changes tensors that the model does not have, or of other shapes or kinds, holds what is no
                number, or was saved with settings that leave some of it unused; they are named.
        """
        asked = f"adapter {self.folder}"
        changed = {**self.matrices, **self.whole}
        strange = sorted(n for n in changed if layout.shape(n) is None)
        if strange:
            raise ModelError(
                asked,
                found=f"it changes tensors that the model does not have: {shown(strange)}",
                advice=f"the model it was made for: {self.settings.base or 'unnamed'}",
            )
        names = (*layout.shapes, *layout.tied)
        absent = sorted(n for n in names if self.settings.saves(n.rpartition(".")[0]) and n not in self.whole)
        if absent:
            raise ModelError(
                asked,
                found=f"modules_to_save in its {ADAPTER_CONFIG} means tensors that it does not hold: {shown(absent)}",
                advice="the configuration that was saved with the tensors",
            )
        self._check_kinds(asked, layout)
        other = []
        for name in sorted(changed):
            ours = layout.shape(name) or ()
            for theirs in self._shapes(name, layout):
                same = theirs[1:] == ours[1:] and theirs and _has_rows(name, layout) and theirs[0] > 0
                if theirs != ours and not same:
                    other.append(f"{name} is {ours} in the model and {theirs} there")
        if other:
            raise ModelError(asked, found=f"other shapes: {shown(other)}", advice="the model it was made for")
        self._check_settings(asked, layout)
        for stored in self.files.files:
            if not bool(torch.isfinite(self.files.read(stored)).all()):
                raise ModelError(
                    asked,
                    found=f"{stored} holds what is no number (NaN or infinite)",
                    advice="an adapter from before its training diverged",
                )
        for other_name, first in layout.tied.items():
            both = [self.files.read(self.whole[n]) for n in (first, other_name) if n in self.below]
            if len(both) > 1 and not torch.equal(*both):
                raise ModelError(
                    asked,
                    found=f"its base has {first} and {other_name} apart, and they are one tied tensor in the model",
                    advice="an untied copy of the model (tie_word_embeddings: false)",
                )

    def _check_kinds(self, asked: str, layout: Layout) -> None:
        for name, stored in sorted(self.matrices.items()):
            if self.settings.is_parameter(name) and _ending(stored) != _EMBEDDING:
                continue
            kind = layout.kinds.get(name)
            wanted = ("embedding",) if _ending(stored) == _EMBEDDING else ("linear", "conv1d")
            if kind not in wanted:
                raise ModelError(
                    asked,
                    found=f"{stored} is for {' or '.join(wanted)} layers, and {name.removesuffix('.weight')} is "
                    f"{f'of kind {kind}' if kind else 'no layer of a kind that is read'}",
                    advice="merge it (merge_and_unload, save_pretrained) and go toward: the merged model",
                )

    def _check_settings(self, asked: str, layout: Layout) -> None:
        if self.settings.parameters and self.settings.transposed:
            raise ModelError(
                asked, found="it has fan_in_fan_out and target_parameters, which PEFT does not put together"
            )
        for name, stored in sorted(self.matrices.items()):
            module = self.settings.key(name)
            rank, said = self.files.shapes[stored][0], self.settings.rank_of(module)
            rank //= self._experts(name, layout) or 1
            if rank != said:
                raise ModelError(
                    asked,
                    found=f"the rank of {module} is {rank} in its tensors, and {said} by r and rank_pattern in its "
                    f"{ADAPTER_CONFIG}",
                    advice="the configuration that was saved with the tensors",
                )
            setting = "" if self.settings.is_parameter(name) else self.settings.left_out_by(module)
            if setting:
                raise ModelError(
                    asked,
                    found=f"it holds matrices of {module}, and {setting} in its {ADAPTER_CONFIG} leaves "
                    "that module out",
                    advice="the configuration that was saved with the tensors",
                )

    def _experts(self, weight: str, layout: Layout | None) -> int:
        """How many experts' matrices are fused into one parameter; 0 for a matrix."""
        shape = layout.shape(weight) if layout is not None else None
        return shape[0] if shape is not None and len(shape) == 3 and self.settings.is_parameter(weight) else 0

    def _turned(self, weight: str, layout: Layout | None) -> bool:
        if _ending(self.matrices[weight]) == _EMBEDDING:
            return True
        kind = layout.kinds.get(weight) if layout is not None else None
        return self.settings.transposed if kind is None else kind == "conv1d"

    def _shape(self, name: str, layout: Layout) -> tuple[int, ...]:
        return self._shapes(name, layout)[0]

    def _shapes(self, name: str, layout: Layout) -> list[tuple[int, ...]]:
        """The shapes of what it holds for one weight: saved whole, and as a product; () for factors that do not fit."""
        found: list[tuple[int, ...]] = []
        if name in self.matrices:
            down, up = self.files.shapes[self.matrices[name]], self.files.shapes[self.stored_up(name)]
            if len(down) != 2 or len(up) != 2 or down[0] != up[1]:
                return [()]
            experts = self._experts(name, layout)
            if experts and down[0] % experts:
                return [()]
            if experts:
                found.append((experts, down[1], up[0]) if name in layout.turned else (experts, up[0], down[1]))
                return found
            found.append((down[1], up[0]) if self._turned(name, layout) else (up[0], down[1]))
        if name in self.whole:
            found.append(self.files.shapes[self.whole[name]])
        return found


def is_adapter(folder: Path) -> bool:
    """Whether a folder holds an adapter and no weights of a whole model; a ``config.json`` beside makes it no model."""
    if not (folder / ADAPTER_CONFIG).is_file():
        return False
    return not any(file.name != WEIGHTS for file in folder.glob("*.safetensors"))


def adapter_parts(direction: Adapter, pristine: Mapping[str, Tensor], sources: Sources) -> Iterator[tuple[str, Tensor]]:
    """δ: what merging the adapter would add, one tensor after the other. Those it does not touch are zeros that take
    no memory. After them the other places of tied tensors, where it parts them.

    Raises:
        InputError: an adapter that was not looked at, or changed since.
    """
    layout = sources.layout
    found = AdapterFiles.open(sources.path(direction.content, str(direction))).on(layout)
    for name, own in pristine.items():
        yield name, _or_zeros(found.change(name, own, layout), own)
    for other, name in layout.tied.items():
        if name in pristine and found.parts(name, other, pristine[name], layout):
            yield other, _or_zeros(found.change(other, pristine[name], layout), pristine[name])


def _or_zeros(delta: Tensor | None, own: Tensor) -> Tensor:
    return torch.zeros((), device=own.device).expand(own.shape) if delta is None else delta


def _on_rows(theirs: Tensor, own: Tensor, beyond: Tensor | None) -> Tensor:
    """A tensor with as many rows as the model's: cut, or continued by ``beyond`` (zeros where there is none)."""
    if theirs.shape == own.shape:
        return theirs
    rows = min(theirs.shape[0], own.shape[0])
    made = torch.zeros(own.shape, device=own.device) if beyond is None else beyond.float().clone()
    made[:rows] = theirs[:rows]
    return made


def _has_rows(name: str, layout: Layout) -> bool:
    """Whether a tensor has a row for each token of the vocabulary."""
    return any(f"{n.rpartition('.')[0]}.weight" in layout.vocabulary for n in layout.group(name))


def _target(weight: str, settings: AdapterConfig, layout: Layout) -> str:
    """The tensor that a matrix moves, by its name in the file."""
    module, depth = weight.removesuffix(".weight"), 0
    while module.endswith(_BASE[:-1]):
        module, depth = module.removesuffix(_BASE[:-1]), depth + 1
    aimed = [name for name in layout.of_module(module) if settings.is_parameter(name)]
    return aimed[-1 - depth] if depth < len(aimed) else weight


def _ending(stored: str) -> str:
    """How a stored A's name ends."""
    return next(e for e in _DOWN if stored.endswith(e))


def _refuse_empty(folder: Path) -> None:
    """Say what lies there instead, where a folder has no adapter of its own that is read."""
    asked = f"adapter {folder}"
    if not (folder / ADAPTER_CONFIG).exists() and not (folder / ADAPTER_CONFIG).is_symlink():
        inside = sorted(p.parent.name for p in folder.glob(f"*/{ADAPTER_CONFIG}"))
        if inside:
            raise ModelError(
                asked,
                found=f"no {ADAPTER_CONFIG} in it, but adapters in {shown(inside)}",
                advice=f"{folder / inside[0]}",
            )
    elif not (folder / WEIGHTS).exists() and (folder / "adapter_model.bin").exists():
        raise ModelError(
            asked,
            found=f"no {WEIGHTS} in it, and adapter_model.bin is pickled: loading it could run any code",
            advice="PEFT's save_pretrained(…, safe_serialization=True), where you trust it",
        )


def _no_floats(files: TensorFiles) -> list[str]:
    """Names of stored tensors that hold no floating-point numbers."""
    from safetensors import safe_open

    with safe_open(str(files.where), framework="pt") as opened:
        return [name for name in opened.keys() if name not in files.files]  # noqa: SIM118 (no mapping)
