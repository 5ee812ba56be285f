"""What is opened by name in somebody's folder is a plain file, or refused with nothing behind it touched."""

import os
from pathlib import Path

import pytest

from corrie.errors import StorageError
from corrie.records.draw_log import DrawLog
from corrie.records.plain_open import open_plain
from corrie.records.run_lock import LOCK, RunLock
from corrie.records.sqlite_store import SqliteStore
from corrie.sources.lock import alone
from corrie.testing.cliff_run import identity


@pytest.fixture
def precious(tmp_path: Path) -> Path:
    file = tmp_path / "precious"
    file.write_text("mine")
    return file


@pytest.mark.parametrize("name", [LOCK, "run.db", "run.db-wal", "run.db-shm", "run.db-journal"])
def test_no_link_in_a_run_folder_is_written_through(name: str, precious: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    if name not in (LOCK, "run.db"):
        SqliteStore.create_or_open(run, identity()).close()
    run.mkdir(exist_ok=True)
    (run / name).symlink_to(precious)
    with pytest.raises(StorageError, match=f"{name} is a link"):
        SqliteStore.create_or_open(run, identity())
    assert precious.read_text() == "mine"
    assert precious.stat().st_nlink == 1


def test_a_link_that_leads_nowhere_makes_no_file(tmp_path: Path) -> None:
    (tmp_path / LOCK).symlink_to(tmp_path / "new")
    with pytest.raises(StorageError, match="is a link"):
        RunLock(tmp_path)
    assert not (tmp_path / "new").exists()


def test_nor_in_the_cache_nor_a_log_of_draws(precious: Path, tmp_path: Path) -> None:
    (tmp_path / "lock").symlink_to(precious)
    with pytest.raises(StorageError, match="lock is a link"), alone(tmp_path / "lock"):
        pass
    log = DrawLog(None, "f0").name
    (tmp_path / log).symlink_to(precious)
    with pytest.raises(StorageError, match="is a link"):
        DrawLog(tmp_path, "f0")
    assert precious.read_text() == "mine"


def test_a_pipe_is_neither_waited_for_nor_written(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / LOCK)
    with pytest.raises(StorageError, match="no plain file"):
        open_plain(tmp_path / LOCK, os.O_RDWR | os.O_CREAT, "writing")
