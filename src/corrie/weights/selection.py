"""Which named tensors move: floating-point parameters, each tied one once, buffers never."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

import torch
from torch import Tensor, nn

from corrie.errors import ModelError, UnknownName
from corrie.records.model import SelectionSpec
from corrie.weights.shard import is_fsdp, is_sharded, whole_tensor

WRAPPERS = ("module.", "_orig_mod.", "_fsdp_wrapped_module.", "_checkpoint_wrapped_module.")
"""Prefixes that wrappers (data parallel, compile, sharding, checkpointing) put into a tensor's name."""

CHUNK = 1 << 18
"""Elements handled at a time where a whole tensor would fall out of the cache."""


def tensor_name(name: str) -> str:
    """A parameter's name as in the checkpoint.

    >>> tensor_name("_orig_mod.model.layers.0.mlp.up_proj.weight")
    'model.layers.0.mlp.up_proj.weight'
    """
    for wrapper in WRAPPERS:
        name = name.replace(wrapper, "") if name.startswith(wrapper) else name.replace("." + wrapper, ".")
    return name


def named_parameters(module: nn.Module) -> dict[str, nn.Parameter]:
    """Every parameter under its checkpoint name; a tied tensor once, under its first name.

    Two parameters that are different objects over the same memory count as tied too.
    """
    found: dict[str, nn.Parameter] = {}
    seen: set[object] = set()
    for name, parameter in module.named_parameters():
        place = _memory(parameter)
        if place in seen:
            continue
        seen.add(place)
        found[tensor_name(name)] = parameter
    return found


def _memory(parameter: Tensor) -> object:
    """Equal for parameters that are one tensor in memory."""
    if not parameter.numel() or parameter.is_meta or is_sharded(parameter):
        return id(parameter)
    return parameter.device, parameter.data_ptr(), tuple(parameter.shape), tuple(parameter.stride())


@dataclass(frozen=True)
class TiedTensor:
    """Another place of a model that uses a tensor: an output head that is the embedding.

    name              the name under which the tensor moves
    owner, attribute  where the other place holds it
    """

    name: str
    owner: nn.Module
    attribute: str


def tied_names(module: nn.Module) -> dict[str, str]:
    """Other names of tied tensors → the name that they move by (``lm_head.weight`` → ``model.embed_tokens.weight``).

    >>> from corrie.testing.toy_models import toy_module
    >>> tied_names(toy_module())
    {'lm_head.weight': 'model.embed_tokens.weight'}
    """
    names = named_parameters(module)
    first = {_memory(p): n for n, p in names.items() if p.numel()}
    every = ((tensor_name(n), _memory(p)) for n, p in module.named_parameters(remove_duplicate=False))
    return {n: first[memory] for n, memory in every if n not in names and memory in first}


def tied_tensors(module: nn.Module) -> dict[str, TiedTensor]:
    """The tied tensors that a second module holds: its place can be given a tensor of its own. (A module that is used
    under two names is one place.)

    >>> from corrie.testing.toy_models import toy_module
    >>> tied_tensors(toy_module())["lm_head.weight"].attribute
    'weight'
    """
    places = {
        tensor_name(f"{path}.{attribute}".lstrip(".")): (owner, attribute)
        for path, owner in module.named_modules()
        for attribute, _ in owner.named_parameters(recurse=False, remove_duplicate=False)
    }
    return {name: TiedTensor(first, *places[name]) for name, first in tied_names(module).items() if name in places}


@dataclass(frozen=True)
class Selection:
    """The tensors that move, in the model's order.

    spec       the patterns that chose them
    tensors    name → live parameter
    tied       other name of one of them → where the model uses it a second time
    gathering  modules that put shards together for a pass, and must be told when these have moved (FSDP2)
    dimension  d, how many numbers that is
    """

    spec: SelectionSpec
    tensors: Mapping[str, nn.Parameter]
    tied: Mapping[str, TiedTensor] = field(default_factory=dict)
    gathering: tuple[nn.Module, ...] = ()

    @property
    def dimension(self) -> int:
        return sum(p.numel() for p in self.tensors.values())

    def norm(self) -> float:
        """‖θ0‖₂ over these tensors, accumulated in float64."""
        return math.sqrt(sum(squared_norm(whole_tensor(p)) for p in self.tensors.values()))

    def __str__(self) -> str:
        return f"{len(self.tensors)} tensors of {self.dimension:,} numbers"


def squared_norm(tensor: Tensor) -> float:
    """Σ x², float32 products added up in float64 chunk by chunk."""
    flat = tensor.detach().reshape(-1)
    return sum(float(torch.dot(c, c)) for c in (part.float() for part in flat.split(CHUNK)))


def select(module: nn.Module, spec: SelectionSpec | None = None) -> Selection:
    """The tensors of a model that match any ``include`` pattern and no ``exclude`` pattern.

    Patterns are shell patterns on whole names (``model.layers.3.*``, ``*.q_proj.weight``).

    >>> tied = nn.Sequential(nn.Linear(2, 2, bias=False), nn.Linear(2, 2, bias=False))
    >>> tied[1].weight = tied[0].weight
    >>> print(select(tied))
    1 tensors of 4 numbers

    Raises:
        UnknownName: a pattern that matches no tensor.
        ModelError: quantised weights, whose integers cannot be moved; weights that are offloaded, or were never loaded.
    """
    spec = spec or SelectionSpec()
    named = named_parameters(module)
    refuse_absent(named)
    floating = {n: p for n, p in named.items() if p.is_floating_point()}
    if len(floating) < len(named):
        still = sorted(set(named) - set(floating))
        raise ModelError(
            f"moving {len(named)} tensors",
            found=f"{len(still)} of them hold no floating-point numbers ({still[0]}, …): a quantised model",
            advice="load it dequantised: its original float checkpoint, or a GGUF file",
        )
    chosen = {n: floating[n] for n in chosen_names(floating, spec)}
    tied = {name: one for name, one in tied_tensors(module).items() if one.name in chosen}
    gathering = tuple(m for m in module.modules() if is_fsdp(m))
    return Selection(spec=spec, tensors=chosen, tied=tied, gathering=gathering)


def chosen_names(names: Collection[str], spec: SelectionSpec) -> list[str]:
    """Those of the names that the patterns choose, in their order.

    Raises:
        UnknownName: a pattern that matches no tensor.
        ModelError: nothing is left to move.

    >>> chosen_names(["a.weight", "b.weight", "b.bias"], SelectionSpec(include=("b.*",), exclude=("*.bias",)))
    ['b.weight']
    """
    for pattern in (*spec.include, *spec.exclude):
        if not any(fnmatchcase(n, pattern) for n in names):
            raise UnknownName("tensor pattern", pattern, _families(names))
    chosen = [
        n
        for n in names
        if any(fnmatchcase(n, i) for i in spec.include) and not any(fnmatchcase(n, e) for e in spec.exclude)
    ]
    if not chosen:
        raise ModelError(f"selection {spec.include} without {spec.exclude}", found="no tensor is left to move")
    return chosen


def refuse_absent(tensors: Mapping[str, Tensor]) -> None:
    """Refuse weights that are not where they are used: offloaded to a disk or another device until a pass fetches
    them, or never loaded.

    Raises:
        ModelError: tensors on the meta device.

    >>> refuse_absent({"w": torch.empty(2, device="meta")})
    Traceback (most recent call last):
    corrie.errors.ModelError: moving 1 tensors: 1 of them have no memory of their own (w, …): offloaded to a disk or ...
    """
    absent = [n for n, t in tensors.items() if t.is_meta]
    if absent:
        raise ModelError(
            f"moving {len(tensors)} tensors",
            found=f"{len(absent)} of them have no memory of their own ({absent[0]}, …): offloaded to a disk or a "
            "processor's memory by a device map, or never loaded",
            advice="more devices, or a lower precision, so that all of the model lies on devices",
        )


def _families(names: Iterable[str]) -> set[str]:
    """Names with the layer numbers replaced by ``*``: what a person would write as a pattern."""
    return {".".join("*" if part.isdigit() else part for part in n.split(".")) for n in names}
