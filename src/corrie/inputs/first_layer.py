"""The first linear layer that a model puts its tokens through, with what goes in.

Found by running: the first linear map that a forward pass calls, and every other one that is fed the same tensor (the
queries, keys and values of the first attention), stacked into one W.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from corrie.errors import ModelError
from corrie.inputs.equivalence import Matrix
from corrie.weights.selection import tensor_name


@dataclass(frozen=True, eq=False, slots=True)
class FirstLayer:
    """W, shape (outputs, n), and X, shape (n, T).

    names    of the linear maps, as in the checkpoint
    """

    names: tuple[str, ...]
    weight: Matrix
    inputs: Matrix

    def __str__(self) -> str:
        return f"{' + '.join(self.names)} on {self.inputs.shape[1]} tokens"


@torch.no_grad()
def first_layer(module: nn.Module, ids: Sequence[int]) -> FirstLayer:
    """Run the model on a prompt and see.

    Raises:
        ModelError: no linear map before the end.

    >>> from corrie.testing.toy_models import toy_module
    >>> print(first_layer(toy_module("gpt2"), [1, 2, 3]))
    transformer.h.0.attn.c_attn on 3 tokens
    """
    seen: list[tuple[str, Tensor, Tensor]] = []

    def note(name: str, weight: Tensor) -> Any:
        def hook(_: nn.Module, inputs: tuple[Tensor, ...]) -> None:
            if not seen or inputs[0] is seen[0][2]:
                seen.append((name, weight, inputs[0]))

        return hook

    handles = []
    for name, part in module.named_modules():
        weight = _weight(part)
        if weight is not None:
            handles.append(part.register_forward_pre_hook(note(tensor_name(name), weight)))
    model: Any = module
    try:
        model(input_ids=torch.tensor([list(ids)], device=next(module.parameters()).device), use_cache=False)
    finally:
        for handle in handles:
            handle.remove()
    if not seen or seen[0][2].shape[:2] != (1, len(ids)):
        raise ModelError(
            f"the first linear layer of {type(module).__name__}",
            found="none that takes one vector for each token",
            advice="the embedding rows",
        )
    weights = [w.detach().cpu().double().numpy() for _, w, _ in seen]
    return FirstLayer(tuple(n for n, _, _ in seen), np.concatenate(weights), seen[0][2][0].cpu().double().numpy().T)


def _weight(part: nn.Module) -> Tensor | None:
    """A linear map's matrix as (outputs, inputs)."""
    if isinstance(part, nn.Linear):
        return part.weight
    if type(part).__name__ == "Conv1D":  # GPT-2's, stored the other way round
        weight: Any = part.weight
        return weight.T
    return None
