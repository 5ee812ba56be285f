import dataclasses
from pathlib import Path

import pytest

from corrie.errors import RunError
from corrie.records.memory_store import MemoryStore
from corrie.records.sqlite_store import SqliteStore
from corrie.reporting.run_view import RunView
from corrie.testing.cliff_run import KINDS, cliff_run, identity


def test_a_folder_and_a_store_are_seen_alike(tmp_path: Path) -> None:
    with SqliteStore.create_or_open(tmp_path / "mine", identity()) as store:
        cliff_run(store, directions=2, examples=20, kinds=KINDS[:2])
    folder = RunView.of(tmp_path / "mine", retention=0.8, confidence=0.9)
    memory = RunView.of(cliff_run(directions=2, examples=20, kinds=KINDS[:2]), retention=0.8, confidence=0.9)
    assert (folder.name, memory.name) == ("mine", "toy")
    assert folder.basins == memory.basins
    assert folder.basins[0].retention == 0.8
    assert folder.answers == memory.answers
    assert folder.identity == memory.identity


def test_a_model_is_called_by_the_end_of_its_name() -> None:
    view = RunView.of(cliff_run(directions=1, examples=10, kinds=KINDS[:1]))
    assert (view.model, view.title) == ("toy", "toy")
    for name, short in (("someone/models/toy-2/", "toy-2"), ("Hub/toy-3", "toy-3"), ("C:\\models\\toy-4", "toy-4")):
        named = dataclasses.replace(view, name="run", whole=name)
        assert (named.model, named.title) == (short, f"{short}, run")


def test_no_run(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="no such folder"):
        RunView.of(tmp_path / "gone")
    with pytest.raises(RunError, match="nothing was asked"):
        RunView.of(MemoryStore(identity()))
