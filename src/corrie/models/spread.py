"""One model over several devices of this process: accelerate's ``device_map``.

Whole layers lie on one device or another, and what passes between them is sent along. All weights lie on devices: what
would be fetched from a disk or a processor's memory for every pass has no memory to be moved in, and is refused before
anything is loaded. Weights that are one tensor stay on one device, so the directions are those of one device.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn

from corrie.errors import InputError
from corrie.models.device import pick_device
from corrie.weights.available import available_memory

DeviceMap = str | Mapping[str, int | str]
"""``auto`` (evenly), ``sequential`` (one device after the other), a JSON file, or module → device."""

_INSTALL = "pip install 'corrie[devices]'"


def read_map(asked: str) -> DeviceMap:
    """What the words of an option mean: the content of a JSON file, or one of the two ways.

    Raises:
        InputError: neither.

    >>> read_map("auto")
    'auto'
    """
    if asked in ("auto", "sequential"):
        return asked
    try:
        found = json.loads(Path(asked).read_text("utf-8"))
        if not isinstance(found, dict) or not all(isinstance(device, int | str) for device in found.values()):
            raise ValueError("it maps no modules to devices")
    except (OSError, ValueError) as problem:
        raise InputError(
            f"device map {asked}",
            found=f"it cannot be read ({problem})",
            advice='auto, sequential, or a JSON file such as {"model.embed_tokens": 0, "model.layers.0": 1, …}',
        ) from None
    return found


def spread_over(outline: nn.Module, asked: DeviceMap, dtype: torch.dtype, copies: float) -> dict[str, torch.device]:
    """Which device each part of a model lies on.

    Args:
        outline: the model without memory (on the meta device).
        asked: how it is to be spread.
        dtype: its precision.
        copies: what moving it takes besides, in sizes of the model.

    Raises:
        InputError: accelerate is not installed, there are no such devices, a part is on none or on no device (disk,
            cpu beside others), the two places of a tied tensor are on different ones, or it does not fit.

    >>> from corrie.testing.toy_models import toy_module
    >>> {n: d.type for n, d in spread_over(toy_module(), {"": "cpu"}, torch.float32, 1.0).items()}
    {'': 'cpu'}
    """
    try:
        import accelerate.utils as accelerate
    except ImportError:
        raise InputError("a device map", found="accelerate is not installed", advice=_INSTALL) from None
    found = asked if not isinstance(asked, str) else _by_rule(accelerate, outline, asked, dtype, copies)
    words = {str(device) for device in found.values()}
    away = sorted(words & {"disk", "meta"}) or (["cpu"] if "cpu" in words and len(words) > 1 else [])
    if away:
        parts = [name for name, device in found.items() if str(device) in away]
        raise InputError(
            f"device map {asked if isinstance(asked, str) else 'of its own'}",
            found=f"{len(parts)} parts of the model would lie on {away[0]} ({parts[0]}, …), offloaded, where they "
            "cannot be moved",
            advice="more or larger devices, or a lower precision (--dtype bfloat16)",
        )
    placed: dict[str, Any] = {
        name: pick_device(f"cuda:{d}" if isinstance(d, int) else str(d)) for name, d in found.items()
    }
    try:
        accelerate.check_device_map(outline, placed)
    except ValueError as problem:
        raise InputError(
            "a device map", found=str(problem)[:300], advice='an entry for every part, or "auto"'
        ) from None
    _refuse_parted(outline, placed)
    return placed


def _by_rule(accelerate: Any, outline: nn.Module, asked: str, dtype: torch.dtype, copies: float) -> dict[str, Any]:
    """Accelerate's own choice, with room left for what moving takes, and none of it in the processor's memory."""
    if asked not in ("auto", "sequential"):
        raise InputError(f"device map {asked!r}", found="no such way", advice="auto, sequential, or a JSON file")
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if not count:
        raise InputError(
            f"device map {asked}", found="this machine has no GPUs to spread it over", advice="no device map"
        )
    room = {n: int((available_memory(torch.device("cuda", n)) or 0) / (1 + copies)) for n in range(count)}
    whole: Any = getattr(outline, "_no_split_modules", None)
    kept: Any = {"no_split_module_classes": list(whole or ()), "dtype": dtype}
    if asked == "auto":
        room = accelerate.get_balanced_memory(outline, max_memory=dict(room), **kept)
    return accelerate.infer_auto_device_map(outline, max_memory={**room, "cpu": 0}, **kept)


def _refuse_parted(outline: nn.Module, placed: Mapping[str, torch.device]) -> None:
    """Refuse a map that puts one tensor on two devices: it would be two."""
    places: dict[int, tuple[str, torch.device]] = {}
    for name, parameter in outline.named_parameters(remove_duplicate=False):
        device = device_of(name, placed)
        first = places.setdefault(id(parameter), (name, device))
        if first[1] != device:
            raise InputError(
                "a device map",
                found=f"{first[0]} and {name} are one tensor, and it puts them on {first[1]} and {device}",
                advice="both on the same device",
            )


def device_of(name: str, placed: Mapping[str, torch.device]) -> torch.device:
    """The device of a tensor: that of the longest part of the map that it belongs to.

    >>> device_of("a.b.weight", {"a": torch.device("cpu"), "a.b": torch.device("meta")})
    device(type='meta')
    """
    while name and name not in placed:
        name = name.rpartition(".")[0]
    return placed[name]
