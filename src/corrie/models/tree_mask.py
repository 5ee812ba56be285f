"""Attention over a tree of tokens, by each layer's own rule.

A layer's rule says which earlier places a token may see: all of them, those within a window, those of its own chunk.
Architectures state it as a function of two indices, and ``transformers`` makes the mask from it. Within
:func:`tree_attention` that function is asked about *depths* in place of indices, and its answer holds for ancestors
only:

    seen(q, k) = ancestor(q, k) ∧ rule(depth(q), depth(k))

So a tree is exact for every attention whose rule is known to the library, each layer by its own: windows and chunks
count along the path, as they do in the sequence alone. A bias by distance (ALiBi, Press et al. 2022) is made for the
places 0, 1, 2, … of a row; on a tree each key has that of its depth.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn


@dataclass(frozen=True, slots=True, eq=False)
class Tree:
    """T nodes below B tokens that are known already.

    seen     (T, B + T), true at a node's ancestors, itself and the known beginning
    depths   (B + T,), how far each token stands from the start of its sequence
    """

    seen: Tensor
    depths: Tensor

    def rule(self, layer: Callable[..., Tensor]) -> Callable[..., Tensor]:
        """A layer's rule, for indices into the known beginning and the nodes after it."""
        known = self.seen.shape[1] - self.seen.shape[0]

        def seen(batch: Any, head: Any, query: Any, key: Any) -> Tensor:
            allowed = layer(batch, head, self.depths[query], self.depths[key])
            return allowed & self.seen[query - known, key]

        return seen


_TREE: ContextVar[Tree | None] = ContextVar("tree that a pass runs on", default=None)


@contextmanager
def tree_attention(module: nn.Module, tree: Tree) -> Iterator[None]:
    """Within the block, passes of ``module`` in this thread run on a tree. They need an attention mask of two
    dimensions, all ones, over the known beginning and the nodes."""
    _listen(module)
    token = _TREE.set(tree)
    try:
        yield
    finally:
        _TREE.reset(token)


def _listen(module: nn.Module) -> None:
    """Puts listeners before the library's makers of masks and biases, once; without a tree they pass everything on."""
    from transformers.masking_utils import ALL_MASK_ATTENTION_FUNCTIONS

    makers: Any = ALL_MASK_ATTENTION_FUNCTIONS
    for name in ("sdpa", "eager"):
        if not isinstance(makers[name], _Masks):
            makers[name] = _Masks(makers[name])
    written = vars(sys.modules[type(module).__module__])
    for name in ("build_alibi_tensor", "build_mpt_alibi_tensor"):
        if name in written and not isinstance(written[name], _Biases):
            written[name] = _Biases(written[name])


@dataclass(frozen=True, slots=True)
class _Masks:
    make: Callable[..., Any]

    def __call__(self, *args: Any, **options: Any) -> Any:
        tree = _TREE.get()
        if tree is None:
            return self.make(*args, **options)
        # one mask for all rows, which hold the same tree
        options |= {"batch_size": 1, "attention_mask": None, "allow_is_causal_skip": False}
        return self.make(*args, **(options | {"mask_function": tree.rule(options["mask_function"])}))


@dataclass(frozen=True, slots=True)
class _Biases:
    make: Callable[..., Any]

    def __call__(self, first: Any, second: Any, *args: Any, **options: Any) -> Any:
        """Called with (attention mask, heads, …), or with (heads, length, …); the last axis runs over the keys."""
        tree = _TREE.get()
        if tree is None:
            return self.make(first, second, *args, **options)
        places = int(tree.depths.max()) + 1
        if isinstance(first, Tensor):
            first = first.new_ones((first.shape[0], places))
        else:
            second = places
        return self.make(first, second, *args, **options)[..., tree.depths]


def tree_of(ancestry: Tensor, depths: Tensor, known: int) -> Tree:
    """The tree of T nodes with an ancestry (T, T) and depths (T,) below ``known`` tokens.

    >>> tree = tree_of(torch.tensor([[True, False], [False, True]]), torch.tensor([2, 2]), 2)
    >>> tree.seen.int().tolist(), tree.depths.tolist()
    ([[1, 1, 1, 0], [1, 1, 0, 1]], [0, 1, 2, 2])
    """
    before = torch.ones((len(ancestry), known), dtype=torch.bool, device=ancestry.device)
    places = torch.arange(known, device=depths.device)
    return Tree(torch.cat([before, ancestry], dim=1), torch.cat([places, depths]))
