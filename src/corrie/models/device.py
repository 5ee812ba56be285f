"""Where a model runs."""

from __future__ import annotations

import torch

from corrie.errors import InputError


def pick_device(asked: str) -> torch.device:
    """``auto`` (CUDA, then MPS, then CPU), or a torch device by name.

    >>> pick_device("cpu")
    device(type='cpu')

    Raises:
        InputError: no such device here.
    """
    if asked == "auto":
        asked = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    try:
        device = torch.device(asked)
    except RuntimeError:
        raise InputError(f"device {asked!r}", found="no such kind", advice="auto, cpu, cuda, cuda:1 or mps") from None
    here = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if not here.get(device.type, False):
        raise InputError(f"device {asked!r}", found="this machine has none", advice="--device auto")
    return device
