"""Workers on Ray that carry vLLM: the rows of one process that writes by it, also where one of them is killed."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.vllm.toy import saved

import corrie
from corrie.analysis.export import export
from corrie.analysis.landscape import Landscape
from corrie.errors import RunError
from corrie.models.load import load
from corrie.models.model import Model
from corrie.models.vllm.copy import drop_copy
from corrie.models.vllm.here import vllm_here
from corrie.records.cell import Cell
from corrie.records.direction import gaussian
from corrie.records.point import Point
from corrie.records.sqlite_store import SqliteStore
from corrie.scanning.executors import RayEngine
from corrie.scanning.ray_executor import RayExecutor
from corrie.scanning.vllm_executor import VllmExecutor
from corrie.scanning.work import Work
from corrie.testing.toy_tasks import toy_choice, toy_writing

pytest.importorskip("ray")


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Model]:
    model = load(saved(tmp_path_factory.mktemp("toy") / "toy"))
    yield model
    drop_copy(model)


def rows(run: Path) -> str:
    with SqliteStore.open(run) as store:
        assert store.identity.engine == vllm_here().arithmetic("cpu")
        return export(Landscape.from_store(store), run / "rows.csv").read_text("utf-8")


def test_two_workers_export_the_rows_of_one_process(model: Model, tmp_path: Path) -> None:
    """Written and read tasks. The run of the workers was begun by one process, and goes on."""
    tasks = [(toy_writing(model, size=6, max_tokens=8), 6), (toy_choice(model, size=6), 6)]

    def scan(run: str, engine: str, alpha: str) -> None:
        asked: Any = {"directions": gaussian(2), "alpha": alpha, "block": 3}
        corrie.scan(model, tasks, to=tmp_path / run, engine=engine, **asked)

    scan("one", "vllm", "0:0.1:3")
    scan("many", "vllm", "0:0.1:2")
    scan("many", "ray:vllm:2", "0:0.1:3")
    assert rows(tmp_path / "many") == rows(tmp_path / "one")
    assert rows(tmp_path / "one").count("\n") == 1 + 5 * 12
    with pytest.raises(RunError, match="there and corrie's own here"):
        scan("many", "ray:2", "0:0.1:3")


def test_the_work_of_a_worker_that_is_killed_is_given_to_another_and_all_are_gone_afterwards(model: Model) -> None:
    task = toy_writing(model, size=6, max_tokens=8)
    id = task.identity.id
    places = (Point.origin(), *(Point.along(d, 0.1 * n) for d in gaussian(2) for n in (1, 2)))
    work = [Work(point, ((id, 0), (id, 1))) for point in places]
    with VllmExecutor(model, {id: task}, 3) as one:
        expected = {event.key: event for event in one.run(work) if isinstance(event, Cell)}
    found: dict[Any, Cell] = {}
    busy: list[int] = []
    executor = RayEngine(2, engine="vllm")(model, {id: task}, 3)
    assert isinstance(executor, RayExecutor)
    with executor:
        for event in executor.run(work):
            if isinstance(event, Cell):
                assert event.key not in found
                found[event.key] = event
                if not busy:
                    busy.extend(executor.processes.values())
                    os.kill(busy[0], signal.SIGKILL)
    assert found == expected
    assert len(busy) == 2
    until = time.monotonic() + 30
    while any(map(alive, busy)) and time.monotonic() < until:
        time.sleep(0.1)
    assert not [process for process in busy if alive(process)]


def alive(process: int) -> bool:
    place = Path(f"/proc/{process}/stat")
    return place.exists() and place.read_text("utf-8").rpartition(")")[2].split()[0] != "Z"
