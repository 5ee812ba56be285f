from __future__ import annotations

import contextlib
import os
import random
import shutil
import signal
import sqlite3
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.forks import program, run_program

import corrie.records.sqlite_store as module
from corrie.errors import RunError, StorageError
from corrie.records.cell import CellKey
from corrie.records.point import Point
from corrie.records.run_database import APPLICATION_ID
from corrie.records.sqlite_store import SqliteStore
from corrie.testing.check_store import CARDS, IDENTITY, MOVED, TASK, a_cell, a_claim, check_store


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A run at rest with two cells."""
    folder = tmp_path / "run"
    with SqliteStore.create_or_open(folder, IDENTITY) as store:
        store.register_task(TASK, CARDS)
        store.put(a_cell())
        store.put(a_cell(block=1))
    return folder


def names(folder: Path) -> list[str]:
    return sorted(file.name for file in folder.iterdir())


@pytest.mark.parametrize("network", [False, True])
def test_it_obeys_the_law(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, network: bool) -> None:
    monkeypatch.setattr(module, "is_network", lambda _: network)
    folders = (tmp_path / str(i) for i in range(100))
    last = []

    def create(identity):
        last.append(next(folders))
        return SqliteStore.create_or_open(last[-1], identity)

    assert len(check_store(create, lambda identity: SqliteStore.create_or_open(last[-1], identity))) > 20
    assert names(last[-1]) == ["run.db"]


def test_the_journal_is_chosen_by_the_file_system(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def journal() -> tuple[str, int]:
        with SqliteStore.create_or_open(run, IDENTITY) as store:
            (mode,) = store._database.execute("PRAGMA journal_mode").fetchone()
            (synchronous,) = store._database.execute("PRAGMA synchronous").fetchone()
            return mode, synchronous

    assert journal() == ("wal", 3)
    monkeypatch.setattr(module, "is_network", lambda _: True)
    assert journal() == ("delete", 3)


def test_a_run_without_claims_has_no_place_for_them_until_the_first(run: Path) -> None:
    def tables() -> set[str]:
        with contextlib.closing(sqlite3.connect(run / "run.db")) as database:
            return {name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}

    with SqliteStore.open(run) as reader:
        assert reader.claims() == ()
        with pytest.raises(RunError, match="opened for reading"):
            reader.record_claim(a_claim(), {})
    assert "claim" not in tables()
    with SqliteStore.create_or_open(run, IDENTITY) as store:
        store.record_claim(a_claim(), {"date": "Monday"})
    assert "claim" in tables()
    with SqliteStore.open(run) as reader:
        assert reader.claims() == ((a_claim(), {"date": "Monday"}),)


def test_a_reader_sees_what_is_acknowledged_while_it_is_written(run: Path) -> None:
    with SqliteStore.create_or_open(run, IDENTITY) as writer, SqliteStore.open(run) as reader:
        assert len(reader.keys()) == 2
        writer.put(a_cell(Point.origin()))
        assert reader.keys() == writer.keys() == {c.key for c in (a_cell(), a_cell(block=1), a_cell(Point.origin()))}
        with pytest.raises(RunError, match="opened for reading"):
            reader.put(a_cell(Point.origin(), block=1))
        assert list(reader.cells()) == list(writer.cells())
    with SqliteStore.create_or_open(run, IDENTITY):
        pass
    assert names(run) == ["run.db"]


def test_one_writer_at_a_time(run: Path) -> None:
    first = SqliteStore.create_or_open(run, IDENTITY)
    with pytest.raises(RunError, match=f"process {os.getpid()} is writing to it"):
        SqliteStore.create_or_open(run, IDENTITY)
    first.close()
    SqliteStore.create_or_open(run, IDENTITY).close()


def test_a_run_at_rest_can_be_copied_as_one_file(run: Path, tmp_path: Path) -> None:
    (tmp_path / "copy").mkdir()
    shutil.copy(run / "run.db", tmp_path / "copy")
    with SqliteStore.open(tmp_path / "copy") as copy, SqliteStore.open(run) as original:
        assert list(copy.cells()) == list(original.cells())


def test_names_that_are_no_url(tmp_path: Path) -> None:
    folder = tmp_path / "a b#c?d%20é"
    with SqliteStore.create_or_open(folder, IDENTITY) as store:
        store.register_task(TASK, CARDS)
    with SqliteStore.open(folder) as store:
        assert store.tasks() == (TASK,)


# ── refusals ──


def test_nothing_there(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="there is no such folder"):
        SqliteStore.open(tmp_path / "none")
    with pytest.raises(RunError, match=r"it holds no run\.db"):
        SqliteStore.open(tmp_path)
    assert names(tmp_path) == []


def test_a_file_where_the_folder_should_be(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(RunError, match="a file"):
        SqliteStore.create_or_open(tmp_path / "file", IDENTITY)
    with pytest.raises(StorageError, match="Not a directory"):
        SqliteStore.create_or_open(tmp_path / "file" / "run", IDENTITY)


def foreign(path: Path) -> None:
    with contextlib.closing(sqlite3.connect(path)) as database:
        database.executescript("CREATE TABLE mail (text TEXT); INSERT INTO mail VALUES ('dear');")


def newer(path: Path) -> None:
    with contextlib.closing(sqlite3.connect(path)) as database:
        database.executescript(f"PRAGMA application_id={APPLICATION_ID}; PRAGMA user_version=2;")


def no_identity(path: Path) -> None:
    with contextlib.closing(sqlite3.connect(path)) as database:
        database.executescript(
            f"PRAGMA application_id={APPLICATION_ID}; PRAGMA user_version=1; CREATE TABLE identity (identity);"
        )


def broken_identity(path: Path) -> None:
    no_identity(path)
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as database:
        database.execute("INSERT INTO identity VALUES ('{}')")


@pytest.mark.parametrize(
    ("write", "words"),
    [
        (lambda path: path.write_bytes(b""), "not corrie's"),
        (lambda path: path.write_bytes(b"PK\3\4" * 500), "damaged or no database"),
        (lambda path: path.write_bytes(b"SQLite format 3\0" + b"\0" * 600), "damaged or no database|not corrie's"),
        (foreign, "not corrie's"),
        (newer, r"a newer corrie \(format 2; this one reads 1\)"),
        (no_identity, "damaged or no database"),
        (broken_identity, "damaged or no database"),
        (lambda path: path.mkdir(), "no run.db|no database"),
    ],
    ids=["empty", "zip", "header", "foreign", "newer", "no-identity", "broken-identity", "folder"],
)
def test_a_foreign_or_broken_file_is_refused_and_left_as_it_was(tmp_path: Path, write, words: str) -> None:
    path = tmp_path / "run.db"
    write(path)
    before = path.read_bytes() if path.is_file() else b""
    for act in (SqliteStore.open, lambda folder: SqliteStore.create_or_open(folder, IDENTITY)):
        with pytest.raises(RunError, match=words):
            act(tmp_path)
    assert names(tmp_path) == ["run.db"]
    assert (path.read_bytes() if path.is_file() else b"") == before


def test_a_truncated_run_is_refused_to_writers_and_readers(run: Path) -> None:
    whole = (run / "run.db").read_bytes()
    (run / "run.db").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(RunError, match="damaged"):
        SqliteStore.create_or_open(run, IDENTITY)
    with pytest.raises(RunError, match="damaged"), SqliteStore.open(run) as store:
        list(store.cells())


def test_a_payload_that_was_changed_is_refused(run: Path) -> None:
    with contextlib.closing(sqlite3.connect(run / "run.db", isolation_level=None)) as database:
        (payload,) = database.execute("SELECT payload FROM cell WHERE block = 0").fetchone()
        changed = bytearray(payload)
        changed[len(changed) // 2] ^= 1
        database.execute("UPDATE cell SET payload = ? WHERE block = 0", (bytes(changed),))
    with SqliteStore.open(run) as store:
        assert store.get(a_cell(block=1).key) == a_cell(block=1)
        with pytest.raises(RunError, match="digest differs"):
            store.get(a_cell().key)


def test_another_scans_run_is_refused_and_left_as_it_was(run: Path) -> None:
    before = (run / "run.db").read_bytes()
    other = IDENTITY.model_copy(update={"model": IDENTITY.model.model_copy(update={"dtype": "bfloat16"}), "block": 3})
    with pytest.raises(RunError) as caught:
        SqliteStore.create_or_open(run, other)
    assert "precision is float32 there and bfloat16 here; the block size is 2 there and 3 here" in str(caught.value)
    assert names(run) == ["run.db"]
    assert (run / "run.db").read_bytes() == before


# ── the disk refuses ──


@pytest.mark.parametrize("network", [False, True])
def test_a_full_disk_loses_nothing_acknowledged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, network: bool) -> None:
    monkeypatch.setattr(module, "is_network", lambda _: network)
    folder, acknowledged = tmp_path / "run", set()

    def put_all(store: SqliteStore) -> None:
        for block in range(1000):
            store.put(a_cell(block=block, answer=random.Random(block).randbytes(300).hex()))
            acknowledged.add(CellKey(MOVED.id, TASK.id, block))

    with SqliteStore.create_or_open(folder, IDENTITY) as store:
        store.register_task(TASK, CARDS)
        (pages,) = store._database.execute("PRAGMA page_count").fetchone()
        store._database.execute(f"PRAGMA max_page_count = {pages + 4}")
        with pytest.raises(StorageError, match="full"):
            put_all(store)
        assert acknowledged
        assert store.keys() == acknowledged
    with SqliteStore.create_or_open(folder, IDENTITY) as store:
        assert store.keys() == acknowledged == {cell.key for cell in store.cells()}
        store.put(a_cell(block=999))


LIMITED = """
import resource, sys
from corrie.errors import StorageError
from corrie.records.sqlite_store import SqliteStore
from corrie.testing.check_store import CARDS, IDENTITY, TASK, a_cell
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), int(sys.argv[2])))
try:
    store = SqliteStore.create_or_open(sys.argv[1], IDENTITY)
    store.register_task(TASK, CARDS)
    for block in range(1000):
        store.put(a_cell(block=block))
        print(block, flush=True)
except StorageError as error:
    print("StorageError", error.found)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="no limits on file sizes there")
@pytest.mark.parametrize("limit", [100, 100_000])
def test_a_file_that_may_not_grow(tmp_path: Path, limit: int) -> None:
    done = run_program(LIMITED, tmp_path / "run", limit)
    assert done.returncode == 0, done.stderr
    *acknowledged, refusal = done.stdout.splitlines()
    assert refusal.startswith("StorageError")
    if limit == 100:  # not even an empty run fits: nothing half-written is left
        assert acknowledged == []
        assert not (tmp_path / "run").exists()
    else:
        with SqliteStore.create_or_open(tmp_path / "run", IDENTITY) as store:
            assert {cell.block for cell in store.cells()} == {int(block) for block in acknowledged} != set()


# ── a folder that may not be written ──


@pytest.fixture
def locked_up(run: Path) -> Iterator[Path]:
    """The run where everybody may read and nobody may write."""
    with tempfile.TemporaryDirectory() as place:
        os.chmod(place, 0o755)
        folder = Path(place) / "run"
        shutil.copytree(run, folder)
        yield folder
        for path in (folder, *folder.iterdir()):
            path.chmod(0o755)


READ = """
import os, sys
from corrie.errors import CorrieError
from corrie.records.sqlite_store import SqliteStore
from corrie.testing.check_store import IDENTITY
if os.getuid() == 0:
    os.setgid(65534)
    os.setuid(65534)
try:
    with SqliteStore.open(sys.argv[1]) as store:
        print("cells", len(list(store.cells())))
except CorrieError as error:
    print(type(error).__name__, error)
try:
    SqliteStore.create_or_open(sys.argv[1], IDENTITY)
except CorrieError as error:
    print(type(error).__name__, error.found)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="permissions differ there")
@pytest.mark.parametrize("journal", ["DELETE", "WAL"])
def test_reading_where_nobody_may_write(locked_up: Path, journal: str) -> None:
    with contextlib.closing(sqlite3.connect(locked_up / "run.db")) as database:
        database.execute(f"PRAGMA journal_mode = {journal}")
    for path in (*locked_up.iterdir(), locked_up):
        path.chmod(0o555)
    done = run_program(READ, locked_up)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == ["cells 2", "StorageError Permission denied"]


# ── kill -9 ──

WRITE = """
import sys
from corrie.records.cell import CellKey
from corrie.records.sqlite_store import SqliteStore
from corrie.testing.check_store import CARDS, IDENTITY, MOVED, TASK, a_cell
store = SqliteStore.create_or_open(sys.argv[1], IDENTITY)
store.register_task(TASK, CARDS)
there = store.keys()
for block in range(int(sys.argv[2])):
    if CellKey(MOVED.id, TASK.id, block) not in there:
        store.put(a_cell(block=block))
        print(block, flush=True)
store.close()
print("done", flush=True)
"""


def write_and_kill(folder: Path, cells: int, random: random.Random) -> tuple[list[int], bool]:
    """Run the writer and kill it after its first acknowledgement; what it acknowledged, and whether it ended."""
    with program(WRITE, folder, cells) as writer:
        assert writer.stdout is not None
        lines = [writer.stdout.readline() for _ in range(random.randrange(1, 40))]
        time.sleep(random.random() * 0.004)
        writer.send_signal(signal.SIGKILL)
        lines += writer.stdout.readlines()
    said = [line.strip() for line in lines if line.endswith("\n")]
    return [int(line) for line in said if line != "done"], "done" in said


def check_kills(folder: Path, kills: int, cells: int, seed: int) -> None:
    """Kill the writer again and again: every acknowledged cell is there, whole, and was written once."""
    random_ = random.Random(seed)
    acknowledged: list[int] = []
    for _ in range(kills):
        blocks, ended = write_and_kill(folder, cells, random_)
        acknowledged += blocks
        with SqliteStore.open(folder) as store:
            kept = [cell.block for cell in store.cells()]
        assert set(acknowledged) <= set(kept)
        assert len(set(kept)) == len(kept)
        if ended:
            break
    assert len(set(acknowledged)) == len(acknowledged)
    assert acknowledged
    with SqliteStore.create_or_open(folder, IDENTITY) as store:
        assert [store.get(CellKey(MOVED.id, TASK.id, block)) for block in kept] == [a_cell(block=b) for b in kept]


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGKILL there")
def test_a_killed_writer_loses_nothing_acknowledged(tmp_path: Path) -> None:
    check_kills(tmp_path / "run", kills=4, cells=100, seed=0)


DIE_IN_A_TRANSACTION = """
import os, signal, sys
import corrie.records.sqlite_store as module
from corrie.testing.check_store import IDENTITY, TASK, a_cell
module.is_network = lambda folder: sys.argv[2] == "DELETE"
store = module.SqliteStore.create_or_open(sys.argv[1], IDENTITY)
store.put(a_cell(block=7))
database = store._database
database.execute("PRAGMA cache_size = 1")  # so that half of the transaction reaches the file
database.execute("BEGIN IMMEDIATE")
database.execute("DELETE FROM card")
for block in range(100, 200):
    database.execute("INSERT INTO cell VALUES ('p', ?, ?, 'd', ?)", (TASK.id, block, b"x" * 5000))
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGKILL there")
@pytest.mark.parametrize("journal", ["WAL", "DELETE"])
@pytest.mark.parametrize("first", ["reader", "writer"])
def test_half_a_transaction_is_undone_by_whoever_comes_next(run: Path, journal: str, first: str) -> None:
    assert run_program(DIE_IN_A_TRANSACTION, run, journal).returncode == -signal.SIGKILL
    assert {"WAL": "run.db-wal", "DELETE": "run.db-journal"}[journal] in names(run)
    opened = SqliteStore.open(run) if first == "reader" else SqliteStore.create_or_open(run, IDENTITY)
    with opened as store:
        assert sorted(cell.block for cell in store.cells()) == [0, 1, 7]
        assert store.cards(TASK.id) == CARDS
    with SqliteStore.create_or_open(run, IDENTITY) as store:
        store.put(a_cell(block=8))
    assert names(run) == ["run.db"]


@pytest.mark.faults
@pytest.mark.parametrize("seed", range(5))
def test_a_writer_killed_many_times(tmp_path: Path, seed: int) -> None:
    check_kills(tmp_path / "run", kills=40, cells=1500, seed=seed)


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGKILL there")
@pytest.mark.parametrize("step", ["connect", "replace", "synced"])
def test_a_kill_during_creation_leaves_a_run_or_none(tmp_path: Path, step: str) -> None:
    """Die just before or after the steps of making a run: the next scan makes it, or finds it whole."""
    code = f"""
import os, signal, sqlite3, sys
import corrie.records.run_database as module
from corrie.records.sqlite_store import SqliteStore
from corrie.testing.check_store import IDENTITY
def die(*_, **__):
    os.kill(os.getpid(), signal.SIGKILL)
if {step!r} == "connect":
    real = sqlite3.connect
    def connect(*args, **options):
        database = real(*args, **options)
        database.execute("CREATE TABLE half (x)")
        die()
    module.sqlite3.connect = connect
elif {step!r} == "replace":
    module.os.replace = die
else:
    module._sync_folder = die
SqliteStore.create_or_open(sys.argv[1], IDENTITY)
"""
    folder = tmp_path / "run"
    assert run_program(code, folder).returncode == -signal.SIGKILL
    if step == "synced":
        SqliteStore.open(folder).close()
    else:
        assert "run.db.new" in names(folder)
        with pytest.raises(RunError, match=r"holds no run\.db"):
            SqliteStore.open(folder)
    with SqliteStore.create_or_open(folder, IDENTITY) as store:
        assert store.keys() == set()
    assert names(folder) == ["run.db"]


def test_an_old_run_belongs_to_the_function_it_goes_on_with(run: Path) -> None:
    one, other = (
        IDENTITY.model_copy(update={"model": IDENTITY.model.model_copy(update={"function": letter * 64})})
        for letter in "de"
    )
    SqliteStore.create_or_open(run, one).close()
    with SqliteStore.open(run) as store:
        assert store.identity == one
    with pytest.raises(RunError, match="the model's function"):
        SqliteStore.create_or_open(run, other)
    with SqliteStore.create_or_open(run, one) as store:
        assert len(list(store.cells())) == 2


@pytest.mark.parametrize("trouble", ["removed", "moved", "replaced"])
def test_a_folder_that_goes_is_noticed_at_the_next_write(trouble: str, run: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    with SqliteStore.create_or_open(run, IDENTITY) as store:
        if trouble == "removed":
            shutil.rmtree(run)
        else:
            run.rename(elsewhere)
        if trouble == "replaced":
            SqliteStore.create_or_open(run, IDENTITY).close()
        for write in (lambda: store.put(a_cell(block=1)), lambda: store.register_task(TASK, CARDS)):
            with pytest.raises(StorageError, match="is another file" if trouble == "replaced" else "is gone"):
                write()
        if trouble == "replaced":
            second = SqliteStore.create_or_open(run, IDENTITY)
    if trouble == "replaced":
        assert "run.lock" in names(run), "its lock is not ours to remove"
        assert not second.keys()
        second.close()
    if trouble == "moved":
        with SqliteStore.open(elsewhere) as kept:
            assert len(kept.keys()) == 2
