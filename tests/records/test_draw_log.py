"""Logs of noise draws on inputs, as corrie wrote them before they lay in the store."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from corrie.errors import RunError
from corrie.records.draw_log import DrawLog, specs_logged


def line(draw: str, ids: list[str], outcomes: list[float], **more: str) -> str:
    """As it was written."""
    content = {"draw": draw, "ids": ids, "outcomes": outcomes, **more}
    digest = hashlib.sha256(json.dumps(content, sort_keys=True, separators=(",", ":")).encode()).hexdigest()[:16]
    return json.dumps({**content, "hash": digest}, sort_keys=True, separators=(",", ":")) + "\n"


def log(folder: Path, *lines: str, spec: str = "a") -> Path:
    file = folder / f"draws-{spec}.jsonl"
    file.write_text("".join(lines))
    return file


def test_every_line_of_a_log_is_read(tmp_path: Path) -> None:
    log(tmp_path, line("draw 0", ["x", "y"], [1.0, 0.0]), line("draw 1", ["x", "y"], [1.0, 1.0]))
    found = DrawLog.read(tmp_path, "a")
    assert found.outcomes == {"draw 0": (1.0, 0.0), "draw 1": (1.0, 1.0)}
    assert (found.ids, found.function) == (("x", "y"), "")
    assert DrawLog.read(tmp_path, "b").outcomes == {}
    assert specs_logged(tmp_path) == {"a"}


def test_the_logs_of_earlier_versions_are_read() -> None:
    data = Path(__file__).parents[1] / "data" / "runs"
    for folder in data.glob("*/inputs"):
        for spec in specs_logged(folder):
            assert len(DrawLog.read(folder, spec).outcomes) == 1 + 3 + 10
            assert all(len(outcomes) == 10 for outcomes in DrawLog.read(folder, spec).outcomes.values())


@pytest.mark.parametrize("cut", [1, 5, 60])
def test_a_line_that_a_kill_left_half_written_ends_the_log_and_stays(tmp_path: Path, cut: int) -> None:
    file = log(tmp_path, line("draw 0", ["x"], [1.0]), line("draw 1", ["x"], [1.0]))
    file.write_bytes(file.read_bytes()[:-cut])
    left = file.read_bytes()
    assert DrawLog.read(tmp_path, "a").outcomes == {"draw 0": (1.0,)}
    assert file.read_bytes() == left


def test_a_changed_line_is_not_believed(tmp_path: Path) -> None:
    log(tmp_path, line("draw 0", ["x"], [0.0]).replace("[0.0]", "[1.0]"))
    assert DrawLog.read(tmp_path, "a").outcomes == {}


@pytest.mark.parametrize(("outcomes", "more"), [([2.0], {}), ([True], {}), ([1.0, 1.0], {}), ([1.0], {"function": 3})])
def test_nor_one_that_holds_no_outcomes(tmp_path: Path, outcomes: list[float], more: dict[str, str]) -> None:
    log(tmp_path, line("draw 0", ["x"], outcomes, **more))
    assert DrawLog.read(tmp_path, "a").outcomes == {}


def test_draws_of_another_function_are_refused(tmp_path: Path) -> None:
    """A log that does not know its function goes on with any."""
    log(tmp_path, line("draw 0", ["a"], [1.0]))
    DrawLog.read(tmp_path, "a").refuse_other_function(tmp_path, "d" * 64)
    log(tmp_path, line("draw 0", ["a"], [1.0], function="d" * 64), spec="b")
    found = DrawLog.read(tmp_path, "b")
    found.refuse_other_function(tmp_path, "d" * 64)
    with pytest.raises(RunError, match="the same weights under other settings"):
        found.refuse_other_function(tmp_path, "e" * 64)
