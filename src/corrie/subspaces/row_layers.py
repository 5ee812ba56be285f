"""The linear layers that low-rank changes are added to, found by name."""

from __future__ import annotations

from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Any, NamedTuple

from torch import nn

from corrie.errors import UnknownName
from corrie.weights.selection import tensor_name

ALL = "all"
"""The pattern for every linear layer but the output head."""


class Width(NamedTuple):
    """How many numbers a layer takes and gives."""

    into: int
    out: int


def linear_layers(module: nn.Module) -> dict[str, nn.Module]:
    """Every linear layer but the output head, by the checkpoint's name: ``nn.Linear``, and GPT-2's ``Conv1D``, which
    stores its matrix the other way round.

    >>> from corrie.testing.toy_models import toy_module
    >>> len(linear_layers(toy_module())), len(linear_layers(toy_module("gpt2")))
    (14, 8)
    """
    head: Any = getattr(module, "get_output_embeddings", lambda: None)()
    return {
        tensor_name(name + ".").rstrip("."): layer
        for name, layer in module.named_modules()
        if layer is not head and (isinstance(layer, nn.Linear) or type(layer).__name__ == "Conv1D")
    }


def find_layers(module: nn.Module, pattern: str) -> dict[str, nn.Module]:
    """The linear layers that a pattern means: ``q_proj`` (the name's end, as PEFT has it), ``model.layers.3.*`` (a
    shell pattern on the whole name), several of them with ``+``, or ``all``.

    Raises:
        UnknownName: a pattern that means none of them.

    >>> from corrie.testing.toy_models import toy_module
    >>> sorted(find_layers(toy_module(), "q_proj"))
    ['model.layers.0.self_attn.q_proj', 'model.layers.1.self_attn.q_proj']
    """
    known = linear_layers(module)
    chosen: dict[str, nn.Module] = {}
    for part in pattern.split("+"):
        found = {n: m for n, m in known.items() if part == ALL or n.endswith("." + part) or fnmatchcase(n, part)}
        if not found:
            raise UnknownName("layer", part, {n.rsplit(".", 1)[-1] for n in known} | {ALL})
        chosen |= found
    return {n: m for n, m in known.items() if n in chosen}


def width(layer: nn.Module) -> Width:
    """Of a linear layer, whichever way round its matrix is stored."""
    weight: Any = layer.weight
    into, out = (weight.shape[1], weight.shape[0]) if isinstance(layer, nn.Linear) else tuple(weight.shape)
    return Width(int(into), int(out))


def widths(layers: Mapping[str, nn.Module]) -> dict[str, Width]:
    """The width of each."""
    return {n: width(layer) for n, layer in layers.items()}
