"""How a model stores the matrices that an adapter changes: which way round, of which kind of layer, under which names.

A file of tensors does not say any of this: a square matrix of GPT-2's ``Conv1D`` looks as one of a ``Linear``, and a
tied output head looks as a matrix of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from torch import nn

from corrie.weights.selection import named_parameters, tensor_name, tied_tensors

LayerKind = Literal["linear", "conv1d", "embedding"]


@dataclass(frozen=True)
class Layout:
    """What of a model's structure an adapter needs.

    shapes       name → shape of every tensor that is stored, each tied one once
    kinds        name of a weight → the kind of its layer: ``linear`` (out, in), ``conv1d`` (in, out), ``embedding``
    tied         other name of a tied tensor → the name that it moves by
    turned       stacks of matrices, one for each expert, that are stored (experts, in, out)
    vocabulary   weights with a row for each token: the input embedding and the output head

    >>> from corrie.testing.toy_models import toy_module
    >>> found = Layout.of(toy_module("gpt2"))
    >>> found.kinds["transformer.h.0.attn.c_proj.weight"], dict(found.tied)
    ('conv1d', {'lm_head.weight': 'transformer.wte.weight'})
    """

    shapes: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    kinds: Mapping[str, LayerKind] = field(default_factory=dict)
    tied: Mapping[str, str] = field(default_factory=dict)
    turned: frozenset[str] = frozenset()
    vocabulary: frozenset[str] = frozenset()

    @classmethod
    def of(cls, module: nn.Module) -> Layout:
        """The layout of a model."""
        kinds: dict[str, LayerKind] = {}
        rows: set[str] = set()
        turned: set[str] = set()
        ends = [_part(module, "get_input_embeddings"), _part(module, "get_output_embeddings")]
        for name, layer in module.named_modules(remove_duplicate=False):
            if getattr(layer, "is_transposed", False) is True:
                turned |= {tensor_name(f"{name}.{own}") for own, _ in layer.named_parameters(recurse=False)}
            kind = _kind(layer)
            if kind is not None:
                weight = tensor_name(f"{name}.weight")
                kinds[weight] = kind
                if any(layer is end for end in ends):
                    rows.add(weight)
        shapes = {n: tuple(p.shape) for n, p in named_parameters(module).items()}
        tied = {name: one.name for name, one in tied_tensors(module).items()}
        return cls(shapes=shapes, kinds=kinds, tied=tied, turned=frozenset(turned), vocabulary=frozenset(rows))

    def shape(self, name: str) -> tuple[int, ...] | None:
        """The shape of a tensor under any of its names; None where the model has no such tensor."""
        return self.shapes.get(self.tied.get(name, name))

    def of_module(self, module: str) -> list[str]:
        """The names of a module's own tensors, in its order."""
        return [name for name in self.shapes if name.rpartition(".")[0] == module]

    def group(self, name: str) -> tuple[str, ...]:
        """All names of a tensor: the one that it moves by, then the others."""
        first = self.tied.get(name, name)
        return (first, *(other for other, own in self.tied.items() if own == first))


def _part(module: nn.Module, getter: str) -> Any:
    return getattr(module, getter, lambda: None)()


def _kind(layer: nn.Module) -> LayerKind | None:
    if isinstance(layer, nn.Linear) and not isinstance(layer, nn.modules.linear.NonDynamicallyQuantizableLinear):
        return "linear"
    if isinstance(layer, nn.Embedding):
        return "embedding"
    return "conv1d" if type(layer).__name__ == "Conv1D" else None
