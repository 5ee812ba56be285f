"""Training on sharded tensors, in two real processes over gloo."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path


def test_two_processes(tmp_path: Path):
    """FSDP2 on the CPU: noise, training, distance and projection equal the unsharded ones; DDP ranks differ."""
    script = Path(__file__).with_name("two_processes.py")
    environment = {**os.environ, "STORE": str(tmp_path / "store"), "OMP_NUM_THREADS": "1"}
    processes = [
        subprocess.Popen(
            [sys.executable, str(script)],
            env={**environment, "RANK": str(rank)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for rank in range(2)
    ]
    try:
        outputs = [process.communicate(timeout=240)[0] for process in processes]
    finally:
        for process in processes:
            process.kill()
    for process, output in zip(processes, outputs, strict=True):
        assert process.returncode == 0, output
        assert [line.split()[0] for line in output.splitlines() if line.endswith(" ok")] == [
            "fsdp",
            "attached_first",
            "columns",
            "ball",
            "ddp",
        ]
