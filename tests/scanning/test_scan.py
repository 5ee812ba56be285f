"""A whole scan on toy models: what it stores, what it continues, what it refuses, what it leaves behind."""

import random
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from corrie.analysis.landscape import Landscape
from corrie.errors import InputError, RunError, TaskError
from corrie.models.model import Model
from corrie.models.reading import Reader
from corrie.records.cell import Cell, Outcome
from corrie.records.direction import gaussian
from corrie.records.memory_store import MemoryStore
from corrie.records.point import Point
from corrie.records.scan_spec import parse_alpha
from corrie.records.sqlite_store import SqliteStore
from corrie.records.store import Realised
from corrie.scanning.executor import SerialExecutor
from corrie.scanning.scan import Scan
from corrie.scanning.watch import Nobody
from corrie.scanning.work import Known, Work
from corrie.testing.toy_models import Architecture, toy_model
from corrie.testing.toy_tasks import toy_choice
from corrie.weights.fingerprint import model_fingerprint


def scan_of(model: Model, *, directions: int = 2, alpha: str = "0:0.1:3", limit: int = 20, names: str = "ab") -> Scan:
    tasks = [(toy_choice(model, name=n), limit) for n in names]
    steps = parse_alpha(alpha, most=200 if alpha == "auto" else None)
    return Scan.of(model, tasks, directions=gaussian(directions), alpha=steps)


@pytest.fixture(scope="module")
def model() -> Model:
    return toy_model()


@pytest.mark.parametrize("architecture", ["llama", "gpt2", "qwen2"])
@pytest.mark.parametrize("alpha", ["0:0.4:3", "auto"])
def test_the_same_scan_runs_on_every_architecture(architecture: Architecture, alpha: str) -> None:
    model = toy_model(architecture)
    before = model_fingerprint(model.module)
    scan = scan_of(model, alpha=alpha, names="a", limit=10)
    store = MemoryStore(scan.identity)
    assert scan.run(store) == "complete"
    landscape = Landscape.from_store(store)
    assert landscape.basin("a").score == 1.0
    scores = landscape["a"].score.mean("example")
    assert float(scores.isel(alpha=-1).mean()) < 0.75, "far out the preference is gone"
    assert model_fingerprint(model.module) == before


def test_every_point_is_scored_as_if_it_were_the_only_one(model: Model) -> None:
    """Cells of a whole scan equal those of a fresh model moved there by hand."""
    scan = scan_of(model)
    store = MemoryStore(scan.identity)
    scan.run(store)
    for point, _ in store.points().values():
        fresh = toy_model()
        tensors = dict(fresh.selection.tensors)
        from corrie.weights.noise import gaussian_noise

        for step in point.steps:
            for name, parameter in tensors.items():
                noise = torch.from_numpy(gaussian_noise(step.direction.seed, name, parameter.numel()))
                parameter.data = parameter.data + step.alpha * noise.reshape(parameter.shape)
        for id, task in scan.tasks.items():
            for block in (0, 1):
                expected = task.score(fresh.reader(), 10 * block, 10 * block + 10)
                (kept,) = store.cells([c.key for c in store.cells() if c.key == (point.id, id, block)])
                assert [o.success for o in kept.outcomes] == [o.success for o in expected]
                assert [o.loss for o in kept.outcomes] == pytest.approx([o.loss for o in expected], abs=1e-5)


def test_the_unmoved_model_is_scored_once(model: Model) -> None:
    arrived: list[Point] = []

    class Watching(Nobody):
        def arrives(self, point: Point, realised: Realised) -> None:
            arrived.append(point)

    scan = scan_of(model, directions=3)
    scan.run(MemoryStore(scan.identity), watch=Watching())
    assert arrived.count(Point.origin()) == 1
    assert len(arrived) == 1 + 3 * 2


class StopAfter(Nobody):
    """Presses Ctrl-C after so many cells."""

    def __init__(self, cells: int) -> None:
        self.left = cells

    def acknowledges(self, cell: Cell) -> None:
        self.left -= 1
        if self.left == 0:
            raise KeyboardInterrupt


@pytest.mark.parametrize("alpha", ["0:0.4:3", "auto"])
def test_an_interrupted_scan_continues_to_the_same_end(model: Model, tmp_path: Path, alpha: str) -> None:
    scan = scan_of(model, alpha=alpha)
    whole = MemoryStore(scan.identity)
    scan.run(whole)
    before = model_fingerprint(model.module)
    stops = 0
    for cells in (1, 2, 5, 7, 3):
        with SqliteStore.create_or_open(tmp_path / "run", scan.identity) as store:
            had = {c.key: c.payload() for c in store.cells()}
            with pytest.raises(KeyboardInterrupt):
                scan.run(store, watch=StopAfter(cells))
            stops += cells
            assert len(store.keys()) == stops, "nothing lost, nothing repeated"
            assert all(store.get(key).payload() == payload for key, payload in had.items())
        assert model_fingerprint(model.module) == before
    with SqliteStore.create_or_open(tmp_path / "run", scan.identity) as store:
        assert scan.run(store) == "complete"
        assert {c.key: c.payload() for c in store.cells()} == {c.key: c.payload() for c in whole.cells()}


def test_a_run_is_extended_by_more_of_anything(model: Model, tmp_path: Path) -> None:
    small = scan_of(model, directions=1, alpha="0:0.1:2", limit=10, names="a")
    large = scan_of(model, directions=2, alpha="0:0.2:3", limit=25, names="ab")
    with SqliteStore.create_or_open(tmp_path, small.identity) as store:
        small.run(store)
        had = {c.key: c.payload() for c in store.cells()}
        large.run(store)
        now = {c.key: c.payload() for c in store.cells()}
    alone = MemoryStore(large.identity)
    large.run(alone)
    assert now == {c.key: c.payload() for c in alone.cells()} | had
    assert len(now) == (1 + 2 * 2) * 2 * 3
    landscape = Landscape.open(tmp_path)
    assert landscape["a"].sizes["example"] == 25


def test_limits_nest_and_blocks_are_whole(model: Model) -> None:
    scan = scan_of(model, limit=15, names="a")
    store = MemoryStore(scan.identity)
    scan.run(store)
    assert {len(c.outcomes) for c in store.cells()} == {10}
    assert Landscape.from_store(store)["a"].sizes["example"] == 15


def test_a_run_refuses_what_would_not_fit(model: Model, tmp_path: Path) -> None:
    scan = scan_of(model)
    with SqliteStore.create_or_open(tmp_path, scan.identity) as store:
        scan.run(store)
    task, alpha = toy_choice(model, name="a"), parse_alpha("0.1")
    for other, words in [
        (scan_of(toy_model(seed=1)), "fingerprint"),
        (scan_of(toy_model(dtype=torch.bfloat16)), "precision is float32 there and bfloat16 here"),
        (Scan.of(model, [(task, 20)], directions=gaussian(1), alpha=alpha, block=5), "block"),
    ]:
        with pytest.raises(RunError, match=words), SqliteStore.create_or_open(tmp_path, other.identity):
            pass
    changed = Scan.of(
        model, [(toy_choice(model, size=30, name="a"), 20)], directions=gaussian(1), alpha=parse_alpha("0.1")
    )
    with SqliteStore.create_or_open(tmp_path, changed.identity) as store, pytest.raises(RunError, match="task 'a'"):
        changed.run(store)


def test_what_cannot_be_asked_is_refused_before_anything_is_done(model: Model) -> None:
    task = toy_choice(model)
    directions, alpha = gaussian(1), parse_alpha("0.1")
    with pytest.raises(InputError, match=r"the task has 40 examples. Try: toy:40"):
        Scan.of(model, [(task, 41)], directions=directions, alpha=alpha)
    with pytest.raises(InputError, match="toy is there twice"):
        Scan.of(model, [(task, 10), (task, 20)], directions=directions, alpha=alpha)
    with pytest.raises(InputError, match="no task"):
        Scan.of(model, [], directions=directions, alpha=alpha)
    with pytest.raises(InputError, match="several normalisations"):
        Scan.of(model, [(task, 10)], directions=[*gaussian(1), *gaussian([5], "unit")], alpha=alpha)

    class NeedsMore:
        identity = task.identity

        def check(self, reader: Reader) -> None:
            raise TaskError("this task", found="not with this model")

        def score(self, reader: Reader, start: int, stop: int) -> tuple[Outcome, ...]:
            raise NotImplementedError

        card = task.card

    with pytest.raises(TaskError, match="not with this model"):
        Scan.of(model, [(NeedsMore(), 10)], directions=directions, alpha=alpha)


def test_a_budget_ends_the_scan_early_and_the_rest_follows(model: Model) -> None:
    scan = scan_of(model, directions=4, alpha="0:0.4:9")
    store = MemoryStore(scan.identity)
    assert scan.run(store, budget=0.0) == "budget"
    few = len(store.keys())
    assert few < 10
    assert scan.run(store, budget=3600.0) == "complete"
    assert len(store.keys()) == (1 + 4 * 8) * 2 * 2


def test_an_estimate_counts_what_is_left_and_leaves_nothing(model: Model) -> None:
    scan = scan_of(model, directions=3, alpha="0:0.4:5")
    fresh = scan.estimate(Known())
    assert (fresh.points, fresh.examples, fresh.cells, fresh.exact) == (13, 40, 13 * 4, True)
    store = MemoryStore(scan.identity)
    scan.run(store)
    done = scan.estimate(Known(store.cells()))
    assert (done.cells, done.seconds) == (0, 0.0)
    assert str(fresh).startswith("13 points × 40 examples, 52 cells to make: about ")


def test_no_global_generator_is_touched(model: Model) -> None:
    scan = scan_of(model)
    before = (random.getstate(), np.random.get_state()[1].tolist(), torch.get_rng_state().tolist())  # noqa: NPY002
    scan.run(MemoryStore(scan.identity))
    after = (random.getstate(), np.random.get_state()[1].tolist(), torch.get_rng_state().tolist())  # noqa: NPY002
    assert before == after


def test_weights_are_put_back_after_a_task_that_raises(model: Model) -> None:
    before = model_fingerprint(model.module)
    task = toy_choice(model)

    class Broken:
        identity, check, card = task.identity, task.check, task.card

        def score(self, reader: Reader, start: int, stop: int) -> tuple[Outcome, ...]:
            raise ZeroDivisionError

    executor = SerialExecutor(model, {task.identity.id: Broken()}, 10)

    def work() -> Iterator[Work]:
        yield Work(Point.along(gaussian(1)[0], 0.5), ((task.identity.id, 0),))

    with pytest.raises(ZeroDivisionError), executor:
        list(executor.run(work()))
    assert model_fingerprint(model.module) == before


def test_directions_differ_and_are_repeatable(model: Model) -> None:
    scan = scan_of(model, directions=3, alpha="0.15", limit=40, names="a")
    stores = [MemoryStore(scan.identity) for _ in range(2)]
    for store in stores:
        scan.run(store)
    one, two = ({c.key: c.payload() for c in s.cells()} for s in stores)
    assert one == two
    losses = Landscape.from_store(stores[0])["a"].loss.values
    assert len({tuple(np.round(row, 6)) for row in losses[:, -1, :]}) == 3
