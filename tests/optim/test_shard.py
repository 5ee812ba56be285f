"""Sharded tensors: spans in one process, everything else in two real ones over gloo."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import torch
from tests.forks import run_program

from corrie.weights.shard import Stretch, is_sharded, local_part, span_of


def test_a_plain_tensor_is_its_own_only_part():
    weight = torch.nn.Parameter(torch.arange(6.0).view(2, 3))
    assert not is_sharded(weight)
    assert span_of(weight) == Stretch(0, 6, 6)
    assert local_part(weight).data_ptr() == weight.data_ptr()
    assert not local_part(weight).requires_grad


@pytest.mark.skipif(os.name == "nt", reason="fork is POSIX")
def test_two_processes(tmp_path: Path):
    """FSDP2 on the CPU: noise, training, distance and projection equal the unsharded ones; DDP ranks differ."""
    script = Path(__file__).with_name("two_processes.py")
    done = run_program(script, tmp_path, environment={**os.environ, "OMP_NUM_THREADS": "1"})
    assert done.returncode == 0, done.stdout + done.stderr
    for rank in range(2):
        parts = (tmp_path / f"rank-{rank}.txt").read_text("utf-8").split()
        assert parts == ["fsdp", "attached_first", "columns", "ball", "ddp"]
