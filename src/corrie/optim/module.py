"""The torch module behind what is given: a module itself, or what ``corrie.load`` returned."""

from __future__ import annotations

from typing import Any, Protocol

from torch import nn

from corrie.errors import InputError


class HoldsModule(Protocol):
    """What ``corrie.load`` returns, as far as training is concerned."""

    module: nn.Module


Trainable = nn.Module | HoldsModule
"""What has weights that can be trained."""


def module_of(model: Any, asked: str) -> nn.Module:
    """``model`` if it is a torch module, else the module that it holds (``corrie.load(…).module``).

    Args:
        asked: the caller, for the error.

    Raises:
        InputError: there is none.

    >>> module_of("smollm2", "BasinWatch(model)")
    Traceback (most recent call last):
        ...
    corrie.errors.InputError: BasinWatch(model): the model is a str, not a torch module. Try: the module that is trained
    """
    held = model if isinstance(model, nn.Module) else getattr(model, "module", None)
    if not isinstance(held, nn.Module):
        raise InputError(
            asked,
            found=f"the model is a {type(model).__name__}, not a torch module",
            advice="the module that is trained",
        )
    return held
