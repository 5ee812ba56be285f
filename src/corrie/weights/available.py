"""How much memory may still be taken on a device."""

from __future__ import annotations

import os
from pathlib import Path

import torch


def available_memory(device: torch.device) -> int | None:
    """Bytes that may be taken on a device; None where the system does not say."""
    if device.type == "cuda":
        kept = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)  # of torch's own, and free
        return torch.cuda.mem_get_info(device)[0] + kept
    if device.type != "cpu":
        return None
    whole = _of_machine()
    of_group = _of_group(Path("/sys/fs/cgroup"))
    return whole if of_group is None else of_group if whole is None else min(whole, of_group)


def _of_machine() -> int | None:
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:"))
    except (OSError, StopIteration, ValueError, IndexError):
        pass
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2
    except (AttributeError, ValueError, OSError):
        return None


def _of_group(place: Path) -> int | None:
    """What a container may still take: its limit less what it holds and the kernel could not take back at once.

    Args:
        place: where the kernel tells of the control group, version 2 or 1.
    """
    for limit, used, reclaimable in (
        ("memory.max", "memory.current", "inactive_file"),
        ("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes", "total_inactive_file"),
    ):
        try:
            most, held = (int((place / name).read_text(encoding="ascii")) for name in (limit, used))
            lines = (place / limit).with_name("memory.stat").read_text(encoding="ascii").splitlines()
            files = next((int(line.split()[1]) for line in lines if line.split()[0] == reclaimable), 0)
        except (OSError, ValueError, IndexError):  # no group, or "max": no limit
            continue
        return max(most - held + files, 0)
    return None
