"""Sharded tensors: spans in one process, everything else in two real ones over gloo."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import torch

from corrie.optim.shard import Stretch, is_sharded, local_part, span_of


def test_a_plain_tensor_is_its_own_only_part():
    weight = torch.nn.Parameter(torch.arange(6.0).view(2, 3))
    assert not is_sharded(weight)
    assert span_of(weight) == Stretch(0, 6, 6)
    assert local_part(weight).data_ptr() == weight.data_ptr()
    assert not local_part(weight).requires_grad


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
