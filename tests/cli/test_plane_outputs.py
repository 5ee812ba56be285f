"""What the other commands make of a run that holds a plane."""

from pathlib import Path

import pytest

from corrie.records.sqlite_store import SqliteStore
from corrie.testing.cliff_plane import cliff_plane
from corrie.testing.cliff_run import KINDS, cliff_run, identity


@pytest.fixture
def run(tmp_path: Path) -> Path:
    with SqliteStore.create_or_open(tmp_path / "run", identity()) as store:
        cliff_plane(store, examples=10, kinds=KINDS[2:3])
    return tmp_path / "run"


def test_show_report_and_export(run: Path, corrie, tmp_path: Path) -> None:
    assert corrie("show", run).out.startswith("Plane of gaussian:0 (α -0.016 to 0.016)")
    for out in ("plane.nc", "plane.csv"):
        said = corrie("export", run, "--out", tmp_path / out)
        assert said.code == 0, said.err
        assert (tmp_path / out).stat().st_size > 1000
    said = corrie("report", run, "--out", tmp_path / "plane.html", "--figure", tmp_path / "plane.svg")
    assert said.code == 0, said.err
    assert "The plane of gaussian:0 and gaussian:1" in (tmp_path / "plane.html").read_text("utf-8")
    assert "steps of 0.1" in (tmp_path / "plane.svg").read_text("utf-8")


def test_after_lines_were_asked_too(run: Path, corrie, tmp_path: Path) -> None:
    with SqliteStore.create_or_open(run, identity()) as store:
        cliff_run(store, directions=2, examples=10, kinds=KINDS[:1])
    said = corrie("show", run)
    assert "language" in said.out
    assert "Plane of gaussian:0" in said.out
    assert corrie("export", run, "--out", tmp_path / "lines.csv").code == 0
    assert (tmp_path / "lines.csv").read_text("utf-8").startswith("direction,alpha")
