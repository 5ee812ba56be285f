"""Written answers in batches: the rule of a run, chosen once, kept, and never mixed with another."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest

from corrie.capabilities.generation import GenerateTask
from corrie.capabilities.written_together import WrittenTogether
from corrie.errors import InputError, RunError
from corrie.models.model import Model
from corrie.questions.terms import parse_batch
from corrie.records.batch_rule import BatchRule
from corrie.records.cell import Cell
from corrie.records.direction import gaussian
from corrie.records.memory_store import MemoryStore
from corrie.records.scan_spec import Alpha, AlphaAuto, AlphaEdges, AlphaGrid
from corrie.records.sqlite_store import SqliteStore
from corrie.records.store import RunIdentity
from corrie.scanning import batch as choosing
from corrie.scanning.batch import BatchAsked, batch_of, cheapest
from corrie.scanning.fraction_scan import FractionScan
from corrie.scanning.scan import Scan
from corrie.scanning.watch import Nobody
from corrie.testing.toy_models import toy_model
from corrie.testing.toy_tasks import toy_choice, toy_writing


@cache
def writing() -> GenerateTask:
    return toy_writing(size=23, max_tokens=3)


OLD = Path(__file__).parents[1] / "data" / "runs"
"""Run folders of earlier versions."""

GRID = AlphaGrid.between(0, 0.1, 2)


@pytest.fixture(scope="module")
def model() -> Model:
    return toy_model()


def scan(model: Model, limit: int = 20, batch: BatchAsked = None) -> Scan:
    tasks = [(writing(), limit), (toy_choice(model, size=10), 10)]
    return Scan.of(model, tasks, directions=gaussian(1), alpha=GRID, block=5, batch=batch)


def cells(store: MemoryStore | SqliteStore) -> dict[object, Cell]:
    return {cell.key: cell for cell in store.cells()}


class Killed(Exception):
    """Somebody pulled the plug."""


class Plug(Nobody):
    """Pulls it after so many cells."""

    def __init__(self, after: int) -> None:
        self.left = after

    def acknowledges(self, cell: Cell) -> None:
        self.left -= 1
        if not self.left:
            raise Killed


def count_batches(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The sizes of what is written from now on."""
    sizes: list[int] = []
    score = GenerateTask.score

    def counted(task: object, reader: object, start: int, stop: int) -> object:
        if not type(reader).__name__.startswith("_"):  # a rehearsal writes nothing
            sizes.append(min(stop, 23) - start)
        return score(task, reader, start, stop)  # pyright: ignore[reportArgumentType]

    monkeypatch.setattr(GenerateTask, "score", counted)
    return sizes


def test_the_whole_limit_is_one_batch_where_it_fits(model: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    prepared = scan(model, batch="auto")
    assert prepared.identity.batch == 20
    sizes = count_batches(monkeypatch)
    store = MemoryStore(prepared.identity)
    prepared.run(store)
    assert sizes == [20, 20]  # once at each point
    assert len(cells(store)) == 2 * (4 + 2)


@pytest.mark.parametrize(("after", "batch"), [(1, 15), (2, 15), (3, 15), (8, 15), (2, BatchRule(15, 4))])
def test_a_run_killed_in_the_midst_of_a_batch_gives_the_same_cells(
    model: Model, after: int, batch: BatchAsked, tmp_path: Path
) -> None:
    prepared = scan(model, batch=batch)
    whole = MemoryStore(prepared.identity)
    prepared.run(whole)
    with SqliteStore.create_or_open(tmp_path / "run", prepared.identity) as store, pytest.raises(Killed):
        prepared.run(store, watch=Plug(after))
    with SqliteStore.create_or_open(tmp_path / "run", prepared.identity) as store:
        assert len(cells(store)) == after
        prepared.run(store)
        assert cells(store) == cells(whole)


@pytest.mark.parametrize("batch", [15, BatchRule(15, 4)])
def test_a_larger_limit_writes_the_same_batches(model: Model, batch: BatchAsked) -> None:
    small, large = scan(model, 10, batch=batch), scan(model, 23, batch=batch)
    grown, whole = MemoryStore(small.identity), MemoryStore(large.identity)
    small.run(grown)
    large.run(grown)
    large.run(whole)
    assert cells(grown) == cells(whole)


def test_a_run_of_before_goes_on_block_by_block(model: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old, now = scan(model, 10), scan(model, batch="auto")
    assert old.identity.batch is None
    assert '"batch"' not in old.identity.canonical()
    assert '"slots"' not in old.identity.canonical() + now.identity.canonical()
    assert RunIdentity.parse(old.identity.canonical()) == old.identity
    with SqliteStore.create_or_open(tmp_path / "run", old.identity) as store:
        old.run(store)
    sizes = count_batches(monkeypatch)
    with SqliteStore.create_or_open(tmp_path / "run", now.identity) as store:
        assert store.identity == old.identity
        now.run(store)
    assert sizes == [5, 5, 5, 5]  # the later two blocks at two points


def test_a_claim_in_a_run_goes_by_the_rule_of_the_run(model: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    prepared = scan(model, batch=15)
    claim = FractionScan.of(model, [(writing(), 20)], sigma=1e-6, at_least=0.5, confidence=0.6, block=5)
    assert claim.identity.batch == 20
    store = MemoryStore(prepared.identity)
    sizes = count_batches(monkeypatch)
    claim.run(store, draws=1)
    assert sizes == [15, 8] * 2


def test_a_batch_that_is_required_is_not_mixed_with_another(model: Model) -> None:
    store = MemoryStore(scan(model, batch=10).identity)
    for other in (5, 15):
        with pytest.raises(RunError, match="10 at a time") as refusal:
            scan(model, batch=other).run(store)
        assert refusal.value.advice == "--batch 10, or another folder"
    assert not store.tasks()
    scan(model, batch=10).run(store)
    scan(model, batch="auto").run(store)


def test_a_batch_is_a_whole_number_of_blocks(model: Model) -> None:
    for wrong, near in ((7, "5"), (12, "10"), (0, "5"), (-5, "5")):
        for asked in (wrong, BatchRule(wrong, 2)):
            with pytest.raises(InputError, match="no whole number of blocks of 5") as refusal:
                scan(model, batch=asked)
            assert refusal.value.advice == f"{near}, or auto"
    for text in ("", "all", "0", "-5", "1.5", "9" * 30, "20/", "/5", "20/0", "0/5", "20/10/5", "20/-5", "٢٠"):
        with pytest.raises(InputError, match="not a number of examples"):
            parse_batch(text)
        with pytest.raises(InputError, match="not a number of examples"):
            scan(model, batch=text)
    assert scan(model, batch=5).identity.batch is None


def test_fewer_slots_than_a_batch_are_part_of_what_a_run_is(model: Model) -> None:
    whole, queue = scan(model, batch=20).identity, scan(model, batch=BatchRule(20, 10)).identity
    assert (queue.batch, queue.slots) == (20, 10)
    assert scan(model, batch="20/10").identity == queue
    assert RunIdentity.parse(queue.canonical()) == queue != whole
    assert whole.slots is None
    assert scan(model, batch=parse_batch("20/20")).identity == scan(model, batch=parse_batch("20/99")).identity == whole
    assert "10 at a time, 20 in one queue" in queue.composition
    assert scan(model, batch=BatchRule(5, 2)).identity.rule == BatchRule(5, 2)


def test_identities_of_earlier_versions_keep_their_text() -> None:
    texts = []
    for run in sorted(OLD.glob("*/*/run.db")):
        with closing(sqlite3.connect(f"file:{run}?mode=ro&immutable=1", uri=True)) as base:
            texts += [text for (text,) in base.execute("SELECT identity FROM identity")]
    assert len(texts) > 8
    for text in texts:
        assert RunIdentity.parse(text).canonical() == text


def test_a_run_goes_by_its_own_slots(model: Model) -> None:
    store = MemoryStore(scan(model, batch=BatchRule(20, 10)).identity)
    for other in (20, BatchRule(20, 5), 10):
        with pytest.raises(RunError, match="10 at a time, 20 in one queue") as refusal:
            scan(model, batch=other).run(store)
        assert refusal.value.advice == "--batch 20/10, or another folder"
    assert not store.tasks()
    scan(model, batch="auto").run(store)
    again = MemoryStore(store.identity)
    scan(model, batch=BatchRule(20, 10)).run(again)
    assert cells(again) == cells(store)


def test_those_that_come_in_are_written_as_they_would_be_alone(model: Model) -> None:
    queue, alone = scan(model, batch=BatchRule(20, 4)), scan(model)
    stores = [MemoryStore(one.identity) for one in (queue, alone)]
    for one, store in zip((queue, alone), stores, strict=True):
        one.run(store)
    found, expected = ({c.key: [o.answer for o in c.outcomes] for c in store.cells()} for store in stores)
    assert found == expected


def test_a_plan_that_asks_single_blocks_has_no_batch_chosen_for_it(model: Model) -> None:
    def batch(alpha: Alpha, asked: BatchAsked) -> int | None:
        scan = Scan.of(model, [(writing(), 20)], directions=gaussian(2), alpha=alpha, block=5, batch=asked)
        return scan.identity.batch

    assert batch(AlphaAuto(), "auto") is None
    assert batch(AlphaAuto(), 10) == 10
    assert batch(AlphaEdges(), "auto") == batch(GRID, "auto") == 20


def test_memory_bounds_what_is_chosen(model: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    def chosen(fit: int | None, queue: bool = False) -> str:
        monkeypatch.setattr(choosing, "rows_that_fit", lambda model, tokens: fit)
        return str(batch_of(model, "auto", [40], 10, 50, queue))

    fits = (None, 80, 40, 39, 20, 19, 0)
    assert [chosen(fit) for fit in fits] == ["40", "40", "40", "20", "20", "None", "None"]
    assert [chosen(fit, True) for fit in fits] == ["40", "40", "40", "40/30", "40/20", "40/10", "40/10"]
    assert batch_of(model, "auto", [], 10, 0) is None
    assert batch_of(model, None, [40], 10, 50) is None


def test_a_model_that_writes_one_by_one_has_no_batches() -> None:
    alone = toy_model()
    alone.__dict__["engine"] = replace(alone.engine, together=False)
    assert batch_of(alone, "auto", [40], 10, 50) is None


def test_no_queue_is_chosen_where_it_is_of_no_use(model: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nobody can come in; and where scouts ask one block of a batch, which would be longer for them."""
    monkeypatch.setattr(choosing, "rows_that_fit", lambda model, tokens: 10)
    apart = toy_model()
    apart.__dict__["engine"] = replace(apart.engine, enter=False)
    assert batch_of(apart, "auto", [40], 5, 50) == BatchRule(10)
    assert batch_of(model, "auto", [40], 5, 50) == BatchRule(40, 10)

    def chosen(alpha: Alpha) -> BatchRule:
        return Scan.of(
            model, [(writing(), 20)], directions=gaussian(2), alpha=alpha, block=5, batch="auto"
        ).identity.rule

    assert chosen(AlphaEdges()) == BatchRule(10)
    assert chosen(GRID) == BatchRule(20, 10)


def test_the_cheapest_batch_is_the_one_a_search_over_time_finds() -> None:
    def seconds(limits: list[int], size: int) -> float:
        return sum(0.064 + 0.0026 * size for limit in limits for _ in range(0, limit, size))

    for limits in ([7], [40], [100], [95, 20], [200, 10, 10], [81]):
        best = cheapest(limits, 10, 80).size
        assert seconds(limits, best) <= 1.02 * min(seconds(limits, n) for n in range(10, 81, 10))


def test_the_cheapest_queue_is_the_one_that_writing_in_it_finds() -> None:
    """Answers of 1 to 40 tokens are written; a step costs 25 rows and those that are there."""

    def seconds(limits: list[int], rule: BatchRule) -> float:
        total = 0
        for limit in limits:
            for first in range(0, limit, rule.size):
                waiting = [1 + (first + n) * 17 % 40 for n in range(rule.size)]
                there: list[int] = []
                while there or waiting:
                    came = rule.at_once - len(there)
                    there, waiting = there + waiting[:came], waiting[came:]
                    total += 25 + len(there)
                    there = [left - 1 for left in there if left > 1]
        return total

    for limits in ([7], [80], [100], [95, 20], [200, 10, 10], [170], [1000]):
        rules = [BatchRule.of(n, 80) for n in range(10, 321, 10)]
        best = cheapest(limits, 10, 80, 4)
        assert seconds(limits, best) <= 1.05 * min(seconds(limits, rule) for rule in rules), (limits, str(best))


def test_an_estimate_times_a_batch(model: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    from corrie.scanning.work import Known

    prepared = scan(model, batch="auto")
    sizes = count_batches(monkeypatch)
    prepared.estimate(Known())
    assert sizes == [20]


def test_every_engine_receives_the_rule(model: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    received: dict[str, object] = {}

    def engine(name: str) -> Callable[..., None]:
        return lambda model, tasks, block, within: received.update(tasks)

    monkeypatch.setattr("corrie.scanning.scan.engine_named", engine)
    prepared = scan(model, batch="auto")
    prepared.executor("any", MemoryStore(prepared.identity))
    assert [type(t) for t in received.values()].count(WrittenTogether) == 1
