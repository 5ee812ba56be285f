"""What is opened by name in somebody's folder is a plain file, or refused with nothing behind it touched."""

import os
from pathlib import Path

import pytest

from corrie.errors import ClaimError, RunError, StorageError
from corrie.records.draw_log import DrawLog
from corrie.records.plain_file import open_plain, read_plain, refuse_odd
from corrie.records.run_folder import RunFolder
from corrie.records.run_lock import LOCK, RunLock
from corrie.records.sqlite_store import SqliteStore
from corrie.sources.lock import alone
from corrie.testing.check_store import IDENTITY
from corrie.testing.cliff_run import identity


def test_a_plain_file_and_a_link_to_one(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"12345")
    (tmp_path / "link").symlink_to("a")
    assert read_plain(tmp_path / "a", "x") == read_plain(tmp_path / "link", "x") == b"12345"
    assert read_plain(tmp_path / "a", "x", most=5) == b"12345"
    with pytest.raises(RunError, match="x: a has 0 MiB"):
        read_plain(tmp_path / "a", "x", most=4)


def test_what_is_no_plain_file_is_named(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "zero").symlink_to("/dev/zero")
    (tmp_path / "circle").symlink_to("circle")
    (tmp_path / "folder").mkdir()
    (tmp_path / "memory").symlink_to("/proc/self/mem")
    with (tmp_path / "huge").open("wb") as huge:
        huge.truncate(2**42)
    said = {"pipe": "is a pipe", "zero": "is a device", "circle": "cannot be read", "folder": "is a directory",
            "memory": "cannot be read", "huge": "MiB", "none": "No such file", "n\0l": "cannot be read"}  # fmt: skip
    for name, words in said.items():
        with pytest.raises(ClaimError, match=words):
            read_plain(tmp_path / name, "certificate", error=ClaimError)


def test_beside_a_library_only_plain_files(tmp_path: Path) -> None:
    refuse_odd(tmp_path / "none", "a run")
    (tmp_path / "plain").touch()
    refuse_odd(tmp_path / "plain", "a run")
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(RunError, match="a pipe"):
        refuse_odd(tmp_path / "pipe", "a run")


@pytest.mark.parametrize("name", ["run.db", "run.db-journal", "run.db-wal"])
def test_a_pipe_in_the_place_of_a_runs_files_does_not_hang(tmp_path: Path, name: str) -> None:
    SqliteStore.create_or_open(tmp_path / "run", IDENTITY).close()
    (tmp_path / "run" / name).unlink(missing_ok=True)
    os.mkfifo(tmp_path / "run" / name)
    with pytest.raises(RunError):
        SqliteStore.open(tmp_path / "run")


def test_a_pipe_as_a_statement_or_a_log_does_not_hang(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "inputs-a.json")
    run = RunFolder.open(tmp_path)
    with pytest.raises(RunError, match=r"inputs-a.json is a pipe"):
        run.read(*run.files("inputs"))
    os.mkfifo(tmp_path / "draws-a.jsonl")
    with pytest.raises(RunError, match="a pipe"):
        DrawLog.read(tmp_path, "a")


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


def test_nor_in_the_cache(precious: Path, tmp_path: Path) -> None:
    (tmp_path / "lock").symlink_to(precious)
    with pytest.raises(StorageError, match="lock is a link"), alone(tmp_path / "lock"):
        pass
    assert precious.read_text() == "mine"


def test_a_pipe_is_neither_waited_for_nor_written(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / LOCK)
    with pytest.raises(StorageError, match="a pipe"):
        open_plain(tmp_path / LOCK, os.O_RDWR | os.O_CREAT, "writing")
