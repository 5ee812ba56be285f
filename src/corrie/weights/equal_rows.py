"""Rows that hold the same tokens part only where the first of them changes: what lies below is computed once.

A batch of n equal rows, each with low-rank changes of its own from block L of the model on, is one row up to there. So
the hidden states are cut to the first row before the first block and spread to n rows before block L. Keys and values
of the blocks below are kept for one row, which is all they are asked for, as long as every later pass has equal rows
too: whoever runs the model says so (:func:`equal_rows`); generation, where rows part, does not.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from torch import Tensor, nn

from corrie.weights.selection import tensor_name

_EQUAL: ContextVar[bool] = ContextVar("rows hold the same tokens", default=False)


@contextmanager
def equal_rows() -> Iterator[None]:
    """Within the block every pass has rows that hold the same tokens at the same positions under one mask."""
    token = _EQUAL.set(True)
    try:
        yield
    finally:
        _EQUAL.reset(token)


@contextmanager
def trunk_once(module: nn.Module, changed: Iterable[str], rows: int) -> Iterator[None]:
    """Within the block, passes of ``rows`` equal rows compute the blocks below every changed layer once.

    Args:
        changed: names of the layers whose output differs from row to row.
    """
    found = _first_changed(module, tuple(changed))
    if found is None or rows == 1:
        yield
        return
    blocks, first = found
    handles = [
        blocks[0].register_forward_pre_hook(_reshaping(lambda hidden: hidden[:1])),
        blocks[first].register_forward_pre_hook(_reshaping(lambda hidden: hidden.expand(rows, *hidden.shape[1:]))),
    ]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


@contextmanager
def trunk_kept(module: nn.Module, changed: Iterable[str], kept: dict[Hashable, Any], key: Hashable) -> Iterator[None]:
    """Within the block a pass takes what lies below every changed layer from ``kept``, where an earlier pass with the
    same ``key`` (the same tokens) has left it: for many passes over a few batches, as training makes.

    Args:
        kept: one dictionary for all passes over one state of the blocks below.
    """
    found = _first_changed(module, tuple(changed))
    if found is None:
        yield
        return
    below = list(found[0][: found[1]])
    if key not in kept:
        handle = below[-1].register_forward_hook(lambda _, __, output: kept.__setitem__(key, _detached(output)))
        try:
            yield
        finally:
            handle.remove()
        return
    for block in below:
        block.forward = lambda *_, **__: kept[key]
    try:
        yield
    finally:
        for block in below:
            del block.forward


def _detached(output: Any) -> Any:
    return tuple(map(_detached, output)) if isinstance(output, tuple) else getattr(output, "detach", lambda: output)()


def _reshaping(change: Callable[[Tensor], Tensor]) -> Callable[[nn.Module, tuple[Any, ...]], Any]:
    def before(_: nn.Module, inputs: tuple[Any, ...]) -> Any:
        return (change(inputs[0]), *inputs[1:]) if _EQUAL.get() and inputs else None

    return before


def _first_changed(module: nn.Module, changed: tuple[str, ...]) -> tuple[nn.ModuleList, int] | None:
    """The list of blocks that holds every changed layer, and the first block among them that does; None where there is
    no such list, or nothing lies below."""
    for name, blocks in module.named_modules():
        if not isinstance(blocks, nn.ModuleList):
            continue
        prefix = tensor_name(name + ".")
        if all(layer.startswith(prefix) for layer in changed):
            first = min(int(layer.removeprefix(prefix).split(".")[0]) for layer in changed)
            return (blocks, first) if first > 0 else None
    return None
