"""What vLLM's copy of a model takes, and the keys and values that it keeps, beside what is there already."""

from __future__ import annotations

import os

import torch

from corrie.models.model import Model
from corrie.weights.available import available_memory

_SPARE = 1.2
"""A layer is laid down in pieces before it is put together, and kernels keep their own arrangement of it."""

_GIB = 1 << 30

_SHARE = 0.5
"""Of what is left on an accelerator beside all copies, what keys and values take."""


def copy_bytes(model: Model) -> int:
    """What another copy of the weights takes."""
    return sum(p.numel() * p.element_size() for p in model.module.parameters())


def needed_bytes(model: Model, mixed: bool) -> int:
    """What is taken beside the model: vLLM's copy, the least room for keys and values, and for tasks that are read a
    pristine copy.

    Args:
        mixed: some tasks are read by the model itself, which then moves too.
    """
    return sum(beside_the_model(model).values()) + mixed * copy_bytes(model)


def beside_the_model(model: Model) -> dict[str, int]:
    """Bytes of vLLM's copy and of the least room for keys and values, by what they are called."""
    return {"vLLM's copy": int(_SPARE * copy_bytes(model)), "keys and values": _asked_for()}


def room_for_keys(model: Model, mixed: bool) -> int:
    """Bytes for keys and values: on a CPU 1 GiB, or what ``VLLM_CPU_KVCACHE_SPACE`` (in GiB) says; on an accelerator
    half of what is left."""
    device = next(model.module.parameters()).device
    if device.type == "cpu":
        return _asked_for()
    there = available_memory(device) or 0
    return max(int(_SHARE * (there - needed_bytes(model, mixed) + _asked_for())), _asked_for())


def share_of_device(model: Model, keys: int) -> float:
    """The share of an accelerator's memory that vLLM is given, keys and values included; it checks that it is free."""
    device = next(model.module.parameters()).device
    if device.type != "cuda":
        return 0.9
    free, total = torch.cuda.mem_get_info(device)
    return min(int(_SPARE * copy_bytes(model)) + keys, free) / total * 0.98


def _asked_for() -> int:
    said = os.environ.get("VLLM_CPU_KVCACHE_SPACE", "")
    return (int(said) if said.isdecimal() and int(said) else 1) * _GIB
