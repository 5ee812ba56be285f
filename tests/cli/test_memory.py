"""``--draw``, ``--device-map`` and what is said of memory, as their users meet them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from corrie.models import footprint

LINE = ["--direction", "gaussian:0-1", "--alpha", "0:0.02:2"]


def test_directions_drawn_again_give_the_rows_of_those_that_are_kept(
    corrie: Any, toy: Path, task: Path, tmp_path: Path
) -> None:
    written = []
    for draw in ("keep", "again"):
        said = corrie("scan", toy, "-t", f"{task}:10", *LINE, "--draw", draw, "--to", tmp_path / draw)
        assert said.code == 0, said.err
        what = {"keep": "a direction", "again": "one tensor of a direction"}[draw]
        assert "Memory: about " in said.err
        assert what in said.err
        assert "Memory taken: at most" in said.err
        assert corrie("export", tmp_path / draw, "--out", tmp_path / f"{draw}.csv").code == 0
        written.append((tmp_path / f"{draw}.csv").read_text("utf-8"))
    assert written[0] == written[1]


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["--draw", "never"], "draw 'never': no such way. Try: auto or keep or again"),
        (["--device-map", "auto"], "device map auto: this machine has no GPUs"),
        (["--device-map", "nowhere.json"], "device map nowhere.json: it cannot be read"),
        (["--device-map", "auto", "--device", "cpu"], "each says where the model goes"),
    ],
)
def test_what_is_not_valid_is_refused_first(
    corrie: Any, toy: Path, task: Path, tmp_path: Path, more: list[str], said: str
) -> None:
    refused = corrie("scan", toy, "-t", f"{task}:10", *LINE, "--to", tmp_path / "run", *more)
    assert (refused.code, refused.out) == (2, "")
    assert said in refused.err
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("command", ["scan", "doctor"])
def test_a_model_that_does_not_fit(
    corrie: Any, toy: Path, task: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    monkeypatch.setattr(footprint, "available_memory", lambda device: 150_000)
    line = ["-t", f"{task}:10", *LINE, "--to", tmp_path / "run"] if command == "scan" else []
    refused = corrie(command, toy, *line)
    assert (refused.code, refused.out) == (2, "")
    assert "and 0.15 MB are available. Try: --dtype bfloat16" in refused.err
    assert not (tmp_path / "run").exists()
