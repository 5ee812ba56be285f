"""Whether an optimizer moves what it is asked to hold."""

from __future__ import annotations

from collections.abc import Collection

from torch import Tensor
from torch.optim import Optimizer

from corrie.errors import InputError


def check_moved(tensors: Collection[Tensor], optimizer: Optimizer, asked: str, whose: str) -> None:
    """Refuse an optimizer that moves none of the tensors.

    Args:
        asked, whose: who asks, and what the tensors are of, for the error.

    Raises:
        InputError: it is one.
    """
    if {parameter for group in optimizer.param_groups for parameter in group["params"]}.isdisjoint(tensors):
        raise InputError(
            asked,
            found=f"the optimizer moves none of the {whose}'s tensors",
            advice="tensors of the model that is trained",
        )
