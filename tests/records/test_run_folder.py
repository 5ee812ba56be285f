"""A run folder tells what lies in it, whatever it is, and reads nothing."""

from pathlib import Path

import pytest

from corrie.errors import RunError
from corrie.records.run_folder import PLACES, RunFolder
from corrie.records.sqlite_store import SqliteStore
from corrie.testing.cliff_run import identity


def test_files_by_kind(tmp_path: Path) -> None:
    run = RunFolder(tmp_path)
    for kind in (*PLACES, "toy"):
        for key in ("b", "a"):
            file = run.place(kind, key)
            file.parent.mkdir(exist_ok=True)
            file.touch()
    assert run.kinds == tuple(sorted((*PLACES, "toy")))
    for kind in (*PLACES, "toy"):
        assert run.files(kind) == (run.place(kind, "a"), run.place(kind, "b"))
    assert RunFolder.open(tmp_path).has_store is False


def test_a_store_is_enough(tmp_path: Path) -> None:
    SqliteStore.create_or_open(tmp_path / "run", identity()).close()
    run = RunFolder.open(tmp_path / "run")
    assert (run.name, run.has_store, run.kinds) == ("run", True, ())
    with run.store() as store:
        assert store.identity == identity()


@pytest.mark.parametrize(("place", "found"), [("nowhere", "no such folder"), (".", "nothing of a run in it")])
def test_no_run(tmp_path: Path, place: str, found: str) -> None:
    with pytest.raises(RunError, match=found):
        RunFolder.open(tmp_path / place)
