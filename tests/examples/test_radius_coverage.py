"""The coverage table's script: what it writes, continues and counts."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

FOLDER = Path(__file__).parents[2] / "examples" / "radius_coverage"


@pytest.fixture(scope="module")
def script(modules_of: Any) -> Iterator[ModuleType]:
    with modules_of(FOLDER) as load:
        yield load("holds")


def test_a_row_counts_misses_on_either_side_and_refusals(script: ModuleType) -> None:
    fine, low, high = [-0.1, 0.1], [0.02, 0.3], [-0.4, -0.01]
    runs = [
        [200, "dose_response", [fine, low, fine]],
        [300, "model_free", [high, fine, [None, None]]],
        [0, "absent", []],
    ]
    row = script.summary(runs).split(" | ")
    assert row[:4] == ["3", "1", "1", "250"]
    assert row[4].startswith("50.0 (0/1)")
    assert row[5].startswith("50.0 (1/0)")
    assert row[6].startswith("100.0 (0/0)"), "an end that is not stated is not wrong"


def test_it_continues_where_it_was(
    script: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked: list[tuple[str, int]] = []

    def one(name: str, number: int) -> list:
        asked.append((name, number))
        return [100, "dose_response", [[-0.1, 0.1]] * 3]

    monkeypatch.setattr(script, "one", one)
    for runs in (20, 40):
        monkeypatch.setattr(sys, "argv", ["x", "--runs", str(runs), "--world", "40 examples", "--to", str(tmp_path)])
        script.main()
    assert asked == [("40 examples", k) for k in range(40)]
    assert len(json.loads((tmp_path / "40-examples.json").read_text())) == 40
    assert "| 40 examples | 40 | 0 | 0 | 100 | 100.0 (0/0)" in capsys.readouterr().out


def test_a_run_is_a_function_of_its_number(script: ModuleType) -> None:
    assert script.one("sharp cliff", 3) == script.one("sharp cliff", 3)


def test_committed_runs_hold_in_every_world(script: ModuleType) -> None:
    """The table of design/dose-response.md: no world is worse than three binomial standard errors below 95 %."""
    files = sorted((FOLDER / "results").glob("*.json"))
    assert len(files) == len(script.WORLDS)
    for file in files:
        seen = [run for run in json.loads(file.read_text()) if run[1] != "absent"]
        for i in range(3):
            held = [not ((low or -1) > 0 or (high or 1) < 0) for low, high in (run[2][i] for run in seen)]
            assert sum(held) / len(held) >= 0.95 - 3 * (0.95 * 0.05 / len(held)) ** 0.5, (file.name, i)
