"""A forward pass's keys and values under the name that the installed transformers gives them.

``past_key_values`` until 5.23, ``cache`` since, on the way in and out.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from torch import nn


def known_by(module: nn.Module, keys_and_values: Any) -> dict[str, Any]:
    """The argument of ``module`` that continues from these keys and values.

    >>> class Old(nn.Module):
    ...     def forward(self, input_ids, past_key_values=None): ...
    >>> known_by(Old(), None)
    {'past_key_values': None}
    """
    return {_argument(type(module).forward): keys_and_values}


@lru_cache
def _argument(forward: Callable[..., Any]) -> str:
    """Looked up once for each architecture: greedy writing asks at every token."""
    return "cache" if "cache" in inspect.signature(forward).parameters else "past_key_values"


def keys_and_values_of(output: Any) -> Any:
    """Those that a forward pass with ``use_cache=True`` left; None where the model keeps none."""
    return output.cache if hasattr(output, "cache") else getattr(output, "past_key_values", None)
