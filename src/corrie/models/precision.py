"""The precision a model runs in: as asked, or the fastest that the machine computes itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from corrie.errors import InputError

DTYPES: dict[str, torch.dtype] = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}

AUTO = "auto"
"""bfloat16 where the processor or GPU has instructions for it, else float32: emulated, it is several times slower."""


def pick_dtype(name: str, device: str) -> torch.dtype:
    """The dtype of a name; ``auto`` asks the machine.

    A run belongs to one precision: begun with ``auto``, it goes on elsewhere only with the precision it has.

    Raises:
        InputError: no such precision.

    >>> pick_dtype("bfloat16", "cpu")
    torch.bfloat16
    """
    if name == AUTO:
        return torch.bfloat16 if _native_bfloat16(device) else torch.float32
    if name not in DTYPES:
        raise InputError(f"dtype {name!r}", found="no such precision", advice=" or ".join([*DTYPES, AUTO]))
    return DTYPES[name]


def _native_bfloat16(device: str) -> bool:
    if device.startswith("cuda"):
        return torch.cuda.is_bf16_supported()
    if device != "cpu":
        return False
    cpu: Any = torch.cpu
    tests: list[Callable[[], bool]] = [
        getattr(cpu, name, lambda: False) for name in ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
    ]
    return any(test() for test in tests)
