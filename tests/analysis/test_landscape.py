from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from corrie.analysis.block import LABELS
from corrie.analysis.landscape import Landscape
from corrie.errors import InputError, RunError, UnknownName
from corrie.records.cell import Cell, Outcome
from corrie.records.direction import gaussian
from corrie.records.memory_store import MemoryStore
from corrie.records.point import Point, Step
from corrie.records.scan_spec import AlphaGrid, ScanSpec, TaskRequest
from corrie.records.sqlite_store import SqliteStore
from corrie.records.store import Realised
from corrie.testing.check_store import CARDS, IDENTITY, TASK
from corrie.testing.cliff_run import KINDS, cliff_run, identity


def asked(store: MemoryStore, limit: int, directions: int, retention: float = 0.95) -> ScanSpec:
    request = TaskRequest(task=TASK.id, limit=limit)
    spec = ScanSpec(
        tasks=(request,), directions=gaussian(directions), alpha=AlphaGrid.parse("0:2:3"), block=2, retention=retention
    )
    store.record_spec(spec, {"date": f"{limit}"})
    return spec


def put(store: MemoryStore, point: Point, block: int, *successes: float | None) -> None:
    store.record_point(point, Realised(asked=3.0, norm=2.5, cosine=0.5 if point.steps else None))
    outcomes = tuple(
        Outcome(id=f"sums-{2 * block + i}", success=x, loss=float(i), label="unscored" if x is None else "right")
        for i, x in enumerate(successes)
    )
    store.put(Cell(point=point.id, task=TASK.id, block=block, outcomes=outcomes))


@pytest.fixture
def store() -> MemoryStore:
    store = MemoryStore(IDENTITY)
    store.register_task(TASK, CARDS)
    return store


def test_outcomes_stand_at_their_direction_alpha_and_example(store: MemoryStore) -> None:
    zero, one = gaussian(2)
    asked(store, 3, 2)
    put(store, Point.origin(), 0, 1.0, 0.0)
    put(store, Point.origin(), 1, 1.0, 1.0)
    put(store, Point.along(one, 2.0), 1, 0.5, 1.0)
    put(store, Point.along(zero, 1.0), 0, None, 1.0)
    grid = Landscape.from_store(store)["sums"]
    assert dict(grid.sizes) == {"direction": 2, "alpha": 2, "example": 3}  # three were asked for, blocks hold four
    assert grid.example.values.tolist() == ["sums-0", "sums-1", "sums-2"]
    assert_array_equal(grid.unmoved_score, [1.0, 0.0, 1.0])
    nan = np.nan
    expected = [[[nan, 1.0, nan], [nan] * 3], [[nan] * 3, [nan, nan, 0.5]]]
    assert_array_equal(grid.score.values, expected)
    assert float(grid.score.sel(direction=one.id, alpha=2.0, example="sums-2")) == 0.5
    unscored, right = LABELS.index("unscored"), LABELS.index("right")
    assert_array_equal(grid.label.values[0, 0], [unscored, right, -1])
    assert_array_equal(grid.loss.values[0, 0], [0.0, 1.0, nan])
    assert_array_equal(grid.distance.values, [[2.5, nan], [nan, 2.5]])
    assert_array_equal(grid.sigma.values, [1.0, 2.0])
    assert_array_equal(grid.relative.values, [1.0, 2.0])  # rms = 10/√100


def test_scouts_other_points_and_tasks_nobody_asked_for_stay_outside(store: MemoryStore) -> None:
    asked(store, 2, 1)
    zero, scout = gaussian((0, 99))
    store.register_task(TASK.model_copy(update={"name": "other"}), ())
    put(store, Point.along(zero, 1.0), 0, 1.0, 1.0)
    put(store, Point.along(scout, 5.0), 0, 0.0, 0.0)
    put(store, Point(steps=(Step(direction=zero, alpha=7.0), Step(direction=scout, alpha=1.0))), 0, 0.0, 0.0)
    landscape = Landscape.from_store(store)
    assert [task.name for task in landscape.tasks] == ["sums"]
    assert landscape.directions == (zero,)
    assert landscape["sums"].alpha.values.tolist() == [1.0]
    assert landscape.steps.alpha.values.tolist() == [1.0]


def test_the_widest_limit_and_the_latest_retention_count(store: MemoryStore) -> None:
    asked(store, 2, 1)
    asked(store, 5, 2)
    asked(store, 3, 1, retention=0.9)
    put(store, Point.origin(), 2, 1.0)
    landscape = Landscape.from_store(store)
    assert landscape["sums"].sizes["example"] == 5
    assert len(landscape.directions) == 2
    assert landscape.retention == 0.9
    assert [why["date"] for _, why in landscape.specs] == ["2", "5", "3"]


def test_a_limit_beyond_the_tasks_size_is_the_whole_task(store: MemoryStore) -> None:
    asked(store, 50, 1)
    assert Landscape.from_store(store)["sums"].sizes["example"] == TASK.size


def test_what_is_missing_is_said(store: MemoryStore) -> None:
    asked(store, 4, 1)
    assert Landscape.from_store(store).missing("sums") == 1.0
    put(store, Point.along(gaussian(1)[0], 1.0), 1, None, 1.0)
    assert Landscape.from_store(store).missing("sums") == 0.5  # unscored is not missing


def test_directions_of_several_normalisations_are_kept_apart() -> None:
    store = cliff_run(directions=3, examples=10, kinds=KINDS[:1])
    cliff_run(
        store, directions=2, examples=10, kinds=KINDS[:1], normalisation="unit", alphas=AlphaGrid.parse("0.01:0.05:2")
    )
    latest, raw = Landscape.from_store(store), Landscape.from_store(store, "none")
    assert (len(latest.directions), latest.is_raw, latest["language"].alpha.values.tolist()) == (2, False, [0.01, 0.05])
    assert (len(raw.directions), raw.is_raw, raw["language"].sizes["alpha"]) == (3, True, 12)
    assert raw.missing("language") == latest.missing("language") == 0.0


def test_normalised_directions_have_no_sigma() -> None:
    landscape = Landscape.from_store(cliff_run(directions=2, examples=10, kinds=KINDS[:1], normalisation="filter"))
    assert not landscape.is_raw
    assert "sigma" not in landscape["language"].coords


def test_names() -> None:
    kinds = (KINDS[0], KINDS[1], KINDS[1]._replace(capability="math"))
    store = cliff_run(directions=1, examples=10, kinds=kinds)
    landscape = Landscape.from_store(store)
    assert landscape["knowledge"] is landscape.grids["knowledge"]
    assert landscape.basin(landscape.tasks[0]) == landscape.basin(landscape.tasks[0].name)
    with pytest.raises(UnknownName, match="Did you mean 'knowledge'"):
        landscape["knowlege"]


def test_a_capability_stands_for_the_one_task_that_measures_it(store: MemoryStore) -> None:
    asked(store, 2, 1)
    assert Landscape.from_store(store).task("math").name == "sums"
    second = TASK.model_copy(update={"name": "products"})
    store.register_task(second, ())
    spec = ScanSpec(tasks=(TaskRequest(task=second.id, limit=1),), directions=gaussian(1), alpha=AlphaGrid.parse("1"))
    store.record_spec(spec, {})
    with pytest.raises(InputError, match="measured by sums, products"):
        Landscape.from_store(store).task("math")


def test_an_empty_run_is_said_to_be_empty(store: MemoryStore) -> None:
    with pytest.raises(RunError, match="nothing was asked"):
        Landscape.from_store(store)


def test_the_disk_and_the_memory_tell_the_same(tmp_path: Path) -> None:
    with SqliteStore.create_or_open(tmp_path / "run", identity()) as store:
        cliff_run(store, directions=2, examples=25, kinds=KINDS[:2])
        live = Landscape.open(tmp_path / "run")  # also while it is being written
    kept, memory = (
        Landscape.open(tmp_path / "run"),
        Landscape.from_store(cliff_run(directions=2, examples=25, kinds=KINDS[:2])),
    )
    for name in ("language", "knowledge"):
        assert kept[name].identical(memory[name])
        assert kept[name].identical(live[name])
    assert kept.steps.identical(memory.steps)
