"""Layers whose weight is read past them: the code of the model takes the matrix instead of calling the layer.

PEFT puts LoRA around a layer's forward. A router that multiplies by ``classifier.weight`` (LongCat-Flash), or a state
space layer that multiplies by ``dt_proj.weight`` (Jamba), never calls it: in PEFT's own model such factors do nothing,
and merged they do. A change of the weights is the merged model.

The model is asked, not looked up in a list: in one pass over a few tokens, every operation on a watched weight outside
of the forward of a module that holds it is a read past its layer.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from corrie.weights.selection import tensor_name

_ONLY_LOOKED_AT = frozenset(
    {"type_as", "zeros_like", "ones_like", "empty_like", "full_like", "rand_like", "randn_like"}
)
"""Operations that take a tensor for its type, its place or its shape alone; so do all ``new_…`` of a tensor."""


@torch.no_grad()
def read_directly(module: nn.Module, weights: Iterable[str], tokens: int = 12) -> list[str]:
    """Those of ``weights`` that a forward pass reads past the layers that hold them.

    Args:
        module: a language model.
        weights: names of parameters.
        tokens: of the one row that is read. A layer that this row does not reach (an expert) is not seen.

    >>> class Past(nn.Linear):
    ...     def forward(self, input_ids, use_cache):
    ...         return torch.nn.functional.linear(self.inner(torch.ones(2)), self.past.weight)
    >>> model = Past(2, 2)
    >>> model.inner, model.past = nn.Linear(2, 2), nn.Linear(2, 2)
    >>> read_directly(model, ["inner.weight", "past.weight", "weight"])
    ['past.weight']
    """
    wanted, reads = set(weights), _Reads()
    names: dict[int, str] = {}
    words: Any = getattr(module, "get_input_embeddings", lambda: None)()
    rows = words.weight.shape[0] if hasattr(words, "weight") else tokens
    ids = torch.arange(1, tokens + 1, device=next(module.parameters()).device) * 7919 % rows
    with ExitStack() as listening:
        for path, layer in module.named_modules(remove_duplicate=False):
            held = {tensor_name(f"{path}.{n}" if path else n): p for n, p in layer.named_parameters(recurse=False)}
            if layer is module or not wanted & held.keys():
                continue
            names |= {id(p): n for n, p in held.items() if n in wanted}
        holders = [m for m in module.modules() if any(id(p) in names for p in m.parameters(recurse=False))]
        for layer in holders:
            own = [id(p) for p in layer.parameters(recurse=False) if id(p) in names]
            for handle in reads.within(layer, own):
                listening.callback(handle.remove)
        if not names:
            return []
        reads.watched = names
        try:
            with reads:
                module(input_ids=ids[None], use_cache=False)
        except Exception:  # a model that cannot be run on tokens alone shows nothing
            return []
    return sorted(reads.found)


class _Reads(TorchFunctionMode):
    """Every operation on a watched tensor while no module that holds it runs."""

    def __init__(self) -> None:
        super().__init__()
        self.watched: Mapping[int, str] = {}
        self.found: set[str] = set()
        self._inside: dict[int, int] = {}

    def within(self, layer: nn.Module, tensors: list[int]) -> Iterator[Any]:
        """Counts when ``layer`` runs."""

        def count(step: int) -> None:
            for one in tensors:
                self._inside[one] = self._inside.get(one, 0) + step

        yield layer.register_forward_pre_hook(lambda *_: count(1), prepend=True)
        yield layer.register_forward_hook(lambda *_: count(-1), always_call=True)

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        made = func(*args, **(kwargs or {}))
        name = getattr(func, "__name__", "")
        if _holds_tensor(made) and name not in _ONLY_LOOKED_AT and not name.startswith("new_"):
            given = args[:1] if name == "to" else (*args, *(kwargs or {}).values())
            for one in _tensors(given):
                if id(one) in self.watched and not self._inside.get(id(one)):
                    self.found.add(self.watched[id(one)])
        return made


def _holds_tensor(made: Any) -> bool:
    return next(_tensors((made,)), None) is not None


def _tensors(given: Any) -> Iterator[Tensor]:
    for one in given:
        if isinstance(one, Tensor):
            yield one
        elif isinstance(one, list | tuple):
            yield from _tensors(one)
