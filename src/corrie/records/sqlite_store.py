"""A run kept in a folder: one SQLite file, ``run.db``.

Why SQLite, and which promises rest on what: ``design/store.md``.
"""

from __future__ import annotations

import contextlib
import json
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TypeVar

from corrie.errors import RunError, StorageError
from corrie.records.canonical import canonical_json
from corrie.records.cell import Cell, CellKey, payload_digest
from corrie.records.file_system import is_network
from corrie.records.point import Point
from corrie.records.run_database import (
    CLAIMS,
    DATABASE,
    LOCK_PATIENCE,
    connect,
    corrupt,
    create,
    place_of,
    read_identity,
    refusals,
)
from corrie.records.run_lock import RunLock
from corrie.records.scan_spec import ScanSpec
from corrie.records.store import ClaimSpec, Realised, RunIdentity, parse_claim
from corrie.records.store_law import (
    completed,
    refuse_other_cards,
    refuse_other_design,
    refuse_other_identity,
    refuse_other_outcomes,
    refuse_other_task,
    refuse_seen_directions,
    unknown_task,
    unwritable_outcome,
)
from corrie.records.task import ExampleCard, TaskIdentity

_Kept = TypeVar("_Kept")


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
        self._place = place_of(folder)
        self._identity = read_identity(folder, database)
        self._examples: dict[str, tuple[str, ...]] = {}

    @classmethod
    def create_or_open(cls, folder: Path | str, identity: RunIdentity) -> SqliteStore:
        """The run in this folder, to be written: made if there is none, refused if it is another's.

        Raises:
            RunError: the folder holds something else, another scan's run, or is being written by another process.
            StorageError: the disk refuses.
        """
        folder = Path(folder)
        with refusals(folder):
            made = not folder.exists()
            if not made and not folder.is_dir():
                raise RunError(f"run folder {folder}", found="a file", advice="a folder, new or of an earlier scan")
            folder.mkdir(parents=True, exist_ok=True)
        lock = RunLock(folder)
        try:
            if not (folder / DATABASE).exists():
                create(folder, identity)
            store = cls(folder, connect(folder, "rw"), lock)
        except BaseException:
            lock.release()
            if made:
                with contextlib.suppress(OSError):
                    folder.rmdir()
            raise
        try:
            refuse_other_identity(str(folder), store.identity, identity)
            store._prepare_to_write()
            store._complete(identity)
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
        return cls(folder, connect(folder, "ro"), None)

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

    def _complete(self, asked: RunIdentity) -> None:
        """Let an old run belong to the function that it goes on with: from now on it mixes no two."""
        whole = completed(self._identity, asked)
        if whole is not None:
            with self._writing() as database:
                database.execute("UPDATE identity SET identity = ?", (whole.canonical(),))
            self._identity = whole

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
        self._examples.pop(task.id, None)

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

    def record_claim(self, claim: ClaimSpec, provenance: dict[str, str]) -> None:
        """Fix a claim's design before its first draw: when this returns it is on the disk.

        Raises:
            RunError: another design is fixed for the same question, or its directions are not fresh.
            StorageError: the disk refuses.
        """
        kept = [known for known, _ in self.claims()]
        if claim in kept:
            return
        refuse_other_design(str(self._folder), kept, claim)
        refuse_seen_directions(str(self._folder), (point for point, _ in self.points().values()), claim)
        with self._writing() as database:
            database.execute(CLAIMS)
            row = (claim.canonical(), canonical_json(provenance))
            database.execute("INSERT INTO claim (claim, provenance) VALUES (?, ?)", row)

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
        if self._lock is not None and place_of(self._folder) == self._place:
            with contextlib.suppress(sqlite3.Error), self._impatient():  # a reader is still there: the journal stays
                self._database.execute("PRAGMA journal_mode = DELETE")
        self._database.close()
        if self._lock is not None:
            self._lock.release()

    @contextlib.contextmanager
    def at_once(self) -> Iterator[None]:
        """What is put in the body is acknowledged together when it is left: all of it, or nothing where it raises."""
        with self._writing():
            yield

    # ── reading ──

    def tasks(self) -> tuple[TaskIdentity, ...]:
        """Every registered task, in the order of registration."""
        rows = self._rows("SELECT id, identity FROM task ORDER BY position")
        found = tuple((id, self._parsed(TaskIdentity.parse, text)) for id, text in rows)
        for id, task in found:
            if task.id != id:
                raise corrupt(self._folder, f"task {task.name[:80]!r} lies under the id {str(id)[:80]!r} of another")
        return tuple(task for _, task in found)

    def cards(self, task: str) -> tuple[ExampleCard, ...]:
        """Cards of the task with this id, in the task's fixed order. None for a task that is not there."""
        rows = self._rows("SELECT card FROM card WHERE task = ? ORDER BY position", task)
        return tuple(self._parsed(ExampleCard.parse, text) for (text,) in rows)

    def points(self) -> dict[str, tuple[Point, Realised]]:
        """Every recorded point by id."""
        rows = self._rows("SELECT id, point, realised FROM point ORDER BY rowid")
        found: dict[str, tuple[Point, Realised]] = {}
        for id, text, realised in rows:
            point = self._parsed(Point.parse, text)
            if point.id != id:
                raise corrupt(self._folder, f"point {point} lies under the id {str(id)[:80]!r} of another")
            found[id] = point, self._parsed(Realised.parse, realised)
        return found

    def specs(self) -> tuple[tuple[ScanSpec, dict[str, str]], ...]:
        """Everything that was asked so far, oldest first."""
        rows = self._rows("SELECT spec, provenance FROM spec ORDER BY position")
        return tuple((self._parsed(ScanSpec.parse, spec), self._parsed(_plain, why)) for spec, why in rows)

    def claims(self) -> tuple[tuple[ClaimSpec, dict[str, str]], ...]:
        """Every claim that was asked so far, oldest first."""
        if not self._rows("SELECT 1 FROM sqlite_master WHERE (type, name) = ('table', 'claim')"):
            return ()  # none was ever asked
        rows = self._rows("SELECT claim, provenance FROM claim ORDER BY position")
        return tuple((self._parsed(parse_claim, claim), self._parsed(_plain, why)) for claim, why in rows)

    def keys(self) -> set[CellKey]:
        """Keys of every acknowledged cell."""
        return {self._key(*row) for row in self._rows("SELECT point, task, block FROM cell")}

    def get(self, key: CellKey) -> Cell:
        """One cell, its digest checked.

        Raises:
            KeyError: there is none.
            RunError: its bytes are not those that were written, or are not of its examples.
        """
        rows = self._rows("SELECT payload, digest FROM cell WHERE (point, task, block) = (?, ?, ?)", *key)
        for payload, digest in rows:
            try:
                cell = Cell.from_payload(key, payload, digest)
            except RunError as problem:
                asked = f"{problem.asked} in run folder {self._folder}"
                raise RunError(asked, found=problem.found, advice=problem.advice) from None
            self._check_rows(cell)
            return cell
        raise KeyError(key)

    def cells(self, keys: Iterable[CellKey] | None = None) -> Iterator[Cell]:
        """All cells in the order in which they came, or those asked for in the order of asking."""
        if keys is not None:
            yield from (self.get(key) for key in keys)
            return
        for key in self._rows("SELECT point, task, block FROM cell ORDER BY rowid"):
            try:
                yield self.get(self._key(*key))
            except KeyError:
                raise corrupt(self._folder, "its index and its table disagree") from None

    # ── below ──

    def _parsed(self, parse: Callable[[str], _Kept], text: object) -> _Kept:
        """A record as its column has it.

        Raises:
            RunError: it is no record; the message names the folder.
        """
        if not isinstance(text, str):
            raise corrupt(self._folder, f"a record is {type(text).__name__} and no text")
        try:
            return parse(text)
        except RunError as problem:
            raise corrupt(self._folder, f"{problem.asked}: {problem.found}"[:400]) from None

    def _key(self, point: object, task: object, block: object) -> CellKey:
        """Where a cell stands, as its columns have it."""
        if not (isinstance(point, str) and isinstance(task, str) and isinstance(block, int) and block >= 0):
            raise corrupt(self._folder, f"a cell stands at {point!r}, {task!r}, {block!r}"[:200])
        return CellKey(point, task, block)

    def _check_rows(self, cell: Cell) -> None:
        """A cell holds an outcome for each example of its block, in their order: what lies beside would be taken for
        its neighbour's."""
        size = self._identity.block
        cards = self._examples.get(cell.task)
        if cards is None:
            cards = self._examples[cell.task] = tuple(card.id for card in self.cards(cell.task))
        wanted = cards[cell.block * size : (cell.block + 1) * size]
        if wanted != tuple(o.id for o in cell.outcomes[: len(wanted)]):
            raise corrupt(self._folder, f"cell {cell.task} block {cell.block} holds outcomes of other examples")

    def _rows(self, query: str, *values: object) -> list[tuple]:
        if self._lock is not None:
            self._still_there()
        with refusals(self._folder):
            return self._database.execute(query, values).fetchall()

    @contextlib.contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        """One transaction: durable when the body is left, nothing of it when it raises."""
        if self._database.in_transaction:  # inside of :meth:`at_once`
            with refusals(self._folder):
                yield self._database
            return
        if self._lock is None:
            raise RunError(f"writing to run folder {self._folder}", found="it was opened for reading")
        self._still_there()
        with refusals(self._folder):
            self._database.execute("BEGIN IMMEDIATE")
            try:
                yield self._database
                self._database.execute("COMMIT")
            except BaseException:
                if self._database.in_transaction:  # a full disk may have rolled it back already
                    self._database.execute("ROLLBACK")
                raise

    def _still_there(self) -> None:
        """Refuse to write into a file that nobody will find: removed, moved away or replaced since it was opened."""
        now = place_of(self._folder)
        if now is not None and (now == self._place or is_network(self._folder)):  # there, numbers may change
            return
        gone = "is gone" if now is None else "is another file now"
        raise StorageError(
            f"writing to run folder {self._folder}",
            found=f"its {DATABASE} {gone}: the folder was removed, moved or replaced while it was written",
            advice="the same command again; what was kept in the old folder is where that folder is",
        )

    def _prepare_to_write(self) -> None:
        """Check the file once, then choose the journal."""
        with refusals(self._folder):
            (verdict,) = self._database.execute("PRAGMA quick_check(1)").fetchone()
            if verdict != "ok":
                raise corrupt(self._folder, verdict)
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
            self._database.execute(f"PRAGMA busy_timeout = {LOCK_PATIENCE * 1000:.0f}")


def _plain(text: str) -> dict[str, str]:
    """Provenance as it was written."""
    try:
        said = json.loads(text)
    except (ValueError, TypeError, RecursionError):
        said = None
    if not (isinstance(said, dict) and all(isinstance(value, str) for value in said.values())):
        raise RunError("the provenance of a run", found="it is no JSON of texts: the run is damaged")
    return said
