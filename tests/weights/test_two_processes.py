"""Moving tensors that are sharded over processes, in two real ones over gloo."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path


def test_two_processes(in_two_processes: Callable[[Path], list[list[str]]]) -> None:
    """FSDP2 and tensor parallelism on the CPU: identity, points, paths and scores are those of one process."""
    for lines in in_two_processes(Path(__file__).with_name("two_processes.py")):
        said = [line.split()[0] for line in lines if line.endswith(" ok")]
        assert said == ["same", "points", "only_its_own", "paths", "scores", "refused", "spoiled"]
