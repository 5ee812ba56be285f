"""What a LoRA adapter adds to the weights, read from its own files: nothing is merged, no second model is made.

    δ_W = s·B A    (transposed where the layer stores its matrix the other way round, as GPT-2 does),

A of shape (r, in), B of shape (out, r), s = alpha/r, or alpha/√r for rank-stabilised LoRA; r and alpha may differ from
layer to layer (``rank_pattern``, ``alpha_pattern``). Whole tensors that were trained beside (``modules_to_save``,
biases) are differences from the model's own. Every variant of LoRA whose merged weights are another function (DoRA, …)
is refused.

Source: Hu et al. 2021 (2106.09685); Kalajdzievski 2023 (2312.03732) for the rank-stabilised scale.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from corrie.errors import InputError, ModelError
from corrie.records.canonical import canonical_json
from corrie.records.paths import Adapter
from corrie.weights.agreement import shown
from corrie.weights.sources import Sources
from corrie.weights.tensor_files import TensorFiles

WEIGHTS, CONFIG = "adapter_model.safetensors", "adapter_config.json"

_PREFIX = "base_model.model."
_DOWN = (".lora_A.weight", ".lora_embedding_A")
_UP = {".lora_A.weight": ".lora_B.weight", ".lora_embedding_A": ".lora_embedding_B"}

REFUSED = (
    "use_dora",
    "lora_bias",
    "trainable_token_indices",
    "alora_invocation_tokens",
    "use_qalora",
    "layer_replication",
    "target_parameters",
    "use_bdlora",
    "arrow_config",
    "kasa_config",
    "monteclora_config",
    "velora_config",
    "megatron_config",
)
"""Settings of LoRA variants whose effect is not s·B A added to the weights the model has."""

_OWN_BASE = ("pissa", "olora", "corda", "lora_ga", "loftq")
"""Initialisations that change the base weights as well."""


@dataclass(frozen=True)
class AdapterFiles:
    """An adapter folder, found but not read.

    files     its tensors
    config    its configuration
    matrices  name of an adapted weight → name of its A
    whole     name of a weight that was saved whole → its name in the file
    """

    files: TensorFiles
    config: Mapping[str, Any]
    matrices: Mapping[str, str]
    whole: Mapping[str, str]

    @classmethod
    def open(cls, folder: Path) -> AdapterFiles:
        """Look into a folder that PEFT's ``save_pretrained`` wrote.

        Raises:
            ModelError: no LoRA adapter there, or one of a variant that is no weight change of this form.
        """
        config = _config(folder)
        weights = folder / WEIGHTS
        if not weights.is_file():
            raise ModelError(
                f"adapter {folder}", found=f"no {WEIGHTS} in it", advice="save_pretrained(…, safe_serialization=True)"
            )
        files = TensorFiles.open(weights)
        matrices: dict[str, str] = {}
        whole: dict[str, str] = {}
        unknown: list[str] = []
        for stored in files.files:
            down = next((end for end in _DOWN if stored.endswith(end)), None)
            module = stored.removeprefix(_PREFIX).replace(".base_layer.", ".")
            if not stored.startswith(_PREFIX):
                unknown.append(stored)
            elif down is not None and stored.removesuffix(down) + _UP[down] in files.files:
                matrices[module.removesuffix(down) + ".weight"] = stored
            elif ".lora_" not in stored:
                whole[module] = stored
            elif not any(stored.endswith(up) and stored.removesuffix(up) + d in files.files for d, up in _UP.items()):
                unknown.append(stored)
        if unknown:
            raise ModelError(f"adapter {folder}", found=f"tensors that are no part of LoRA: {shown(sorted(unknown))}")
        return cls(files=files, config=config, matrices=matrices, whole=whole)

    def scale(self, weight: str) -> float:
        """s of one adapted weight."""
        module = weight.removesuffix(".weight")
        rank = self.files.shapes[self.matrices[weight]][0]
        alpha = float(_of_pattern(self.config.get("alpha_pattern"), module, self.config["lora_alpha"]))
        return alpha / (math.sqrt(rank) if self.config.get("use_rslora") else rank)

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

    def delta(self, weight: str) -> Tensor:
        """s·B A, float32, in the shape in which the layer stores its weight."""
        product = (self.up(weight).float() @ self.down(weight).float()).mul_(self.scale(weight))
        turned = _ending(self.matrices[weight]) == ".lora_embedding_A" or bool(self.config.get("fan_in_fan_out"))
        return product.T if turned else product

    def content(self) -> str:
        """Hash of the tensors and of the settings that change δ."""
        settings = {k: self.config.get(k) for k in ("lora_alpha", "alpha_pattern", "use_rslora", "fan_in_fan_out")}
        return self.files.digest(canonical_json(settings))

    def check(self, shapes: Mapping[str, tuple[int, ...]]) -> None:
        """Refuse an adapter of another model.

        Args:
            shapes: name → shape of every tensor of the model.

        Raises:
            ModelError: it changes tensors that the model does not have, or of other shapes; they are named.
        """
        asked = f"adapter {self.files.where.parent}"
        changed = {**self.matrices, **self.whole}
        strange = sorted(n for n in changed if n not in shapes)
        if strange:
            raise ModelError(
                asked,
                found=f"it changes tensors that the model does not have (or only as a tied copy): {shown(strange)}",
                advice=f"the model it was made for: {self.config.get('base_model_name_or_path') or 'unnamed'}",
            )
        here = {n: self._shape(n) for n in changed}
        other = [
            f"{n} is {shapes[n]} in the model and {here[n]} there" for n in sorted(changed) if here[n] != shapes[n]
        ]
        if other:
            raise ModelError(asked, found=f"other shapes: {shown(other)}", advice="the model it was made for")

    def _shape(self, weight: str) -> tuple[int, ...]:
        if weight in self.whole:
            return self.files.shapes[self.whole[weight]]
        stored = self.matrices[weight]
        end = _ending(stored)
        down, up = self.files.shapes[stored], self.files.shapes[self.stored_up(weight)]
        if len(down) != 2 or len(up) != 2 or down[0] != up[1]:
            return ()
        turned = end == ".lora_embedding_A" or bool(self.config.get("fan_in_fan_out"))
        return (down[1], up[0]) if turned else (up[0], down[1])


def adapter(direction: Adapter, pristine: Mapping[str, Tensor], sources: Sources) -> Iterator[tuple[str, Tensor]]:
    """δ: what merging the adapter would add, one tensor after the other. Those it does not touch are zeros that take
    no memory.

    Raises:
        InputError: an adapter that was not looked at, or changed since.
    """
    found = AdapterFiles.open(sources.path(direction.content, str(direction)))
    for name, own in pristine.items():
        if name in found.matrices:
            yield name, found.delta(name).to(own.device)
        elif name in found.whole:
            whole = found.files.read(found.whole[name])
            yield name, whole.to(own.device, torch.float32, copy=True).sub_(own.float())
        else:
            yield name, torch.zeros((), device=own.device).expand(own.shape)


def _ending(stored: str) -> str:
    """How a stored A's name ends."""
    return next(e for e in _DOWN if stored.endswith(e))


def _config(folder: Path) -> dict[str, Any]:
    asked = f"adapter {folder}"
    try:
        config = json.loads((folder / CONFIG).read_text("utf-8"))
        if not isinstance(config, dict):
            raise ValueError("not an object")
    except FileNotFoundError:
        raise ModelError(asked, found=f"no {CONFIG} in it", advice="a folder that PEFT wrote") from None
    except (OSError, ValueError) as problem:
        raise ModelError(asked, found=f"{CONFIG} cannot be read ({problem})") from None
    if config.get("peft_type") != "LORA":
        raise ModelError(
            asked, found=f"its kind is {config.get('peft_type')}", advice="a LoRA adapter, or a merged model"
        )
    used = [name for name in REFUSED if config.get(name)]
    start = str(config.get("init_lora_weights", "")).lower()
    if start.startswith(_OWN_BASE):
        used.append(f"init_lora_weights={start} (it changes the base weights too)")
    if used:
        raise ModelError(
            asked,
            found=f"it uses {', '.join(used)}, which is no plain product of two matrices",
            advice="merge it (merge_and_unload, save_pretrained) and go toward: the merged model",
        )
    if not isinstance(config.get("lora_alpha"), int | float):
        raise InputError(asked, found="no lora_alpha in its configuration")
    return config


def _of_pattern(patterns: Mapping[str, Any] | None, module: str, default: Any) -> Any:
    """The value of the first pattern that a module's name matches, whole or from a dot on, as PEFT reads them."""
    for pattern, value in (patterns or {}).items():
        if re.fullmatch(rf"(?:.*\.)?(?:{pattern})", module):
            return value
    return default
