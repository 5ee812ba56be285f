"""Moving tensors that are sharded over processes, in two real ones over gloo."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.skipif(os.name == "nt", reason="fork is POSIX")
def test_two_processes(tmp_path: Path) -> None:
    """FSDP2 and tensor parallelism on the CPU: identity, points, paths and scores are those of one process."""
    script = Path(__file__).with_name("two_processes.py")
    alone = os.environ | {"OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, str(script)],
        cwd=tmp_path,
        env=alone,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    for rank in range(2):
        said = (tmp_path / f"{rank}.txt").read_text("utf-8").split()
        assert said == ["same", "points", "only_its_own", "paths", "scores", "refused", "spoiled"]
