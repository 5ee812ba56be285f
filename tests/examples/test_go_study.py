"""The study's page holds what its commands print, and its GPU script says what it has not measured."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

ROOT = Path(__file__).parents[2]
STUDY = ROOT / "examples" / "go_study"


@pytest.fixture
def printed(modules_of, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[[str], str]:
    """What a script of the study prints, called without arguments."""

    def run(script: str) -> str:
        monkeypatch.setattr("sys.argv", [script])
        with modules_of(STUDY) as load:
            load(script).main()
        return capsys.readouterr().out

    return run


def test_the_table_on_the_page_is_the_one_that_the_results_give(printed):
    assert printed("table").strip() in (ROOT / "docs" / "go-study.md").read_text()


def test_without_a_gpu_nothing_is_measured_and_nothing_is_claimed(printed):
    if torch.cuda.is_available():
        pytest.skip("there is a GPU")
    lines = printed("gpu").splitlines()
    assert lines
    assert all("not measured" in line for line in lines)


def test_results_hold_numbers_and_names_only():
    files = sorted((STUDY / "results").glob("[0-9]*_*_*.json"))
    assert files
    for file in files:
        size, recipe, seed = file.stem.split("_")
        result = json.loads(file.read_text())
        assert (result["size"], result["recipe"]["name"], result["seed"]) == (size, recipe, int(seed))
        assert file.stat().st_size < 8_000
