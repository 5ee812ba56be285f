"""Draws on inputs in a store, beside the log of an earlier version."""

from __future__ import annotations

from pathlib import Path

import pytest

from corrie.errors import RunError
from corrie.records.cell import Cell, CellKey, Outcome
from corrie.records.draw_log import DrawLog
from corrie.records.input_draw import InputDraw
from corrie.records.input_draws import UNMOVED, InputDraws, specs_drawn, take_over, unasked
from corrie.records.input_spec import InputSpec, parse_noise
from corrie.records.memory_store import MemoryStore
from corrie.records.point import Point
from corrie.records.run_folder import RunFolder
from corrie.records.scan_spec import TaskRequest
from corrie.records.sqlite_store import SqliteStore
from corrie.records.store import Store
from corrie.testing.check_store import CARDS, IDENTITY, TASK

SIZE = IDENTITY.block
LIMIT = SIZE + 1
IDS = tuple(card.id for card in CARDS[:LIMIT])


def spec(draws: int = 2) -> InputSpec:
    return InputSpec(
        model="f", tokenizer="", dtype="float32", task=TaskRequest(task=TASK.id, limit=LIMIT), vocabulary=100, before=0,
        noise=parse_noise("uniform:0.5"), after=0, selection=1, draws=draws, block=SIZE,
    )  # fmt: skip


def log(*draws: str, success: float = 1.0) -> DrawLog:
    return DrawLog(IDS, dict.fromkeys(draws, (success,) * (LIMIT - 1) + (0.0,)), "")


def put(store: Store, draw: InputDraw, *successes: float | None) -> None:
    """A draw's cells: the outcomes given, the rest of the last block unasked."""
    point = Point.along(draw, 1.0)
    given = [Outcome(id=c.id, success=s, label="wrong") for c, s in zip(CARDS, successes, strict=False)]
    every = (*given, *unasked(card.id for card in CARDS[len(given) :]))
    store.record_point(point, UNMOVED)
    for block in range(2):
        outcomes = every[block * SIZE : (block + 1) * SIZE]
        store.put(Cell(point=point.id, task=TASK.id, block=block, outcomes=outcomes))


@pytest.fixture
def store() -> MemoryStore:
    store = MemoryStore(IDENTITY)
    store.register_task(TASK, CARDS)
    return store


def test_the_first_examples_are_read_and_what_cannot_be_judged_is_wrong(store: MemoryStore) -> None:
    clean, selection, first, _ = spec().every_draw
    put(store, clean, *(1.0,) * LIMIT)
    put(store, selection, None, *(1.0,) * (LIMIT - 1))
    put(store, first, *(0.0,) * LIMIT)
    found = InputDraws.from_store(store, spec())
    assert found.ids == IDS
    assert (found.clean, found.selection, found.certifying) == (
        (1.0,) * LIMIT, [(0.0, *(1.0,) * (LIMIT - 1))], [(0.0,) * LIMIT],
    )  # fmt: skip
    assert found.missing == 1
    assert InputDraws.from_store(store, spec(3)).missing == 5, "another spec has draws of its own"
    assert specs_drawn(store, None) == {spec().id}


def test_a_log_is_taken_over_once_and_what_the_store_has_stays(store: MemoryStore) -> None:
    put(store, spec().every_draw[2], *(0.0,) * LIMIT)
    for _ in range(2):
        take_over(store, spec(), log("clean", "selection 0", "draw 0"))
    found = InputDraws.from_store(store, spec())
    assert (found.clean, found.certifying, found.missing) == ((1.0,) * (LIMIT - 1) + (0.0,), [(0.0,) * LIMIT], 1)
    assert all(realised == UNMOVED for _, realised in store.points().values())
    last = store.get(CellKey(Point.along(spec().every_draw[0], 1.0).id, TASK.id, 1))
    assert [o.label for o in last.outcomes] == ["wrong", *["unscored"] * (len(CARDS[SIZE : 2 * SIZE]) - 1)]


def test_a_log_of_other_examples_is_refused(store: MemoryStore) -> None:
    with pytest.raises(RunError, match="they are of other examples"):
        take_over(store, spec(), DrawLog(("x", *IDS[1:]), {"clean": (1.0,) * LIMIT}, ""))
    assert not store.keys()


def test_a_folder_is_read_from_both(tmp_path: Path) -> None:
    with SqliteStore.create_or_open(tmp_path, IDENTITY) as store:
        store.register_task(TASK, CARDS)
        put(store, spec().every_draw[0], *(1.0,) * LIMIT)
        assert specs_drawn(store, tmp_path) == {spec().id}
    found = InputDraws.found_in(RunFolder(tmp_path), spec())
    assert (found.ids, found.clean, found.missing) == (IDS, (1.0,) * LIMIT, 3)
    (tmp_path / "draws-0123456789abcdef.jsonl").write_text("")
    assert specs_drawn(None, tmp_path) == {"0123456789abcdef"}
