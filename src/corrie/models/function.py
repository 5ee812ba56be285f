"""Which function a configuration makes of the weights: its settings, without those that are known to change nothing.

Two models of equal tensors are the same function only if everything else that the forward pass reads is equal too:
heads, ε of the norms, activation, rotary positions, windows, caps, multipliers, experts per token, … . New
architectures bring new settings, so what is listed (:mod:`corrie.models.inert_settings`) is what changes nothing, and
every other setting counts. ``design/function.md`` says why.
"""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from torch import nn

from corrie.models.inert_settings import INERT
from corrie.records.canonical import content_hash

_DROPPED = re.compile(r"dropout|pdrop|layerdrop|drop_path")
"""Rates of what is dropped in training, whatever their full names."""

_REACHES = frozenset({"default", "linear", "llama3"})
"""Rotary positions that do not depend on the longest context."""

_SHARED = ("masking_utils", "modeling_rope_utils", "modeling_attn_mask_utils", "modeling_layers")


def function_hash(module: nn.Module) -> str:
    """A hash of the settings under which a module's weights are this function; "" where it has no configuration.

    Settings that have their class's default are left out, so that a later version of the library, which knows more
    settings, finds the same hash.

    >>> from corrie.testing.toy_models import toy_module
    >>> function_hash(toy_module(seed=0)) == function_hash(toy_module(seed=1)) != function_hash(toy_module("qwen2"))
    True
    """
    config: Any = getattr(module, "config", None)
    if not hasattr(config, "to_dict"):
        return ""
    try:
        default = settings(type(config)(), module)
    except Exception:  # a class without defaults: nothing is left out
        default = {}
    found = {n: v for n, v in settings(config, module).items() if n not in default or default[n] != v}
    return content_hash({"model_type": config.model_type, "settings": found})


def other_settings(module: nn.Module, there: Any) -> list[str]:
    """Where another configuration makes another function of the same weights, in words.

    >>> from corrie.testing.toy_models import toy_module
    >>> module = toy_module()
    >>> other = type(module.config)(**module.config.to_dict() | {"rms_norm_eps": 0.5, "use_cache": False})
    >>> other_settings(module, other)
    ['rms_norm_eps is 1e-06 here and 0.5 there']
    """
    config: Any = module.config
    return _differences(settings(config, module), settings(there, module))


def settings(config: Any, module: nn.Module) -> dict[str, Any]:
    """Every setting of a configuration that is not known to be inert, as plain data: no None, whole numbers as such.

    A setting that the class of the configuration does not know and that the code of the module never names cannot
    change what it computes (what a training program left behind), and is inert too.

    Args:
        config: a configuration of the library.
        module: a module of its class, or of one of the same architecture.
    """
    return _counted(config.to_dict(), _words(_code(module)))


def _counted(given: Mapping[str, Any], words: frozenset[str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    inert = frozenset().union(*INERT.values())
    if "create_position_ids_from_input_ids" in words:  # positions are counted from the padding token's id
        inert -= {"pad_token_id"}
    if _reach_is_inert(given.get("rope_parameters")):
        inert |= {"max_position_embeddings"}
    for name, value in given.items():
        if name in inert or _DROPPED.search(name) or name.removeprefix("_") not in words:
            continue
        if name.endswith("_config") and isinstance(value, Mapping):
            plain: Any = _counted(value, words)
        else:
            plain = _plain(value)
        if plain is not None:
            found[name] = plain
    return found


def _reach_is_inert(rope: Any) -> bool:
    """Whether ``max_position_embeddings`` only says where to stop (learned positions show it in their shape)."""
    if not isinstance(rope, Mapping) or not rope:
        return False
    kinds = [r for r in rope.values() if isinstance(r, Mapping)] or [rope]
    return all(kind.get("rope_type", kind.get("type", "default")) in _REACHES for kind in kinds)


def _plain(value: Any) -> Any:
    """One spelling of a value: 10000 for 10000.0, lists for tuples, no None inside, one name for the kind of rope."""
    if isinstance(value, Mapping):
        named = {str(k): _plain(v) for k, v in value.items() if v is not None}
        if "type" in named and named.get("rope_type", named["type"]) == named["type"]:
            named["rope_type"] = named.pop("type")
        return named
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    if isinstance(value, float):
        return int(value) if value.is_integer() else value if abs(value) < float("inf") else str(value)
    return value if value is None or isinstance(value, bool | int | str) else str(value)


def _differences(here: Mapping[str, Any], there: Mapping[str, Any], inside: str = "") -> list[str]:
    found: list[str] = []
    for name in sorted(here.keys() | there.keys()):
        one, other = here.get(name), there.get(name)
        if isinstance(one, Mapping) and isinstance(other, Mapping):
            found += _differences(one, other, f"{inside}{name}.")
        elif one != other:
            found.append(f"{inside}{name} is {one} here and {other} there")
    return found


def _code(module: nn.Module) -> tuple[str, ...]:
    """The library's files that the module and its configuration are made of."""
    config: Any = getattr(module, "config", None)
    classes = {type(m) for m in module.modules()} | {type(config)}
    classes |= {type(c) for c in vars(config).values() if hasattr(c, "to_dict")}
    named = {c.__module__ for kind in classes for c in kind.__mro__ if ".models." in c.__module__}
    return tuple(sorted(named | {f"transformers.{name}" for name in _SHARED}))


@lru_cache(maxsize=64)
def _words(files: tuple[str, ...]) -> frozenset[str]:
    """Every word in the source of these modules."""
    found: set[str] = set()
    for name in files:
        code = sys.modules.get(name)
        if code is not None:
            found.update(re.findall(r"[A-Za-z0-9][A-Za-z0-9_]*", inspect.getsource(code)))
    return frozenset(found)
