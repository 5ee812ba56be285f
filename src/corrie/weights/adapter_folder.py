"""A place of a low-rank subspace as an adapter's folder, which PEFT (and what serves its adapters) loads as it is."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path

import torch
from torch import Tensor

from corrie.errors import InputError, StorageError
from corrie.weights.adapter import CONFIG, WEIGHTS
from corrie.weights.row_space import LowRankSpace, coordinate_name
from corrie.weights.space import Coords


def write_adapter(space: LowRankSpace, coordinates: Coords | None, folder: Path, base: str) -> Path:
    """Write ΔW = B A of every layer: A as it is frozen, B = x (or U x where x is a core), float32.

    The folder is made whole and then given its name; it must not exist.

    Args:
        coordinates: x; None for 0, the unmoved model.
        base: the name or folder of the model it is for.

    Returns:
        ``folder``.

    Raises:
        InputError: the folder exists, or layers of several ranks or scales.
        StorageError: the disk refuses.

    >>> from corrie.testing.toy_models import toy_module
    >>> from corrie.weights.row_space import random_rows
    >>> place = Path(tempfile.mkdtemp()) / "adapter"
    >>> sorted(f.name for f in write_adapter(random_rows(toy_module(), "q_proj", 1), None, place, "toy").iterdir())
    ['adapter_config.json', 'adapter_model.safetensors']
    """
    from safetensors.torch import save_file

    if folder.exists() and any(folder.iterdir()):
        raise InputError(f"writing the adapter {folder}", found="something is there already", advice="another folder")
    ranks = {(one.down.shape[0], one.scale) for one in space.fixed.values()}
    if len(ranks) > 1:
        raise InputError(f"writing {space.spec}", found="layers of several ranks or scales", advice="one rank")
    ((rank, scale),) = ranks
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        made = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
        save_file(_tensors(space, coordinates), made / WEIGHTS, {"format": "pt"})
        config = {
            "peft_type": "LORA",
            "task_type": "CAUSAL_LM",
            "base_model_name_or_path": base,
            "r": rank,
            "lora_alpha": scale * rank,
            "target_modules": sorted(space.fixed),
            "lora_dropout": 0.0,
            "bias": "none",
            "fan_in_fan_out": _turned(space),
            "init_lora_weights": True,
            "inference_mode": True,
        }
        (made / CONFIG).write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
        made.chmod(0o755)
        if folder.exists():
            folder.rmdir()
        os.replace(made, folder)
    except OSError as problem:
        raise StorageError(f"writing {folder}", found=str(problem), advice="another place with room") from None
    return folder


def _tensors(space: LowRankSpace, coordinates: Coords | None) -> dict[str, Tensor]:
    made: dict[str, Tensor] = {}
    for layer, one in space.fixed.items():
        name = coordinate_name(layer, space.spec.free)
        x = torch.zeros(space.shapes[name]) if coordinates is None else coordinates[name]
        up = x if one.up is None else one.up.double() @ x.double()
        made[f"base_model.model.{layer}.lora_A.weight"] = one.down.float().contiguous()
        made[f"base_model.model.{layer}.lora_B.weight"] = up.float().contiguous()
    return made


def _turned(space: LowRankSpace) -> bool:
    from corrie.weights.row_layers import linear_layers

    layers = linear_layers(space.module)
    return any(not isinstance(layers[n], torch.nn.Linear) for n in space.fixed)
