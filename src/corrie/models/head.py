"""Logits only where they are read.

A vocabulary is large: logits at every position of a row would take more memory than the rest of the pass. So the
hidden states are cut down to the wanted positions just before the output embedding; whatever the model does to its
logits afterwards (scaling, soft caps) still happens, elementwise.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from torch import Tensor, nn

from corrie.errors import ModelError


@contextmanager
def logits_at(module: nn.Module, rows: Tensor, positions: Tensor) -> Iterator[None]:
    """Within the block, ``module(...)`` gives logits of shape (1, N, vocabulary) for N pairs (row, position)."""
    head: Any = getattr(module, "get_output_embeddings", lambda: None)()
    if head is None:
        raise ModelError(f"logits of {type(module).__name__}", found="no output embeddings", advice="a causal LM")

    def cut(_: nn.Module, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        hidden = inputs[0]
        here, places = rows.to(hidden.device), positions.to(hidden.device)  # the head may lie on another device
        if hidden.ndim == 4:  # several streams of predictions between row and position (ProphetNet)
            return (hidden[here, :, places].transpose(0, 1).unsqueeze(0), *inputs[1:])
        return (hidden[here, places].unsqueeze(0), *inputs[1:])

    handle = head.register_forward_pre_hook(cut)
    try:
        yield
    finally:
        handle.remove()
