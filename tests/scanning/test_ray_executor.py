"""Workers on Ray: the law, a worker that is killed, what goes over the wire, and what is refused without Ray."""

from __future__ import annotations

import os
import pickle
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import corrie
from corrie.capabilities.agreement import agreement_on
from corrie.errors import InputError
from corrie.models.load import load
from corrie.models.model import Model
from corrie.records.cell import Cell
from corrie.records.direction import gaussian
from corrie.records.point import Point
from corrie.records.scan_spec import AlphaAuto
from corrie.records.sqlite_store import SqliteStore
from corrie.scanning.executor import Executor
from corrie.scanning.executors import RayEngine, engine_named
from corrie.scanning.ray_executor import LOCAL, RayExecutor
from corrie.scanning.work import Work
from corrie.testing.check_executor import check_executor
from corrie.testing.toy_models import save_toy, toy_model
from corrie.testing.toy_tasks import toy_choice, toy_writing


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Model:
    return load(save_toy(tmp_path_factory.mktemp("toy") / "toy"))


@pytest.fixture(scope="module")
def task(model: Model) -> Any:
    return toy_choice(model, size=10)


@pytest.fixture(scope="module")
def ray() -> Iterator[Any]:
    """A Ray of the tests' own, started once."""
    import ray as found

    found.init(address="local", num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level="ERROR")
    try:
        yield found
    finally:
        found.shutdown()


def test_names() -> None:
    assert engine_named("ray") == RayEngine(2, LOCAL)
    assert engine_named("ray:8") == RayEngine(8, LOCAL)
    assert engine_named("ray:8@auto") == RayEngine(8, "auto")
    assert engine_named("ray:@10.0.0.1:6379") == RayEngine(2, "10.0.0.1:6379")


@pytest.mark.parametrize("name", ["ray:0", "ray:-1", "ray:two", "ray:2.5"])
def test_no_number_of_workers(name: str) -> None:
    with pytest.raises(InputError, match="workers"):
        engine_named(name)


def test_without_ray_the_command_to_install_it_is_said_before_anything_is_made(
    model: Model, task: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("corrie.scanning.executors.find_spec", lambda name: None)
    with pytest.raises(InputError, match=r"engine ray:4: Ray is not installed\. Try: pip install 'corrie\[ray\]'"):
        corrie.scan(model, [(task, 10)], alpha="0.1", to=tmp_path / "run", engine="ray:4")
    assert not (tmp_path / "run").exists()


def test_a_model_in_memory_and_a_subspace_are_refused(model: Model, task: Any) -> None:
    with pytest.raises(InputError, match="made in memory"):
        RayEngine()(toy_model(), {}, 10)
    within: Any = object()
    with pytest.raises(InputError, match="in a subspace"):
        RayEngine()(model, {}, 10, within)


def test_a_loaded_model_says_how_to_load_it_again(model: Model) -> None:
    assert model.recipe is not None
    again = load(model.recipe.name, **model.recipe.terms)
    assert again.identity == model.identity
    assert again.recipe == model.recipe


def test_a_point_is_small_on_the_wire() -> None:
    piece = Work(Point.along(gaussian(1)[0], 0.0123456789), (("t" * 64, 0), ("t" * 64, 1)))
    assert len(pickle.dumps(piece)) < 1024


@pytest.mark.real
@pytest.mark.timeout(300)
def test_the_law_also_when_a_worker_is_killed(ray: Any, model: Model, task: Any) -> None:
    busy: list[int] = []

    def kill(executor: Executor) -> None:
        assert isinstance(executor, RayExecutor)
        busy.extend(executor.processes.values())
        os.kill(busy[0], signal.SIGKILL)

    assert len(check_executor(RayEngine(2), model, task, kill=kill)) == 8
    assert len(busy) == 2
    until = time.monotonic() + 30
    while any(Path(f"/proc/{process}/cmdline").exists() for process in busy) and time.monotonic() < until:
        time.sleep(0.1)
    assert not [process for process in busy if Path(f"/proc/{process}/cmdline").exists()], "nobody is left"


@pytest.mark.real
def test_more_workers_than_there_are_processors(ray: Any, model: Model, task: Any, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"3 workers on Ray: the cluster has 2 CPUs, and each worker takes one"):
        corrie.scan(model, [(task, 10)], directions=gaussian(1), alpha="0.1", to=tmp_path / "run", engine="ray:3")
    assert not (tmp_path / "run").exists()


@pytest.mark.real
@pytest.mark.timeout(300)
def test_answers_are_written_by_the_rule_of_the_run(ray: Any, model: Model, tmp_path: Path) -> None:
    cells: list[dict[Any, Cell]] = []
    for engine in ("serial", "ray:2"):
        run = tmp_path / engine.partition(":")[0]
        tasks = [(toy_writing(model, size=20, max_tokens=4), 20)]
        corrie.scan(model, tasks, directions=gaussian(2), alpha="0:0.1:2", block=5, to=run, engine=engine)
        with SqliteStore.open(run) as store:
            assert store.identity.batch == 20
            cells.append({cell.key: cell for cell in store.cells()})
    assert cells[0] == cells[1]


@pytest.mark.real
@pytest.mark.timeout(300)
def test_a_path_and_an_adaptive_scan_are_the_serial_ones(ray: Any, model: Model, task: Any, tmp_path: Path) -> None:
    tuned = corrie.toward(model, save_toy(tmp_path / "tuned", seed=1))
    questions: list[Any] = [
        {"directions": gaussian(2), "alpha": AlphaAuto(most=40), "agreement": False},
        {"directions": [tuned], "alpha": "0:1:3"},
    ]
    both = [(task, 10), (agreement_on([task]), 1)]
    for number, asked in enumerate(questions):
        cells: list[dict[Any, Cell]] = []
        for engine in ("serial", "ray:2"):
            run = tmp_path / f"{engine.partition(':')[0]}-{number}"
            corrie.scan(model, both[: 1 + number], to=run, engine=engine, **asked)
            with SqliteStore.open(run) as store:
                cells.append({cell.key: cell for cell in store.cells()})
        assert cells[0] == cells[1]
