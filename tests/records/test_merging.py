"""Merging runs: what is copied, what is refused, and that a merge happens as a whole or not at all."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from corrie.errors import InputError, RunError, StorageError
from corrie.records.cell import Cell, Outcome
from corrie.records.fraction_spec import FractionSpec
from corrie.records.memory_store import MemoryStore
from corrie.records.merging import merge_runs
from corrie.records.point import Point
from corrie.records.run_lock import RunLock
from corrie.records.scan_spec import TaskRequest
from corrie.records.sqlite_store import SqliteStore
from corrie.records.store import RunIdentity, Store
from corrie.testing.cliff_run import KINDS, cliff_run, identity

FEW: Any = {"examples": 20, "kinds": KINDS[:2]}


def make(place: Path, of: RunIdentity | None = None, **how: Any) -> Path:
    with SqliteStore.create_or_open(place, of or identity()) as store:
        cliff_run(store, **{**FEW, **how})
    return place


def contents(store: Store) -> tuple[Any, ...]:
    """Everything that a store keeps, without the order in which cells and points came."""
    return (
        store.tasks(),
        [store.cards(task.id) for task in store.tasks()],
        store.points(),
        {cell.key: cell for cell in store.cells()},
        [spec for spec, _ in store.specs()],
        [claim for claim, _ in store.claims()],
    )


def at(place: Path) -> tuple[Any, ...]:
    with SqliteStore.open(place) as store:
        return contents(store)


def claim_on(place: Path, fraction: float = 0.5, first: int | None = None) -> FractionSpec:
    with SqliteStore.create_or_open(place, identity()) as store:
        request = TaskRequest(task=store.tasks()[0].id, limit=20)
        claim = FractionSpec.of([request], sigma=0.001, fraction=fraction, confidence=0.9, first=first)
        store.record_claim(claim, {"date": "today"})
    return claim


@pytest.fixture(scope="module")
def ready(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("ready")
    for name, directions in (("one", 1), ("two", 2)):
        make(place / name, directions=directions)
    return place


@pytest.fixture
def one(ready: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(ready / "one", tmp_path / "one"))


@pytest.fixture
def two(ready: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(ready / "two", tmp_path / "two"))


def test_a_merged_run_holds_what_its_parts_hold(one: Path, two: Path, tmp_path: Path) -> None:
    claim = claim_on(one)
    merged = merge_runs([one, two], tmp_path / "both")
    whole = MemoryStore(identity())
    cliff_run(whole, directions=1, **FEW)
    cliff_run(whole, directions=2, **FEW)
    assert at(merged.to) == (*contents(whole)[:-1], [claim])
    assert (merged.cells, merged.new, merged.points) == (len(whole.keys()), len(whole.keys()), len(whole.points()))


def test_merging_again_changes_nothing_and_merging_more_adds(one: Path, two: Path, tmp_path: Path) -> None:
    merge_runs([one], tmp_path / "both")
    first = at(tmp_path / "both")
    assert merge_runs([one], tmp_path / "both").new == 0
    assert at(tmp_path / "both") == first == at(one)
    assert merge_runs([one, two], tmp_path / "both").new > 0
    assert merge_runs([two, one, two], tmp_path / "both").new == 0


def test_the_runs_are_only_read(one: Path, two: Path, tmp_path: Path) -> None:
    files = [one / "run.db", two / "run.db"]
    before = [hashlib.sha256(file.read_bytes()).hexdigest() for file in files]
    with_others = [sorted(place.iterdir()) for place in (one, two)]
    merge_runs([one, two], tmp_path / "both")
    assert [hashlib.sha256(file.read_bytes()).hexdigest() for file in files] == before
    assert [sorted(place.iterdir()) for place in (one, two)] == with_others


def test_a_run_that_is_being_written_may_be_merged(one: Path, two: Path, tmp_path: Path) -> None:
    with SqliteStore.create_or_open(two, identity()):
        assert merge_runs([one, two], tmp_path / "both").cells == len(at(two)[3])


def _other_block(place: Path) -> None:
    make(place, identity(block=5), directions=1)


def _other_model(place: Path) -> None:
    other = identity().model.model_copy(update={"fingerprint": "0" * 64})
    make(place, identity().model_copy(update={"model": other}), directions=1)


def _other_function(place: Path) -> None:
    other = identity().model.model_copy(update={"function": "0" * 64})
    make(place, identity().model_copy(update={"model": other}), directions=1)


def _other_task(place: Path) -> None:
    make(place, directions=1, examples=30)


def _other_outcomes(place: Path) -> None:
    make(place, directions=1, seed=1)


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (_other_block, r"belongs to another scan: the block size is 10 there and 5 here"),
        (_other_model, r"belongs to another scan: the model's fingerprint is 5eed5eed5eed5eed there and 0000"),
        (_other_task, r"task 'language' in run .*size is 20 there and 30 here"),
        (_other_outcomes, r"cell \S+ block 0 at point .* and examples \w+-\d+.* came out differently"),
    ],
)
def test_runs_that_do_not_belong_together_are_refused_by_name(
    spoil: Callable[[Path], None], said: str, one: Path, tmp_path: Path
) -> None:
    spoil(tmp_path / "other")
    with pytest.raises(RunError, match=said) as problem:
        merge_runs([one, tmp_path / "other"], tmp_path / "both")
    assert f"{one}, which {tmp_path / 'other'} is to be merged with" in str(problem.value)
    assert not (tmp_path / "both").exists()
    kept = at(one)
    with pytest.raises(RunError, match=said):
        merge_runs([tmp_path / "other"], one)
    assert at(one) == kept


def test_two_functions_are_not_joined_by_a_run_that_names_none(one: Path, tmp_path: Path) -> None:
    """A run of before the function was recorded goes with any, but not with two."""
    _other_function(tmp_path / "a")
    assert merge_runs([one, tmp_path / "a"], tmp_path / "both").to == tmp_path / "both"
    with SqliteStore.open(tmp_path / "both") as store:
        assert store.identity.model.function == "0" * 64
    other = identity().model.model_copy(update={"function": "1" * 64})
    make(tmp_path / "b", identity().model_copy(update={"model": other}), directions=1)
    with pytest.raises(RunError, match="the model's function"):
        merge_runs([one, tmp_path / "a", tmp_path / "b"], tmp_path / "three")


def written(place: Path, batch: int | None, slots: int | None = None) -> Path:
    """A run with a task whose answers are written."""
    make(place, identity().model_copy(update={"batch": batch, "slots": slots}), directions=1)
    with SqliteStore.create_or_open(place, identity()) as store:
        task = store.tasks()[0]
        text = task.model_copy(update={"name": "written", "scoring": "generation"})
        store.register_task(text, store.cards(task.id))
    return place


@pytest.mark.parametrize(
    ("rules", "words"), [((40, 20), "40 at a time there and 20"), ((None, 20), "10 at a time there")]
)
def test_answers_that_were_written_by_two_rules_are_refused(
    rules: tuple[int | None, int], words: str, tmp_path: Path
) -> None:
    runs = [written(tmp_path / str(number), rule) for number, rule in enumerate(rules)]
    with pytest.raises(RunError, match=words):
        merge_runs(runs, tmp_path / "both")
    assert not (tmp_path / "both").exists()
    kept = at(runs[0])
    with pytest.raises(RunError, match=words):
        merge_runs(runs[1:], runs[0])
    assert at(runs[0]) == kept


def test_answers_of_a_queue_are_not_merged_with_those_of_whole_batches(one: Path, tmp_path: Path) -> None:
    runs = [written(tmp_path / "queue", 40, 20), written(tmp_path / "whole", 40)]
    with pytest.raises(RunError, match="40/20 at a time there and 40 here"):
        merge_runs(runs, tmp_path / "both")
    merge_runs([one, runs[0]], tmp_path / "with")
    with SqliteStore.open(tmp_path / "with") as store:
        assert (store.identity.batch, store.identity.slots) == (40, 20)


def test_a_run_without_written_answers_takes_the_rule_of_the_one_with_them(one: Path, tmp_path: Path) -> None:
    merge_runs([one, written(tmp_path / "texts", 40)], tmp_path / "both")
    with SqliteStore.open(tmp_path / "both") as store:
        assert store.identity.batch == 40
    with pytest.raises(RunError, match="10 at a time there and 40 here"):
        merge_runs([tmp_path / "texts"], one)  # it may have been continued by its own rule


def test_a_second_design_for_a_question_is_refused(one: Path, two: Path, tmp_path: Path) -> None:
    claim_on(one, 0.5)
    claim_on(two, 0.6)
    with pytest.raises(RunError, match="fixed another design"):
        merge_runs([one, two], tmp_path / "both")
    assert not (tmp_path / "both").exists()


@pytest.mark.parametrize("turned", [False, True])
def test_a_claim_on_directions_that_another_run_has_seen_is_refused(turned: bool, two: Path, tmp_path: Path) -> None:
    fresh = tmp_path / "fresh"
    with SqliteStore.open(two) as known, SqliteStore.create_or_open(fresh, identity()) as store:
        for task in known.tasks():
            store.register_task(task, known.cards(task.id))
    claim_on(fresh, first=0)  # the other run has scanned along seeds 0 and 1
    with pytest.raises(RunError, match="has looked along its directions already"):
        merge_runs([two, fresh] if turned else [fresh, two], tmp_path / "both")


@pytest.mark.parametrize(
    ("runs", "to", "said"),
    [
        ([], "both", "merging nothing"),
        (["one", "two"], None, "no folder to put them in"),
        (["one"], "one", "no run beside the target"),
        (["one"], None, "no run beside the target"),
        (["nowhere"], None, "nowhere: no such folder"),
    ],
)
def test_what_is_not_valid_is_refused(
    runs: list[str], to: str | None, said: str, one: Path, two: Path, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match=said):
        merge_runs([tmp_path / run for run in runs], None if to is None else tmp_path / to)


def test_no_run_at_a_place_and_no_run_as_target(one: Path, tmp_path: Path) -> None:
    with pytest.raises(RunError, match="there is no such folder"):
        merge_runs([one, tmp_path / "nowhere"], tmp_path / "both")
    assert not (tmp_path / "both").exists()
    (tmp_path / "file").write_text("mine")
    with pytest.raises(RunError, match="a file"):
        merge_runs([one], tmp_path / "file")


def test_one_writer_at_a_time(one: Path, two: Path) -> None:
    lock = RunLock(two)
    try:
        with pytest.raises(RunError, match="is writing to it"):
            merge_runs([one], two)
    finally:
        lock.release()


def test_a_merge_that_is_stopped_leaves_the_target_as_it_was(
    one: Path, two: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, put, made = at(one), SqliteStore.put, []

    def failing(store: SqliteStore, cell: Cell) -> None:
        made.append(cell)
        if len(made) == 70:  # in the midst of the new ones
            raise StorageError("the disk", found="full")
        put(store, cell)

    monkeypatch.setattr(SqliteStore, "put", failing)
    with pytest.raises(StorageError):
        merge_runs([two], one)
    assert at(one) == before
    monkeypatch.setattr(SqliteStore, "put", put)
    assert merge_runs([two], one).new > 0


def test_what_is_put_at_once_is_seen_by_others_at_once(one: Path) -> None:
    point = Point.origin().id
    with SqliteStore.create_or_open(one, identity()) as store, SqliteStore.open(one) as reader:
        task = store.tasks()[0]
        new = [
            Cell(
                point=name,
                task=task.id,
                block=0,
                outcomes=tuple(Outcome(id=card.id, success=1.0, label="right") for card in store.cards(task.id)[:10]),
            )
            for name in ("f" * len(point), "e" * len(point))
        ]
        before = reader.keys()
        with store.at_once():
            for cell in new:
                store.put(cell)
            assert store.keys() == before | {cell.key for cell in new}
            assert reader.keys() == before
        assert reader.keys() == before | {cell.key for cell in new}
