"""The file ``run.db``: made whole, opened with care, and what it says turned into errors of ours."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from corrie.errors import RunError, StorageError
from corrie.records.plain_file import refuse_link, refuse_odd
from corrie.records.store import FORMAT, RunIdentity

DATABASE = "run.db"
APPLICATION_ID = 0x436F7272
"""``Corr``: tells a run from any other SQLite file."""

_NEW = "run.db.new"
LOCK_PATIENCE = 30.0
"""Seconds to wait for a reader or writer in the middle of a transaction."""

_SCHEMA = """
CREATE TABLE identity (identity TEXT NOT NULL);
CREATE TABLE task (position INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, identity TEXT NOT NULL);
CREATE TABLE card (
    task TEXT NOT NULL, position INTEGER NOT NULL, card TEXT NOT NULL, PRIMARY KEY (task, position)
) WITHOUT ROWID;
CREATE TABLE point (id TEXT PRIMARY KEY, point TEXT NOT NULL, realised TEXT NOT NULL);
CREATE TABLE spec (position INTEGER PRIMARY KEY, spec TEXT NOT NULL UNIQUE, provenance TEXT NOT NULL);
CREATE TABLE cell (
    point TEXT NOT NULL, task TEXT NOT NULL, block INTEGER NOT NULL, digest TEXT NOT NULL, payload BLOB NOT NULL,
    PRIMARY KEY (point, task, block)
);
"""

CLAIMS = """
CREATE TABLE IF NOT EXISTS claim (position INTEGER PRIMARY KEY, claim TEXT NOT NULL UNIQUE, provenance TEXT NOT NULL)
"""
"""Made with a run's first claim: a run without claims is the file it always was, and its format number with it."""


def create(folder: Path, identity: RunIdentity) -> None:
    """Make ``run.db`` beside its place and move it there whole: a kill leaves a valid run or none.

    Raises:
        StorageError: the disk refuses; nothing is left.
    """
    new = folder / _NEW
    with refusals(folder):
        new.unlink(missing_ok=True)
        (folder / f"{_NEW}-journal").unlink(missing_ok=True)
        try:
            with contextlib.closing(sqlite3.connect(new, isolation_level=None)) as database:
                database.execute("PRAGMA synchronous = EXTRA")
                database.execute(f"PRAGMA application_id = {APPLICATION_ID}")
                database.execute(f"PRAGMA user_version = {FORMAT}")
                database.executescript(f"BEGIN; {_SCHEMA} COMMIT;")
                database.execute("INSERT INTO identity VALUES (?)", (identity.canonical(),))
            os.replace(new, folder / DATABASE)
        except BaseException:
            new.unlink(missing_ok=True)
            raise
        _sync_folder(folder)


def _sync_folder(folder: Path) -> None:
    """Make a new name in a folder durable, where the system can."""
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def connect(folder: Path, mode: str) -> sqlite3.Connection:
    """A connection that never creates a file, checked to be on a run of ours.

    Args:
        folder: the run folder.
        mode: SQLite's ``ro`` or ``rw``.

    Raises:
        RunError: there is no run, or its file is foreign, damaged, or of another format.
        StorageError: the disk refuses, or what SQLite may write to is a link.
    """
    path = folder / DATABASE
    for beside in (*([""] if mode == "rw" else []), "-wal", "-shm", "-journal"):
        refuse_link(folder / f"{DATABASE}{beside}", f"run folder {folder}")
    if not path.is_file():
        found = f"it holds no {DATABASE}" if folder.is_dir() else "there is no such folder"
        raise RunError(f"run folder {folder}", found=found, advice=f"corrie scan MODEL --to {folder}")
    for beside in ("-journal", "-wal", "-shm"):  # SQLite opens these by itself
        refuse_odd(path.with_name(DATABASE + beside), f"run folder {folder}")
    with refusals(folder):
        uri = path.absolute().as_uri()
        database = sqlite3.connect(f"{uri}?mode={mode}", uri=True, timeout=LOCK_PATIENCE, isolation_level=None)
        try:
            try:
                (mark,) = database.execute("PRAGMA application_id").fetchone()
            except sqlite3.OperationalError as error:
                database.close()
                database = _otherwise(path, error)
                (mark,) = database.execute("PRAGMA application_id").fetchone()
            (version,) = database.execute("PRAGMA user_version").fetchone()
        except BaseException:
            database.close()
            raise
    if mark != APPLICATION_ID:
        database.close()
        raise RunError(f"run folder {folder}", found=f"its {DATABASE} is not corrie's", advice="another folder")
    if version != FORMAT:
        database.close()
        age = "a newer" if version > FORMAT else "an older"
        raise RunError(
            f"run folder {folder}",
            found=f"it was written by {age} corrie (format {version}; this one reads {FORMAT})",
            advice="pip install --upgrade corrie" if version > FORMAT else "the corrie that wrote it, or a new folder",
        )
    return database


def place_of(folder: Path) -> tuple[int, int] | None:
    """Which file lies at the place of ``run.db`` just now: its device and number, or None where there is none."""
    try:
        found = os.lstat(folder / DATABASE)
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _otherwise(path: Path, error: sqlite3.OperationalError) -> sqlite3.Connection:
    """Read a run whose writer was killed, where plain reading needs to write.

    A rollback journal that waits to be undone: undo it, if the folder may be written. A write-ahead log without
    its index in a folder that may not be written: read the last checkpoint alone, if the log is empty.
    """
    uri = path.absolute().as_uri()
    log = path.with_name(f"{path.name}-wal")
    if os.access(path, os.W_OK) and os.access(path.parent, os.W_OK):
        return sqlite3.connect(f"{uri}?mode=rw", uri=True, timeout=LOCK_PATIENCE, isolation_level=None)
    if not log.exists() or log.stat().st_size == 0:
        return sqlite3.connect(f"{uri}?immutable=1", uri=True, isolation_level=None)
    raise RunError(
        f"run folder {path.parent}",
        found=f"its writer was killed, and reading what it left needs to write there ({error})",
        advice="a copy of the whole folder in a place that you may write to",
    )


def read_identity(folder: Path, database: sqlite3.Connection) -> RunIdentity:
    """What the run is of. The connection is closed when it cannot be told (RunError)."""
    with refusals(folder):
        try:
            ((text,),) = database.execute("SELECT identity FROM identity").fetchall()
            return RunIdentity.parse(text)
        except (ValueError, TypeError, RunError) as error:
            database.close()
            raise corrupt(folder, str(error).splitlines()[0]) from None
        except BaseException:
            database.close()
            raise


def corrupt(folder: Path, detail: str) -> RunError:
    """The error for a file that is no sound database."""
    return RunError(
        f"run folder {folder}",
        found=f"its {DATABASE} is damaged or no database ({detail})",
        advice="restore it from a backup, or scan into a new folder",
    )


@contextlib.contextmanager
def refusals(folder: Path) -> Iterator[None]:
    """Turn what SQLite and the system say into errors of ours."""
    try:
        yield
    except sqlite3.ProgrammingError:
        raise  # a defect of the caller: closed, or used from another thread
    except sqlite3.DatabaseError as error:
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            raise RunError(
                f"run folder {folder}", found="another process keeps it busy", advice="again in a minute"
            ) from error
        if code in (
            sqlite3.SQLITE_FULL,
            sqlite3.SQLITE_IOERR,
            sqlite3.SQLITE_READONLY,
            sqlite3.SQLITE_CANTOPEN,
            sqlite3.SQLITE_PERM,
        ):
            raise StorageError(
                f"run folder {folder}",
                found=f"{error}",
                advice="make room or permission there, then the same command again: what is acknowledged is safe",
            ) from error
        raise corrupt(folder, str(error)) from error
    except OSError as error:
        raise StorageError(
            f"run folder {folder}", found=error.strerror or str(error), advice="a folder with room and permission"
        ) from error
