"""``adapter_config.json``: which of its settings change what an adapter's tensors mean, checked before they are used.

Every setting of PEFT's ``LoraConfig`` is one of four: it decides δ (:class:`AdapterConfig`), it decides which modules
PEFT touches (checked against the file's tensors), it has no effect on a finished adapter (``INERT``), or it makes
another function of it than a change of the weights (``REFUSED``; at its empty value it is fine). A setting of another
name is refused unless it is empty: what it does is not known.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from corrie.errors import ModelError
from corrie.records.own_file import own_object
from corrie.weights.module_patterns import fault, fits, in_layers, named

ADAPTER_CONFIG = "adapter_config.json"

REFUSED = (
    "use_dora",
    "lora_bias",
    "alora_invocation_tokens",
    "use_qalora",
    "layer_replication",
    "trainable_token_indices",
    "use_bdlora",
    "arrow_config",
    "kasa_config",
    "monteclora_config",
    "velora_config",
    "megatron_config",
)
"""Settings whose effect is not s·B A added to the weights the model has."""

WITHOUT_EFFECT = frozenset(
    {
        "auto_mapping",
        "corda_config",
        "eva_config",
        "inference_mode",
        "lora_dropout",
        "lora_ga_config",
        "loftq_config",
        "megatron_core",
        "peft_version",
        "qalora_group_size",
        "revision",
        "runtime_config",
        "task_type",
    }
)
"""Settings of training, of loading and of initialisations that were run long ago."""

STARTS = ("gaussian", "eva", "orthogonal", "mica")
"""Initialisations that leave the base weights as they are; PiSSA, OLoRA, CorDA, LoftQ and LoRA-GA do not."""

_LARGEST = 1e9
"""The largest rank or alpha that is taken for one."""

_BYTES = 1 << 24


@dataclass(frozen=True)
class AdapterConfig:
    """What of an adapter's configuration says how its tensors move the weights.

    raw                  all of it, as it stands in the file
    rank, alpha          of every module that has no pattern of its own
    rank_pattern, …      pattern → value of the modules that it means; the first that fits counts
    rank_stabilised      s = alpha/√r in place of alpha/r
    transposed           ``fan_in_fan_out``: PEFT goes by the kind of each layer; this is for what has no known kind
    targets, excluded    as ``target_modules``, ``exclude_modules`` have them
    layers, containers   ``layers_to_transform`` and ``layers_pattern``; empty: all layers, under any name
    parameters           ``target_parameters``: names and ends of names of single parameters (fused experts)
    saved                modules that were trained whole
    base                 the model it says it was trained on; empty where it says nothing
    tied                 ``ensure_weight_tying``
    """

    raw: Mapping[str, Any]
    rank: int
    alpha: float
    rank_pattern: Mapping[str, int]
    alpha_pattern: Mapping[str, float]
    rank_stabilised: bool
    transposed: bool
    targets: str | list[str] | None
    excluded: str | list[str] | None
    layers: list[int]
    containers: list[str]
    parameters: list[str]
    saved: tuple[str, ...]
    base: str
    tied: bool

    @classmethod
    def read(cls, folder: Path) -> AdapterConfig:
        """Read and check a folder's ``adapter_config.json``.

        Raises:
            ModelError: not there, not readable, no LoRA adapter, a value of a kind that the setting cannot have, or a
                setting that makes another function of it; the setting is named.
        """
        asked = f"adapter {folder}"
        return cls.of(own_object(folder, ADAPTER_CONFIG, asked, most=_BYTES, advice="copy it again"), asked)

    @classmethod
    def of(cls, raw: Mapping[str, Any], asked: str = "adapter") -> AdapterConfig:
        """The same for a configuration in hand.

        >>> AdapterConfig.of({"peft_type": "LORA", "r": 4, "lora_alpha": 8, "use_dora": True})
        Traceback (most recent call last):
        corrie.errors.ModelError: adapter: it uses use_dora, which is no plain product of two matrices. Try: ...
        """
        if raw.get("peft_type") != "LORA":
            kind = str(raw.get("peft_type"))[:40]
            raise ModelError(asked, found=f"its kind is {kind}", advice="a LoRA adapter, or a merged model")
        _refuse_other_functions(raw, asked)
        read = _Reader(raw, asked)
        read.choice("bias", ("none", "all", "lora_only"))
        return cls(
            raw=raw,
            rank=int(read.number("r", 8, whole=True)),
            alpha=read.number("lora_alpha"),
            rank_pattern={k: int(v) for k, v in read.pattern("rank_pattern", whole=True).items()},
            alpha_pattern=read.pattern("alpha_pattern"),
            rank_stabilised=read.flag("use_rslora"),
            transposed=read.flag("fan_in_fan_out"),
            targets=read.modules("target_modules"),
            excluded=read.modules("exclude_modules"),
            layers=read.layers("layers_to_transform"),
            containers=read.containers("layers_pattern"),
            parameters=read.strings("target_parameters") or [],
            saved=tuple(read.strings("modules_to_save") or ()),
            base=read.text("base_model_name_or_path"),
            tied=read.flag("ensure_weight_tying"),
        )

    def rank_of(self, module: str) -> int:
        """r of a module."""
        return next((r for pattern, r in self.rank_pattern.items() if fits(pattern, module)), self.rank)

    def scale_of(self, module: str) -> float:
        """s of a module: alpha/r, or alpha/√r.

        >>> config = {"peft_type": "LORA", "r": 4, "lora_alpha": 8, "alpha_pattern": {"q_proj": 2}}
        >>> found = AdapterConfig.of(config)
        >>> found.scale_of("layers.0.v_proj"), found.scale_of("layers.0.q_proj")
        (2.0, 0.5)
        """
        alpha = next((a for pattern, a in self.alpha_pattern.items() if fits(pattern, module)), self.alpha)
        rank = self.rank_of(module)
        return alpha / (math.sqrt(rank) if self.rank_stabilised else rank)

    def is_parameter(self, name: str) -> bool:
        """Whether a tensor is adapted as a single parameter, by its own name and not by its module's."""
        return any(name == one or name.endswith(f".{one}") for one in self.parameters)

    def key(self, name: str) -> str:
        """The name by which the patterns know an adapted tensor: its module's, or its own."""
        return name if self.is_parameter(name) else name.removesuffix(".weight")

    def saves(self, module: str) -> bool:
        """Whether a module was trained whole, beside the matrices (``modules_to_save``)."""
        parts = module.split(".")
        return any(".".join(parts[:end]).endswith(name) for name in self.saved for end in range(1, len(parts) + 1))

    def left_out_by(self, module: str) -> str:
        """The setting by which PEFT would leave the matrices of a module unused; empty where none does."""
        if named(self.excluded, module):
            return "exclude_modules"
        if self.layers and isinstance(self.targets, list) and not in_layers(module, self.layers, self.containers):
            return "layers_to_transform"
        if self.tied or self.targets is None or self.targets == "all-linear" or named(self.targets, module):
            return ""
        return "target_modules"


class _Reader:
    """Values of a configuration, each of the kind that its setting has."""

    def __init__(self, raw: Mapping[str, Any], asked: str) -> None:
        self._raw, self._asked = raw, asked

    def flag(self, name: str) -> bool:
        value = self._raw.get(name)
        return value if isinstance(value, bool) else self._empty(name, value, "true or false", False)

    def text(self, name: str) -> str:
        value = self._raw.get(name)
        return value if isinstance(value, str) else self._empty(name, value, "a name", "")

    def choice(self, name: str, known: tuple[str, ...]) -> None:
        value = self._raw.get(name, known[0])
        if value not in known:
            self._refuse(name, value, f"one of {', '.join(known)}")

    def number(self, name: str, default: float | None = None, whole: bool = False) -> float:
        return self._number(name, self._raw.get(name, default), whole)

    def strings(self, name: str) -> list[str] | None:
        value = self._raw.get(name)
        if isinstance(value, list) and all(isinstance(one, str) for one in value):
            return value
        return self._empty(name, value, "a list of names", None)

    def layers(self, name: str) -> list[int]:
        value = self._raw.get(name)
        listed: list[Any] = [] if value is None else value if isinstance(value, list) else [value]
        if not all(isinstance(n, int) and not isinstance(n, bool) for n in listed):
            self._refuse(name, value, "whole numbers")
        return listed

    def containers(self, name: str) -> list[str]:
        value = self._raw.get(name)
        listed = [value] if isinstance(value, str) else self.strings(name) or []
        for one in listed:
            self._matchable(name, one)
        return [one for one in listed if one]

    def modules(self, name: str) -> str | list[str] | None:
        value = self._raw.get(name)
        if not isinstance(value, str):
            return self.strings(name)
        self._matchable(name, value)
        return value

    def pattern(self, name: str, whole: bool = False) -> dict[str, float]:
        value = self._raw.get(name)
        if not isinstance(value, dict):
            return self._empty(name, value, "patterns with numbers", {})
        for key in value:
            self._matchable(name, key, ending=True)
        return {key: self._number(f"{name} of {_short(key)}", number, whole) for key, number in value.items()}

    def _matchable(self, name: str, pattern: str, *, ending: bool = False) -> None:
        wrong = fault(pattern, ending=ending)
        if wrong:
            raise ModelError(
                self._asked,
                found=f"{name} in its {ADAPTER_CONFIG} has the pattern {_short(pattern)}, which is {wrong}",
                advice="names of modules, or a plain regular expression",
            )

    def _number(self, name: str, value: Any, whole: bool) -> float:
        is_number = isinstance(value, int if whole else (int, float)) and not isinstance(value, bool)
        if not is_number or not abs(value) <= _LARGEST or (whole and value < 1):
            self._refuse(name, value, "a whole number of 1 or more" if whole else "a number")
        return float(value)

    def _empty(self, name: str, value: Any, kind: str, default: Any) -> Any:
        if value is not None:
            self._refuse(name, value, kind)
        return default

    def _refuse(self, name: str, value: Any, kind: str) -> None:
        raise ModelError(
            self._asked, found=f"{name} in its {ADAPTER_CONFIG} is {_short(value)}", advice=f"{kind}, as PEFT writes it"
        )


def _refuse_other_functions(raw: Mapping[str, Any], asked: str) -> None:
    used = [name for name in REFUSED if not _is_empty(raw.get(name))]
    start = raw.get("init_lora_weights")
    if not (start is None or isinstance(start, bool) or start in STARTS):
        known = str(start).lower().startswith(("pissa", "olora", "corda", "loftq", "lora_ga"))
        why = "it changes the base weights too" if known else "what it does is not known"
        used.append(f"init_lora_weights={_short(start)} ({why})")
    if used:
        raise ModelError(
            asked,
            found=f"it uses {', '.join(used)}, which is no plain product of two matrices",
            advice="merge it (merge_and_unload, save_pretrained) and go toward: the merged model",
        )
    strange = sorted(k for k, v in raw.items() if k not in WITHOUT_EFFECT | KNOWN and not _is_empty(v))
    if strange:
        raise ModelError(
            asked,
            found=f"its {ADAPTER_CONFIG} sets {_short(strange[0])}, and what that does is not known",
            advice="merge it (merge_and_unload, save_pretrained) and go toward: the merged model",
        )


KNOWN = frozenset(REFUSED) | {
    "alpha_pattern",
    "base_model_name_or_path",
    "bias",
    "ensure_weight_tying",
    "exclude_modules",
    "fan_in_fan_out",
    "init_lora_weights",
    "layers_pattern",
    "layers_to_transform",
    "lora_alpha",
    "modules_to_save",
    "peft_type",
    "r",
    "rank_pattern",
    "target_modules",
    "target_parameters",
    "use_rslora",
}
"""Settings that are read or refused by their own name."""


def _is_empty(value: Any) -> bool:
    return value is None or value is False or value == [] or value == {} or value == ""


def _short(value: Any) -> str:
    """A value as it is shown in a sentence."""
    if isinstance(value, int) and not isinstance(value, bool) and value.bit_length() > 200:
        return "a number of many digits"
    text = " ".join((str(value) if isinstance(value, str | Exception) else repr(value)).split())
    return text if len(text) <= 60 else text[:59] + "…"
