"""``--shard`` and ``corrie merge`` as their users meet them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return tmp_path / "run"


def scan_of(toy: Path, task: Path, to: Path) -> list[object]:
    return ["scan", toy, "-t", f"{task}:10", "--direction", "gaussian:0-1", "--alpha", "0:0.02:3", "--to", to]


def test_two_shards_and_a_merge_are_the_serial_run(corrie: Any, toy: Path, task: Path, run: Path) -> None:
    serial = run.with_name("serial")
    asked = scan_of(toy, task, run)
    shown = corrie(*scan_of(toy, task, serial)).out
    said = corrie(*asked, "--shard", "0/2")
    assert (said.code, said.out) == (0, f"Shard 0/2 is scored: {run / 'shard-0-of-2'}\n")
    assert f"Next, when all 2 shards are scored: corrie merge {run}" in said.err
    found = json.loads(corrie(*asked, "--shard", "1/2", "--json").out)
    assert found == {"shard": "1/2", "run": str(run / "shard-1-of-2"), "complete": True}
    said = corrie("merge", run)
    assert (said.code, said.out) == (0, f"{run}: 5 points, 5 cells, 5 of them new, from 2 runs\n")
    assert corrie(*asked).out == shown, "the same command without --shard finds everything scored"
    for place in (run, serial):
        assert corrie("export", place, "--out", place.with_suffix(".csv")).code == 0
    assert run.with_suffix(".csv").read_text("utf-8") == serial.with_suffix(".csv").read_text("utf-8")


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["--shard", "2/2"], "shard 2/2: shards are counted from 0"),
        (["--shard", "0/2", "--alpha", "auto"], "its points are chosen by what was scored before"),
        (["--shard", "0/7"], "the plan has 4 points beside the unmoved model"),
    ],
)
def test_what_is_not_valid_is_refused_first(
    corrie: Any, toy: Path, task: Path, run: Path, more: list[str], said: str
) -> None:
    refused = corrie(*scan_of(toy, task, run), *more)
    assert (refused.code, refused.out) == (2, "")
    assert said in refused.err
    assert not run.exists()


def test_a_plane_and_a_claim_by_shards(corrie: Any, toy: Path, task: Path, run: Path) -> None:
    terms = ["-t", f"{task}:10", "--alpha=0:0.01:2", "--to", run / "plane"]
    for number in (0, 1):
        assert corrie("plane", toy, *terms, "--shard", f"{number}/2").code == 0
    assert corrie("merge", run / "plane").code == 0
    claim = ["--sigma", "0.0001", "--at-least", "0.5", "--confidence", "0.7", "-t", f"{task}:10", "--to", run / "claim"]
    for number in (0, 1):
        said = corrie("fraction", toy, *claim, "--shard", f"{number}/2")
        assert (said.code, said.out) == (0, f"Shard {number}/2 is scored: {run / 'claim' / f'shard-{number}-of-2'}\n")
    merged = corrie("merge", run / "claim" / "shard-0-of-2", run / "claim" / "shard-1-of-2", "--to", run / "claim")
    assert merged.code == 0
    assert corrie("fraction", toy, *claim).code == 0


def test_a_run_of_shards_alone_says_what_to_do(corrie: Any, toy: Path, task: Path, run: Path) -> None:
    assert corrie(*scan_of(toy, task, run), "--shard", "0/2").code == 0
    shown = corrie("show", run)
    assert (shown.code, shown.out) == (2, "")
    assert f"shards alone (1). Try: corrie merge {run}" in shown.err
    assert "shard 1/2 not among them" in corrie("merge", run).out
