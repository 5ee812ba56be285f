"""Training on sharded tensors, in two real processes over gloo."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path


def test_two_processes(in_two_processes: Callable[[Path], list[list[str]]]):
    """FSDP2 on the CPU: noise, training, distance and projection equal the unsharded ones; DDP ranks differ."""
    for lines in in_two_processes(Path(__file__).with_name("two_processes.py")):
        said = [line.split()[0] for line in lines if line.endswith(" ok")]
        assert said == ["fsdp", "attached_first", "columns", "ball", "ddp"]
