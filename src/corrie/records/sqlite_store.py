"""A run kept in a folder: one SQLite file, ``run.db``.

Why SQLite, and which promises rest on what: ``design/store.md``.
"""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from corrie.errors import RunError, StorageError
from corrie.records.canonical import canonical_json
from corrie.records.cell import Cell, CellKey, payload_digest
from corrie.records.file_system import is_network
from corrie.records.point import Point
from corrie.records.run_lock import RunLock
from corrie.records.scan_spec import ScanSpec
from corrie.records.store import FORMAT, Realised, RunIdentity
from corrie.records.store_law import (
    refuse_other_cards,
    refuse_other_identity,
    refuse_other_outcomes,
    refuse_other_task,
    unknown_task,
    unwritable_outcome,
)
from corrie.records.task import ExampleCard, TaskIdentity

DATABASE = "run.db"
APPLICATION_ID = 0x436F7272
"""``Corr``: tells a run from any other SQLite file."""

_NEW = "run.db.new"
_PATIENCE = 30.0
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


class SqliteStore:
    """The store's law on disk (:mod:`corrie.records.store`).

    While it is written the folder also holds SQLite's own journal and ``run.lock``; a run at rest is ``run.db``
    alone, which may be copied, mailed, or read from a disk that cannot be written.

    >>> import tempfile
    >>> from corrie.records.model import ModelIdentity, SelectionSpec
    >>> model = ModelIdentity(name="toy", architecture="Toy", fingerprint="f0", dtype="float32",
    ...                       parameters=4, selection=SelectionSpec(), dimension=4, norm=2.0)
    >>> folder = Path(tempfile.mkdtemp()) / "run"
    >>> with SqliteStore.create_or_open(folder, RunIdentity(model=model, block=10, laws=("philox-1",))) as store:
    ...     store.keys()
    set()
    >>> [file.name for file in folder.iterdir()]
    ['run.db']
    >>> with SqliteStore.open(folder) as store:
    ...     print(store.identity.model.name)
    toy
    """

    def __init__(self, folder: Path, database: sqlite3.Connection, lock: RunLock | None) -> None:
        """Use :meth:`create_or_open` or :meth:`open`."""
        self._folder = folder
        self._database = database
        self._lock = lock
        self._identity = _read_identity(folder, database)

    @classmethod
    def create_or_open(cls, folder: Path | str, identity: RunIdentity) -> SqliteStore:
        """The run in this folder, to be written: made if there is none, refused if it is another's.

        Raises:
            RunError: the folder holds something else, another scan's run, or is being written by another process.
            StorageError: the disk refuses.
        """
        folder = Path(folder)
        with _refusals(folder):
            made = not folder.exists()
            if not made and not folder.is_dir():
                raise RunError(f"run folder {folder}", found="a file", advice="a folder, new or of an earlier scan")
            folder.mkdir(parents=True, exist_ok=True)
        lock = RunLock(folder)
        try:
            if not (folder / DATABASE).exists():
                _create(folder, identity)
            store = cls(folder, _connect(folder, "rw"), lock)
        except BaseException:
            lock.release()
            if made:
                with contextlib.suppress(OSError):
                    folder.rmdir()
            raise
        try:
            refuse_other_identity(str(folder), store.identity, identity)
            store._prepare_to_write()
        except BaseException:
            store.close()
            raise
        return store

    @classmethod
    def open(cls, folder: Path | str) -> SqliteStore:
        """The run in this folder, to be read: no lock is taken and nothing is written.

        Raises:
            RunError: there is no run here, or it cannot be read.
        """
        folder = Path(folder)
        return cls(folder, _connect(folder, "ro"), None)

    def __enter__(self) -> SqliteStore:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def folder(self) -> Path:
        """Where the run lies."""
        return self._folder

    @property
    def identity(self) -> RunIdentity:
        """What this run is of."""
        return self._identity

    # ── writing ──

    def register_task(self, task: TaskIdentity, cards: Sequence[ExampleCard]) -> None:
        """Make a task and its first examples known.

        Raises:
            RunError: a task of this name has other content.
            StorageError: the disk refuses.
        """
        for kept in self.tasks():
            if kept.name == task.name:
                refuse_other_task(str(self._folder), kept, task)
        known = self.cards(task.id)
        refuse_other_cards(str(self._folder), task.name, known, cards)
        new = [(task.id, i, card.canonical()) for i, card in enumerate(cards) if i >= len(known)]
        with self._writing() as database:
            database.execute("INSERT OR IGNORE INTO task (id, identity) VALUES (?, ?)", (task.id, task.canonical()))
            database.executemany("INSERT INTO card VALUES (?, ?, ?)", new)

    def record_point(self, point: Point, realised: Realised) -> None:
        """Keep what a point is and what was realised of it (the first time it is said)."""
        with self._writing() as database:
            row = (point.id, point.canonical(), realised.canonical())
            database.execute("INSERT OR IGNORE INTO point VALUES (?, ?, ?)", row)

    def record_spec(self, spec: ScanSpec, provenance: dict[str, str]) -> None:
        """Keep what was asked, once for each distinct spec."""
        with self._writing() as database:
            row = (spec.canonical(), canonical_json(provenance))
            database.execute("INSERT OR IGNORE INTO spec (spec, provenance) VALUES (?, ?)", row)

    def put(self, cell: Cell) -> None:
        """Acknowledge a cell: when this returns it is on the disk.

        Raises:
            RunError: its task is not registered, a number in it is not finite, or other outcomes stand there.
            StorageError: the disk refuses; every cell acknowledged before is safe.
        """
        try:
            payload = cell.payload()
        except ValueError:
            raise unwritable_outcome(cell) from None
        with self._writing() as database:
            if not database.execute("SELECT 1 FROM task WHERE id = ?", (cell.task,)).fetchone():
                raise unknown_task(str(self._folder), cell.task)
            if database.execute("SELECT 1 FROM cell WHERE (point, task, block) = (?, ?, ?)", cell.key).fetchone():
                refuse_other_outcomes(str(self._folder), self.get(cell.key), cell)
                return
            database.execute("INSERT INTO cell VALUES (?, ?, ?, ?, ?)", (*cell.key, payload_digest(payload), payload))

    def close(self) -> None:
        """Leave the folder as ``run.db`` alone. Harmless when done twice."""
        if self._lock is not None:
            with contextlib.suppress(sqlite3.Error), self._impatient():  # a reader is still there: the journal stays
                self._database.execute("PRAGMA journal_mode = DELETE")
        self._database.close()
        if self._lock is not None:
            self._lock.release()

    # ── reading ──

    def tasks(self) -> tuple[TaskIdentity, ...]:
        """Every registered task, in the order of registration."""
        return tuple(TaskIdentity.parse(text) for (text,) in self._rows("SELECT identity FROM task ORDER BY position"))

    def cards(self, task: str) -> tuple[ExampleCard, ...]:
        """Cards of the task with this id, in the task's fixed order. None for a task that is not there."""
        rows = self._rows("SELECT card FROM card WHERE task = ? ORDER BY position", task)
        return tuple(ExampleCard.parse(text) for (text,) in rows)

    def points(self) -> dict[str, tuple[Point, Realised]]:
        """Every recorded point by id."""
        rows = self._rows("SELECT id, point, realised FROM point ORDER BY rowid")
        return {id: (Point.parse(point), Realised.parse(realised)) for id, point, realised in rows}

    def specs(self) -> tuple[tuple[ScanSpec, dict[str, str]], ...]:
        """Everything that was asked so far, oldest first."""
        rows = self._rows("SELECT spec, provenance FROM spec ORDER BY position")
        return tuple((ScanSpec.parse(spec), json.loads(provenance)) for spec, provenance in rows)

    def keys(self) -> set[CellKey]:
        """Keys of every acknowledged cell."""
        return {CellKey(*row) for row in self._rows("SELECT point, task, block FROM cell")}

    def get(self, key: CellKey) -> Cell:
        """One cell, its digest checked.

        Raises:
            KeyError: there is none.
            RunError: its bytes are not those that were written.
        """
        rows = self._rows("SELECT payload, digest FROM cell WHERE (point, task, block) = (?, ?, ?)", *key)
        for payload, digest in rows:
            return Cell.from_payload(key, payload, digest)
        raise KeyError(key)

    def cells(self, keys: Iterable[CellKey] | None = None) -> Iterator[Cell]:
        """All cells in the order in which they came, or those asked for in the order of asking."""
        if keys is not None:
            yield from (self.get(key) for key in keys)
            return
        query = "SELECT point, task, block, payload, digest FROM cell ORDER BY rowid"
        for point, task, block, payload, digest in self._rows(query):
            yield Cell.from_payload(CellKey(point, task, block), payload, digest)

    # ── below ──

    def _rows(self, query: str, *values: object) -> Iterator[tuple]:
        with _refusals(self._folder):
            yield from self._database.execute(query, values)

    @contextlib.contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        """One transaction: durable when the body is left, nothing of it when it raises."""
        if self._lock is None:
            raise RunError(f"writing to run folder {self._folder}", found="it was opened for reading")
        with _refusals(self._folder):
            self._database.execute("BEGIN IMMEDIATE")
            try:
                yield self._database
                self._database.execute("COMMIT")
            except BaseException:
                if self._database.in_transaction:  # a full disk may have rolled it back already
                    self._database.execute("ROLLBACK")
                raise

    def _prepare_to_write(self) -> None:
        """Check the file once, then choose the journal."""
        with _refusals(self._folder):
            (verdict,) = self._database.execute("PRAGMA quick_check(1)").fetchone()
            if verdict != "ok":
                raise _corrupt(self._folder, verdict)
            self._database.execute("PRAGMA synchronous = EXTRA")  # FULL, and the folder's entry of a rollback journal
            journal = "DELETE" if is_network(self._folder) else "WAL"
            with (
                self._impatient(),
                contextlib.suppress(sqlite3.OperationalError),
            ):  # a reader is there: leave it as it is
                self._database.execute(f"PRAGMA journal_mode = {journal}")

    @contextlib.contextmanager
    def _impatient(self) -> Iterator[None]:
        """Do not wait for readers: the other kind of journal is as safe, only less convenient."""
        self._database.execute("PRAGMA busy_timeout = 200")
        try:
            yield
        finally:
            self._database.execute(f"PRAGMA busy_timeout = {_PATIENCE * 1000:.0f}")


def _create(folder: Path, identity: RunIdentity) -> None:
    """Make ``run.db`` beside its place and move it there whole: a kill leaves a valid run or none."""
    new = folder / _NEW
    with _refusals(folder):
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


def _connect(folder: Path, mode: str) -> sqlite3.Connection:
    """A connection that never creates a file, checked to be on a run of ours."""
    path = folder / DATABASE
    if not path.is_file():
        found = f"it holds no {DATABASE}" if folder.is_dir() else "there is no such folder"
        raise RunError(f"run folder {folder}", found=found, advice=f"corrie scan MODEL --to {folder}")
    with _refusals(folder):
        uri = path.absolute().as_uri()
        database = sqlite3.connect(f"{uri}?mode={mode}", uri=True, timeout=_PATIENCE, isolation_level=None)
        try:
            try:
                (mark,) = database.execute("PRAGMA application_id").fetchone()
            except sqlite3.OperationalError as error:
                database.close()
                database = _connect_otherwise(path, error)
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


def _connect_otherwise(path: Path, error: sqlite3.OperationalError) -> sqlite3.Connection:
    """Read a run whose writer was killed, where plain reading needs to write.

    A rollback journal that waits to be undone: undo it, if the folder may be written. A write-ahead log without
    its index in a folder that may not be written: read the last checkpoint alone, if the log is empty.
    """
    uri = path.absolute().as_uri()
    log = path.with_name(f"{path.name}-wal")
    if os.access(path, os.W_OK) and os.access(path.parent, os.W_OK):
        return sqlite3.connect(f"{uri}?mode=rw", uri=True, timeout=_PATIENCE, isolation_level=None)
    if not log.exists() or log.stat().st_size == 0:
        return sqlite3.connect(f"{uri}?immutable=1", uri=True, isolation_level=None)
    raise RunError(
        f"run folder {path.parent}",
        found=f"its writer was killed, and reading what it left needs to write there ({error})",
        advice="a copy of the whole folder in a place that you may write to",
    )


def _read_identity(folder: Path, database: sqlite3.Connection) -> RunIdentity:
    with _refusals(folder):
        try:
            ((text,),) = database.execute("SELECT identity FROM identity").fetchall()
            return RunIdentity.parse(text)
        except (ValueError, TypeError) as error:
            database.close()
            raise _corrupt(folder, str(error).splitlines()[0]) from None
        except BaseException:
            database.close()
            raise


def _corrupt(folder: Path, detail: str) -> RunError:
    return RunError(
        f"run folder {folder}",
        found=f"its {DATABASE} is damaged or no database ({detail})",
        advice="restore it from a backup, or scan into a new folder",
    )


@contextlib.contextmanager
def _refusals(folder: Path) -> Iterator[None]:
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
        raise _corrupt(folder, str(error)) from error
    except OSError as error:
        raise StorageError(
            f"run folder {folder}", found=error.strerror or str(error), advice="a folder with room and permission"
        ) from error
