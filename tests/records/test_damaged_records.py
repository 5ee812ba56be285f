"""A run's records with damaged values: each is one sentence that names the run, or a figure that is still right."""

import hashlib
import json
import shutil
import sqlite3
import zlib
from pathlib import Path
from typing import Any

import pytest

from corrie.analysis.every_cell import EveryCell
from corrie.analysis.landscape import Landscape
from corrie.errors import RunError
from corrie.records import cell
from corrie.records.run_folder import RunFolder
from corrie.records.sqlite_store import SqliteStore
from corrie.testing.cliff_run import cliff_run, identity


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("whole") / "run"
    with SqliteStore.create_or_open(folder, identity()) as store:
        cliff_run(store, directions=1, examples=20)
    return folder


@pytest.fixture
def run(whole: Path, tmp_path: Path) -> Path:
    return shutil.copytree(whole, tmp_path / "run")


def change(run: Path, query: str, *values: Any) -> None:
    with sqlite3.connect(run / "run.db") as database:
        database.execute(query, values)


def repack(run: Path, damage: Any, *, raw: bytes | None = None) -> None:
    """Change the outcomes of the first cell, its digest made to fit."""
    with sqlite3.connect(run / "run.db") as database:
        rowid, payload = database.execute("SELECT rowid, payload FROM cell LIMIT 1").fetchone()
        rows = json.loads(zlib.decompress(payload))
        new = raw if raw is not None else zlib.compress(json.dumps(damage(rows)).encode())
        digest = hashlib.sha256(new).hexdigest()
        database.execute("UPDATE cell SET payload = ?, digest = ? WHERE rowid = ?", (new, digest, rowid))


def refused(run: Path) -> str:
    with pytest.raises(RunError) as error:
        read(run)
    return str(error.value)


def read(run: Path) -> None:
    Landscape.open(run)
    EveryCell.open(RunFolder.open(run))


def first(rows: list[dict[str, Any]], **values: Any) -> list[dict[str, Any]]:
    return [rows[0] | values, *rows[1:]]


@pytest.mark.parametrize(
    "damage",
    [
        lambda rows: rows[1:],
        lambda rows: [rows[1], rows[0], *rows[2:]],
        lambda rows: [*rows[:-1], 7],
        lambda rows: 7,
        lambda rows: None,
        lambda rows: first(rows, id=7),
        lambda rows: first(rows, success=float("nan")),
        lambda rows: first(rows, success=2.0),
        lambda rows: first(rows, success=-1.0),
        lambda rows: first(rows, loss=float("inf")),
        lambda rows: first(rows, loss="much"),
        lambda rows: first(rows, label="fine"),
        lambda rows: first(rows, more=1),
    ],
)
def test_outcomes_that_are_none(run: Path, damage: Any) -> None:
    repack(run, damage)
    said = refused(run)
    assert "cell" in said
    assert str(run) in said


def test_a_few_bytes_that_unpack_to_more_than_a_block(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cell, "_LARGEST", 2**20)
    packed = zlib.compress(bytes(2**26), 9)
    assert len(packed) < 2**17
    repack(run, None, raw=packed)
    assert f"more than {2**20} bytes" in refused(run)


@pytest.mark.parametrize("raw", [b"", b"x" * 90, zlib.compress(b"[" * 50_000), zlib.compress(b"[]")[:-3]])
def test_payloads_that_are_none(run: Path, raw: bytes) -> None:
    repack(run, None, raw=raw)
    assert "cell" in refused(run)


@pytest.mark.parametrize(
    ("query", "value"),
    [
        ("UPDATE cell SET block = ? WHERE rowid = 1", "x"),
        ("UPDATE cell SET block = ? WHERE rowid = 1", -1),
        ("UPDATE cell SET payload = ? WHERE rowid = 1", 7),
        ("UPDATE cell SET point = ? WHERE rowid = 1", b"\xff"),
        ("UPDATE point SET id = ? WHERE rowid = 2", -1),
        ("UPDATE point SET id = ? WHERE rowid = 2", "0" * 32),
        ("UPDATE point SET point = ? WHERE rowid = 2", 7),
        ("UPDATE point SET realised = ? WHERE rowid = 2", "[" * 50_000),
        ("UPDATE task SET identity = ? WHERE position = 1", 1.5),
        ("UPDATE task SET id = ? WHERE position = 1", "other"),
        ("UPDATE spec SET spec = ?", b"{}"),
        ("UPDATE spec SET provenance = ?", "[]"),
        ("UPDATE spec SET provenance = ?", 7),
        ("UPDATE card SET card = ? WHERE position = 1", 2**62),
    ],
)
def test_columns_that_hold_something_else(run: Path, query: str, value: Any) -> None:
    change(run, query, value)
    assert f"run folder {run}" in refused(run)


def test_a_point_that_is_not_told(run: Path) -> None:
    change(run, "DELETE FROM point WHERE rowid = 2")
    with pytest.raises(RunError, match="does not say which point"):
        EveryCell.open(RunFolder.open(run))
