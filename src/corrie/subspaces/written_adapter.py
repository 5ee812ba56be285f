"""Places of a subspace of low-rank changes as adapter folders, as PEFT's ``save_pretrained`` writes them.

Any server that takes LoRA adapters takes these. Numbers are float32, which holds what lies on a subspace's lattice
(:func:`corrie.subspaces.space.fine_lattice`) exactly. A folder is there whole or not at all.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from corrie.analysis.whole_folder import whole_folder
from corrie.errors import InputError
from corrie.subspaces.row_layers import linear_layers
from corrie.subspaces.row_space import LowRankSpace, coordinate_name
from corrie.subspaces.space import Coords
from corrie.weights.adapter import AdapterFiles
from corrie.weights.adapter_writer import NOTHING, write_adapter, write_changed

_STORED = "base_model.model.{}.lora_{}.weight"


def write_place(
    space: LowRankSpace,
    coordinates: Coords,
    folder: Path,
    base: str = "",
    note: Mapping[str, str] = NOTHING,
) -> Path:
    """A place as an adapter of its own: A as frozen, B the coordinates (or U M, of few numbers), the space's scale.

    Args:
        coordinates: of the place, by the space's names.
        folder: is made.
        base: name of the model it is for.
        note: more for the header of its weights.

    Raises:
        InputError: the folder is there already, or a scale that no α/r makes.
        StorageError: the disk refuses.

    >>> import tempfile
    >>> import torch
    >>> from corrie.testing.toy_models import toy_module
    >>> from corrie.subspaces.row_space import random_rows
    >>> space = random_rows(toy_module(), "q_proj", rank=2)
    >>> place = {n: torch.ones(shape) for n, shape in space.shapes.items()}
    >>> made = write_place(space, place, Path(tempfile.mkdtemp()) / "adapter")
    >>> AdapterFiles.open(made).up("model.layers.0.self_attn.q_proj.weight").shape
    torch.Size([32, 2])
    """
    tensors: dict[str, Tensor] = {}
    for layer, up in ups(space, coordinates).items():
        tensors[_STORED.format(layer, "A")] = space.fixed[layer].down.float()
        tensors[_STORED.format(layer, "B")] = up
    outline = {n: (torch.float32, tuple(t.shape)) for n, t in tensors.items()}
    settings = _settings(space, base)
    return whole_folder(folder, lambda made: write_adapter(made, settings, outline, tensors.items(), note))


def replace_ups(files: AdapterFiles, ups: Mapping[str, Tensor], folder: Path) -> Path:
    """An adapter with other B and everything else as it is.

    Args:
        files: the adapter.
        ups: B by the name of the adapted weight, float32.
        folder: is made.

    Raises:
        InputError: the folder is there already.
        ModelError: the adapter's configuration is no longer there.
        StorageError: the disk refuses.
    """
    changes = {files.stored_up(weight): (lambda _, up=up: up) for weight, up in ups.items()}
    return whole_folder(folder, lambda made: write_changed(made, files, changes))


def ups(space: LowRankSpace, coordinates: Coords) -> dict[str, Tensor]:
    """B by layer, float32, of a place."""
    found: dict[str, Tensor] = {}
    for layer, one in space.fixed.items():
        values = coordinates[coordinate_name(layer, space.spec.free)].double()
        found[layer] = (values if one.up is None else one.up.double() @ values).float()
    return found


def _settings(space: LowRankSpace, base: str) -> dict[str, Any]:
    """``adapter_config.json``: the commonest rank and α for all, patterns for layers that have others."""
    ranks = {layer: int(one.down.shape[0]) for layer, one in space.fixed.items()}
    alphas = {layer: _alpha(one.scale, ranks[layer]) for layer, one in space.fixed.items()}
    rank, alpha = (Counter(found.values()).most_common(1)[0][0] for found in (ranks, alphas))
    layers = linear_layers(space.module)
    return {
        "peft_type": "LORA",
        "task_type": "CAUSAL_LM",
        "base_model_name_or_path": base,
        "r": rank,
        "lora_alpha": alpha,
        "rank_pattern": {re.escape(n): r for n, r in ranks.items() if r != rank},
        "alpha_pattern": {re.escape(n): a for n, a in alphas.items() if a != alpha},
        "target_modules": _targets(space, layers),
        "lora_dropout": 0.0,
        "bias": "none",
        "use_rslora": False,
        "fan_in_fan_out": not all(isinstance(layers[n], nn.Linear) for n in space.fixed),
        "init_lora_weights": True,
        "inference_mode": True,
    }


def _targets(space: LowRankSpace, layers: Mapping[str, nn.Module]) -> list[str]:
    """The ends of the names, as PEFT has them, where they mean these layers and no other; else the whole names."""
    ends = sorted({layer.rsplit(".", 1)[-1] for layer in space.fixed})
    named = [n for n in (m for m, _ in space.module.named_modules()) if n.rsplit(".", 1)[-1] in ends]
    return ends if len(named) == len(space.fixed) == len(set(layers) & set(named)) else sorted(space.fixed)


def _alpha(scale: float, rank: int) -> int | float:
    """α with α/rank equal to the scale, bit for bit; a whole number where one does."""
    for alpha in _near(scale * rank):
        if alpha / rank == scale:
            return alpha
    raise InputError(f"an adapter of scale {scale!r}", found=f"no α has α/{rank} equal to it", advice="another scale")


def _near(value: float) -> Iterator[int | float]:
    yield from (round(value), value, math.nextafter(value, math.inf), math.nextafter(value, -math.inf))
