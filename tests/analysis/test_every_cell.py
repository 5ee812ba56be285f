"""A run of draws exports one row for each outcome that its store, or its log of draws, holds."""

import csv
from pathlib import Path

import pytest

from corrie.analysis.every_cell import EveryCell
from corrie.analysis.export import PLANE_COLUMNS, export
from corrie.errors import InputError, RunError
from corrie.records.run_folder import RunFolder
from corrie.records.sqlite_store import SqliteStore
from corrie.testing.cliff_run import KINDS, cliff_run, identity


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    with SqliteStore.create_or_open(tmp_path / "run", identity()) as store:
        cliff_run(store, directions=2, examples=15, kinds=KINDS[:2])
    return RunFolder(tmp_path / "run")


def test_every_outcome_is_a_row(run: RunFolder, tmp_path: Path) -> None:
    found = EveryCell.open(run)
    file = export(found, tmp_path / "all.csv")
    with file.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert tuple(rows[0]) == PLANE_COLUMNS
    expected = {}
    with run.store() as store:
        points, names = store.points(), {t.id: t.name for t in store.tasks()}
        for cell in store.cells(store.keys()):
            steps = points[cell.point][0].steps
            where = (steps[0].direction.id, steps[0].alpha) if steps else ("origin", 0.0)
            for outcome in cell.outcomes:
                expected[(*where, names[cell.task], outcome.id)] = (outcome.success, outcome.label)
    got = {(r["direction"], float(r["alpha"]), r["task"], r["example"]): (float(r["score"]), r["label"]) for r in rows}
    assert got == expected
    assert len(rows) == len(expected)
    assert rows[0]["direction"] == "origin"
    assert {r["sigma"] for r in rows if r["direction"] != "origin"} == {
        r["alpha"] for r in rows if r["direction"] != "origin"
    }
    with pytest.raises(InputError, match="on no axes"):
        export(found, tmp_path / "all.nc")


def test_nothing_scored(tmp_path: Path) -> None:
    with SqliteStore.create_or_open(tmp_path / "run", identity()):
        pass
    with pytest.raises(RunError, match="nothing yet"):
        EveryCell.open(RunFolder(tmp_path / "run"))
