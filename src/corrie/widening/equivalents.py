"""Rescalings that leave a model's function as it is: what one tensor gains in size, the one behind it gives back.

    norm → matrix     (γ/c) ⊙ x̂ into W·diag(c)            channel by channel, every matrix that reads the norm
    query, key        c·q and k/c                          for each key head and rotary pair
    value → output    c·v and W_o/c                        for each channel of a value head
    up → down         c·up(x) and W_down/c                 where up is multiplied by a gate, channel by channel
    residual stream   c·(embedding, every output into it)  one factor: the norms before every layer take it back

In real numbers each leaves every output as it is, whatever c > 0 (cross-layer equalisation: Nagel et al. 2019). Which
of them a model has is guessed from the names of its layers and then *tried*: with factors drawn at random the model
must say what it said (KL below 10⁻⁶ nats a token), or the kind is left out. So a layer that normalises where another
does not, or clips, costs nothing but a try.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from corrie.weights.selection import named_parameters
from corrie.widening.divergence import divergence_of

_TOLERANCE = 1e-6
"""KL that random factors between 1/√2 and √2 may cause, nats a token: rounding, and the ε in a norm's denominator. What
does change the function causes a thousand times as much."""

_READERS = {
    "input_layernorm": ("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "self_attn.qkv_proj"),
    "post_attention_layernorm": ("mlp.gate_proj", "mlp.up_proj", "mlp.gate_up_proj", "mlp.fc1"),
    "pre_feedforward_layernorm": ("mlp.gate_proj", "mlp.up_proj"),
    "ln_1": ("attn.c_attn",),
    "ln_2": ("mlp.c_fc",),
}
"""A norm of a layer, and the matrices that read what it gives."""

_VALUES = (("self_attn.v_proj", "self_attn.o_proj"), ("self_attn.v_proj", "self_attn.dense"))
_UPS = (("mlp.up_proj", "mlp.down_proj"), ("mlp.fc1", "mlp.fc2"))
_INTO_RESIDUAL = ("self_attn.o_proj", "mlp.down_proj")
_LAST_NORM = ("model.norm", "model.final_layernorm")


@dataclass(frozen=True)
class Side:
    """A tensor that takes part in a rescaling.

    tensor   its name
    axis     0: each row has a factor, 1: each column
    which    number of the factor, of each row or column
    power    +1: times the factor; −1: divided by it
    """

    tensor: str
    axis: int
    which: Tensor
    power: int

    def spread(self, factors: Tensor, tensor: Tensor) -> Tensor:
        """What the tensor is multiplied with, in a shape that fits it."""
        times = factors[self.which] ** self.power
        return times if tensor.dim() == 1 else times[:, None] if self.axis == 0 else times[None]

    def gathered(self, numbers: Tensor, factors: int) -> Tensor:
        """Numbers of the tensor's shape, added up for each factor, in double precision."""
        flat = numbers if numbers.dim() == 1 else numbers.sum(dim=1 - self.axis)
        return torch.zeros(factors, dtype=torch.float64).index_add_(0, self.which, flat.double().cpu())


@dataclass(frozen=True)
class Rescaling:
    """Factors, any positive numbers, that leave the function as it is.

    kind      which of them, in words
    factors   how many
    sides     the tensors that they multiply or divide
    """

    kind: str
    factors: int
    sides: tuple[Side, ...]

    @torch.no_grad()
    def apply(self, parameters: Mapping[str, Tensor], factors: Tensor) -> None:
        """Rescale tensors in place."""
        for side in self.sides:
            tensor = parameters[side.tensor]
            tensor.mul_(side.spread(factors, tensor).to(tensor.device, tensor.dtype))


def rescalings_of(module: nn.Module, config: Any, rows: Tensor) -> tuple[Rescaling, ...]:
    """Those of a model, each kind tried.

    Args:
        module: a causal language model. Its weights are as before afterwards, to the bit.
        config: its configuration (of its text part).
        rows: token ids on which it is tried, shape (windows, tokens).

    >>> from corrie.testing.toy_models import toy_module
    >>> module = toy_module()
    >>> found = rescalings_of(module, module.config, torch.arange(60).view(2, 30))
    >>> sorted({rescaling.kind for rescaling in found})
    ['norm to matrix', 'query and key', 'residual stream', 'up to down', 'value to output']
    """
    parameters = dict(named_parameters(module))
    found: list[Rescaling] = []
    guessed = [r for r in _guessed(module, config, parameters) if r.sides]
    for kind in dict.fromkeys((r.kind, _pattern(r)) for r in guessed):
        alike = [r for r in guessed if (r.kind, _pattern(r)) == kind]
        if _hold(module, parameters, alike, rows):
            found += alike
    return tuple(found)


def _pattern(rescaling: Rescaling) -> str:
    """The same for every layer's."""
    return re.sub(r"\.\d+\.", ".", rescaling.sides[0].tensor)


@torch.no_grad()
def _hold(module: nn.Module, parameters: Mapping[str, Tensor], tried: Iterable[Rescaling], rows: Tensor) -> bool:
    """Whether the model says the same after all of these, with factors drawn at random."""
    device = next(module.parameters()).device
    before = _said(module, rows.to(device))
    tried = tuple(tried)
    kept = {side.tensor: parameters[side.tensor].clone() for rescaling in tried for side in rescaling.sides}
    dice = torch.Generator().manual_seed(0)
    try:
        for rescaling in tried:
            rescaling.apply(parameters, 2 ** (torch.rand(rescaling.factors, generator=dice, dtype=torch.float64) - 0.5))
        after = _said(module, rows.to(device))
    finally:
        for name, tensor in kept.items():
            parameters[name].copy_(tensor)
    return float(divergence_of(after, before)) <= _TOLERANCE


def _said(module: Any, rows: Tensor) -> Tensor:
    return torch.log_softmax(module(rows, use_cache=False).logits.float(), dim=-1)


# -- what is tried -----------------------------------------------------------------------------------------------------


def _guessed(module: nn.Module, config: Any, parameters: Mapping[str, Tensor]) -> Iterable[Rescaling]:
    layers = [name for name, _ in module.named_modules() if re.search(r"\.\d+$", name)]
    for layer in layers:
        inside = _Inside(layer, module, parameters)
        for norm, readers in _READERS.items():
            yield inside.norm(norm, readers)
        yield inside.query_and_key(config)
        yield from (inside.values(*names, config) for names in _VALUES)
        yield from (inside.through(*names) for names in _UPS)
    yield _residual(module, layers, parameters)


@dataclass(frozen=True)
class _Inside:
    """A layer, and what is in it by name; what is not there makes a rescaling without sides."""

    layer: str
    module: nn.Module
    parameters: Mapping[str, Tensor]

    def sides(self, name: str, which: Tensor, power: int, axis: int) -> list[Side]:
        """Of a linear layer (its bias goes with its rows) or a norm; none where it is not there."""
        weight, bias = (f"{self.layer}.{name}.{part}" for part in ("weight", "bias"))
        found = self.parameters.get(weight)
        if found is None or found.dim() > 2:
            return []
        turned = type(self.module.get_submodule(f"{self.layer}.{name}")).__name__ == "Conv1D"  # stored (in, out)
        at = 0 if found.dim() == 1 else axis ^ turned
        if len(which) != found.shape[at]:
            return []
        with_bias = [Side(bias, 0, which, power)] if axis == 0 and bias in self.parameters else []
        return [Side(weight, at, which, power), *with_bias]

    def width(self, name: str) -> int:
        """Of a norm; 0 where it is not there."""
        found = self.parameters.get(f"{self.layer}.{name}.weight")
        return 0 if found is None or found.dim() != 1 else len(found)

    def rows(self, name: str) -> int:
        """Outputs of a linear layer; 0 where it is not there."""
        found = self.parameters.get(f"{self.layer}.{name}.weight")
        return 0 if found is None or found.dim() != 2 else len(found)

    def norm(self, norm: str, readers: tuple[str, ...]) -> Rescaling:
        each = torch.arange(self.width(norm))
        read = [side for name in readers for side in self.sides(name, each, 1, 1)]
        given = self.sides(norm, each, -1, 0)
        return Rescaling("norm to matrix", len(each), (*given, *read) if given and read else ())

    def query_and_key(self, config: Any) -> Rescaling:
        """Rotary halves: channel i and i + d/2 of a head turn into one another, so they share a factor."""
        q, k = self.rows("self_attn.q_proj"), self.rows("self_attn.k_proj")
        heads, groups = _heads(config)
        width = q // heads if heads else 0
        if not q or not k or width % 2 or k != groups * width:
            return Rescaling("query and key", 0, ())
        pairs = torch.arange(width) % (width // 2)
        each = torch.cat([g * (width // 2) + pairs for g in range(groups)])
        shared = torch.cat([(h // (heads // groups)) * (width // 2) + pairs for h in range(heads)])
        sides = (*self.sides("self_attn.q_proj", shared, 1, 0), *self.sides("self_attn.k_proj", each, -1, 0))
        return Rescaling("query and key", groups * width // 2, sides)

    def values(self, value: str, output: str, config: Any) -> Rescaling:
        rows = self.rows(value)
        heads, groups = _heads(config)
        if not rows or not self.rows(output) or rows % groups:
            return Rescaling("value to output", 0, ())
        each, width = torch.arange(rows), rows // groups
        read = torch.cat([(h // (heads // groups)) * width + torch.arange(width) for h in range(heads)])
        into = self.sides(output, read, -1, 1)
        return Rescaling("value to output", rows, (*self.sides(value, each, 1, 0), *into) if into else ())

    def through(self, up: str, down: str) -> Rescaling:
        each = torch.arange(self.rows(up))
        into = self.sides(down, each, -1, 1)
        return Rescaling("up to down", len(each), (*self.sides(up, each, 1, 0), *into) if into else ())


def _heads(config: Any) -> tuple[int, int]:
    """Heads of queries and of keys."""
    heads = getattr(config, "num_attention_heads", 0) or 0
    return heads, getattr(config, "num_key_value_heads", None) or heads or 1


def _residual(module: Any, layers: Iterable[str], parameters: Mapping[str, Tensor]) -> Rescaling:
    """All that is added to the residual stream; where the embedding is the head too, the last norm gives it back."""
    table = module.get_input_embeddings().weight
    embedding = next(name for name, tensor in parameters.items() if tensor is table)
    head = module.get_output_embeddings()
    sides = [Side(embedding, 0, _one(table), 1)]
    for layer in layers:
        inside = _Inside(layer, module, parameters)
        for name in _INTO_RESIDUAL:
            sides += inside.sides(name, torch.zeros(inside.rows(name), dtype=torch.long), 1, 0)
    if head is not None and head.weight is table:
        last = [
            Side(f"{n}.weight", 0, _one(parameters[f"{n}.weight"]), -1)
            for n in _LAST_NORM
            if f"{n}.weight" in parameters
        ]
        sides = sides + last if last else []
    return Rescaling("residual stream", 1, tuple(sides))


def _one(tensor: Tensor) -> Tensor:
    """One factor for all rows."""
    return torch.zeros(len(tensor), dtype=torch.long)
