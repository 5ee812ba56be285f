"""Moving tensors that are sharded over processes, in two real ones over gloo."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path

import pytest
from tests.forks import forked

from corrie.testing.toy_models import toy_model


@pytest.mark.skipif(os.name == "nt", reason="fork is POSIX")
def test_two_processes(tmp_path: Path) -> None:
    """FSDP2 and tensor parallelism on the CPU: identity, points, paths and scores are those of one process."""
    from tests.weights.two_processes import work

    assert toy_model().engine.tree, "what both need is loaded before them"
    forked(*(partial(work, tmp_path, rank) for rank in range(2)))
    for rank in range(2):
        said = (tmp_path / f"{rank}.txt").read_text("utf-8").split()
        assert said == ["same", "points", "only_its_own", "paths", "scores", "refused", "spoiled"]
