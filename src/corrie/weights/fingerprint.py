"""A hash of weights, bit for bit."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from os import cpu_count

import torch
from torch import Tensor, nn

from corrie.weights.selection import named_parameters, tensor_name
from corrie.weights.shard import is_sharded, whole_tensor

SMALL = 2**20
"""Numbers that are hashed sooner than threads have started."""


def fingerprint(tensors: Mapping[str, Tensor]) -> str:
    """SHA-256 over names, types, shapes and bytes, in the order of the names (not of the mapping).

    Of tensors that are sharded over processes it is that of the whole ones, put together one at a time: all of the
    processes must ask.

    >>> a = fingerprint({"x": torch.zeros(2), "y": torch.ones(1)})
    >>> a == fingerprint({"y": torch.ones(1), "x": torch.zeros(2)})
    True
    >>> a == fingerprint({"x": -torch.zeros(2), "y": torch.ones(1)})
    False
    """

    def digest(item: tuple[str, Tensor]) -> bytes:
        name, tensor = item
        head = f"{name}\0{tensor.dtype}\0{tuple(tensor.shape)}\0".encode()
        data = tensor.detach().cpu().contiguous().reshape(-1)
        hasher = hashlib.sha256(head)
        if data.numel():
            hasher.update(data.view(torch.uint8).numpy().data)
        return hasher.digest()

    every = hashlib.sha256()
    items = sorted(tensors.items())
    if any(is_sharded(tensor) for _, tensor in items):
        for name, tensor in items:
            every.update(digest((name, whole_tensor(tensor))))
        return every.hexdigest()
    if sum(tensor.numel() for tensor in tensors.values()) < SMALL:
        every.update(b"".join(map(digest, items)))
        return every.hexdigest()
    with ThreadPoolExecutor(max_workers=cpu_count() or 1) as pool:
        for part in pool.map(digest, items):
            every.update(part)
    return every.hexdigest()


def model_fingerprint(module: nn.Module) -> str:
    """The hash of everything a score depends on: all parameters (tied ones once) and persistent buffers."""
    state: dict[str, Tensor] = dict(named_parameters(module))
    persistent = set(module.state_dict().keys())
    state.update({tensor_name(n): b for n, b in module.named_buffers() if n in persistent})
    return fingerprint(state)
