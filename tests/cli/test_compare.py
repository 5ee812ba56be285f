"""``corrie compare`` as its users meet it."""

import json
from pathlib import Path
from typing import Any

import pytest

import corrie as library
from corrie.records.sqlite_store import SqliteStore
from corrie.testing.cliff_run import KINDS, cliff_run, identity


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    place = tmp_path_factory.mktemp("runs")
    for number in range(2):
        with SqliteStore.create_or_open(place / f"run{number}", identity()) as store:
            cliff_run(store, directions=2, examples=20, kinds=KINDS[:2], seed=number)
    return sorted(place.iterdir())


def test_side_by_side(corrie: Any, runs: list[Path], tmp_path: Path) -> None:
    said = corrie("compare", *runs, "--figure", tmp_path / "both.svg")
    assert said.code == 0
    assert "toy (run0): knowledge" in said.out
    assert "knowledge: toy (run0) and toy (run1) are not told apart" in said.out
    assert "Wrote" in said.err
    found = json.loads(corrie("compare", *runs, "--unit", "l2", "--json").out)
    assert found["unit"] == "l2"
    assert found["runs"][0]["nested"] == ["knowledge", "language"]
    again = library.compare(*runs, unit="l2", figure=tmp_path / "verb.svg")
    assert json.loads(json.dumps(again.to_json())) == found
    assert (tmp_path / "verb.svg").exists()


def test_bad_input_is_said(corrie: Any, runs: list[Path], tmp_path: Path) -> None:
    for arguments, words in (
        (runs[:1], "1 run"),
        ([*runs, tmp_path / "none"], "none"),
        ([*runs, "--unit", "feet"], "no unit named"),
        ([*runs, "--retention", "2"], "retention"),
        ([*runs, "--confidence", "1"], "confidence"),
        ([*runs, "--figure", tmp_path / "both.gif"], "no figure format"),
    ):
        said = corrie("compare", *arguments)
        assert said.code == 2
        assert words in said.err
    assert corrie("compare", "--help").code == 0
