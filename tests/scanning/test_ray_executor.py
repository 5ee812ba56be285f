"""Workers on Ray: the law, a worker that is killed, what goes over the wire, and what is refused without Ray."""

from __future__ import annotations

import os
import pickle
import signal
import sys
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

import pytest
import torch
from tests.scanning.every_verb import VERBS, answer
from tests.scanning.ray_in_process import RayInProcess, ray_in_process

import corrie
from corrie.capabilities.agreement import agreement_on
from corrie.errors import InputError, ModelError, RunError, UnknownName
from corrie.models.load import load
from corrie.models.model import Model
from corrie.models.reader import ModelReader
from corrie.records.cell import Cell
from corrie.records.direction import gaussian
from corrie.records.point import Point
from corrie.records.scan_spec import AlphaAuto
from corrie.records.sqlite_store import SqliteStore
from corrie.scanning.crowd import LIBRARIES
from corrie.scanning.executor import Executor
from corrie.scanning.executors import RayEngine, engine_named
from corrie.scanning.in_process import Within, serial
from corrie.scanning.ray_executor import (
    LOCAL,
    Carried,
    RayExecutor,
    ask_for_a_token,
    refuse_crowds,
    surely_here,
)
from corrie.scanning.watch import Nobody
from corrie.scanning.work import Work
from corrie.testing.check_executor import check_executor
from corrie.testing.toy_models import save_toy, toy_model
from corrie.testing.toy_tasks import toy_choice, toy_writing
from corrie.weights.perturbed import perturbed


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Model:
    return load(save_toy(tmp_path_factory.mktemp("toy") / "toy"))


@pytest.fixture(scope="module")
def task(model: Model) -> Any:
    return toy_choice(model, size=10)


@pytest.fixture(scope="module")
def tasks(model: Model) -> list[Any]:
    return [(toy_choice(model, size=20), 10)]


@pytest.fixture(scope="module")
def ray() -> Iterator[Any]:
    """A Ray of the tests' own, started once."""
    import ray as found

    quiet: Any = {"log_to_driver": False, "logging_level": "ERROR"}
    found.init(address="local", num_cpus=2, include_dashboard=False, **quiet)
    try:
        yield found
    finally:
        found.shutdown()


def test_names() -> None:
    assert engine_named("ray") == RayEngine(2, LOCAL)
    assert engine_named("ray:8") == RayEngine(8, LOCAL)
    assert engine_named("ray:8@auto") == RayEngine(8, "auto")
    assert engine_named("ray:@10.0.0.1:6379") == RayEngine(2, "10.0.0.1:6379")


def test_names_with_the_engine_that_workers_carry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("corrie.scanning.executors.vllm_here", lambda: None)
    assert engine_named("ray:serial") == RayEngine(2, LOCAL)
    assert engine_named("ray:vllm") == RayEngine(2, LOCAL, "vllm")
    assert engine_named("ray:vllm:8") == RayEngine(8, LOCAL, "vllm")
    assert engine_named("ray:vllm:@10.0.0.1:6379") == RayEngine(2, "10.0.0.1:6379", "vllm")
    assert engine_named("ray:vllm:3@auto") == RayEngine(3, "auto", "vllm")
    with pytest.raises(UnknownName, match=r"no engine named 'vlm'.*Did you mean 'vllm'"):
        engine_named("ray:vlm:2")
    with pytest.raises(InputError, match="engine ray:ray:2: workers that would carry workers"):
        engine_named("ray:ray:2")


def test_workers_that_would_carry_what_is_not_installed() -> None:
    if find_spec("vllm") is not None:
        pytest.skip("it is installed here")
    with pytest.raises(InputError, match=r"engine vllm: vLLM is not installed\. Try: pip install"):
        engine_named("ray:vllm:2")


@pytest.mark.parametrize("name", ["ray:0", "ray:-1", "ray:two", "ray:2.5", "ray:serial:two", "ray:vllm:0"])
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


@pytest.mark.parametrize(
    ("address", "said"), [("127.0.0.1:1", "refused"), ("ray://127.0.0.1:1", "refused"), ("127.0.0.1:head", "invalid")]
)
def test_an_address_where_nobody_listens(
    address: str, said: str, model: Model, task: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("corrie.scanning.executors.find_spec", lambda name: True)
    monkeypatch.setattr(
        "corrie.scanning.ray_executor.import_ray",
        lambda: SimpleNamespace(is_initialized=lambda: False, shutdown=lambda: None),
    )
    with pytest.raises(InputError, match=f"Ray at {address}: .*{said}.* Try: the address that ray start printed"):
        corrie.scan(model, [(task, 10)], alpha="0.1", to=tmp_path / "run", engine=f"ray:1@{address}")
    assert not (tmp_path / "run").exists()


def test_a_ray_that_does_not_come_up(model: Model, task: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    closed: list[bool] = []

    def init(**_: object) -> None:
        raise Exception("The current node timed out during startup.\nMore of it.")  # as Ray does

    made = SimpleNamespace(is_initialized=lambda: False, shutdown=lambda: closed.append(True), init=init)
    monkeypatch.setattr("corrie.scanning.ray_executor.import_ray", lambda: made)
    monkeypatch.setattr("corrie.scanning.executors.find_spec", lambda name: True)
    with pytest.raises(InputError, match=r"on this machine: The current node timed out during startup\. Try: again"):
        corrie.scan(model, [(task, 10)], directions=gaussian(1), alpha="0.1", engine="ray:1")
    assert closed == [True]


def test_a_model_in_memory_is_refused() -> None:
    with pytest.raises(InputError, match="made in memory"):
        RayEngine()(toy_model(), {}, 10)


def test_a_loaded_model_says_how_to_load_it_again(model: Model) -> None:
    assert model.recipe is not None
    again = load(model.recipe.name, **model.recipe.terms)
    assert again.identity == model.identity
    assert again.recipe == model.recipe


def test_a_point_is_small_on_the_wire() -> None:
    piece = Work(Point.along(gaussian(1)[0], 0.0123456789), (("t" * 64, 0), ("t" * 64, 1)))
    assert len(pickle.dumps(piece)) < 1024


@pytest.fixture(scope="module")
def places(model: Model, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A fine-tune, and an adapter of few numbers."""
    folder = tmp_path_factory.mktemp("places")
    core = corrie.smoothed(model, ("core:all:1", 1.0)).save(folder / "core", seed=3)
    return save_toy(folder / "tuned", seed=1), core


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_says_what_it_says_in_one_process(
    verb: str, model: Model, tasks: list[Any], places: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    serial = answer(verb, model, tasks, *places, "serial")
    ray = ray_in_process(monkeypatch)
    assert str(answer(verb, model, tasks, *places, "ray:2")) == str(serial)
    assert ray.sent
    assert all(size < 1024 * points for points, size in ray.sent), "below 1 KB a point"


def test_draws_that_are_rows_of_one_batch_go_together(
    model: Model, tasks: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    ray = ray_in_process(monkeypatch)
    terms: Any = {"subspace": "adapter:q_proj:1", "sigma": 0.05, "draws": 8, "selection_draws": 4, "rows": 4}
    found = corrie.certify(model, tasks, **terms, engine="ray:2")
    assert found.text() == corrie.certify(model, tasks, **terms).text()
    assert max(points for points, _ in ray.sent) == 4


def test_other_files_elsewhere_are_refused(
    model: Model, tasks: list[Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ray_in_process(monkeypatch)
    other = load(save_toy(tmp_path / "other", seed=1))
    monkeypatch.setattr(model, "recipe", other.recipe)
    with pytest.raises(ModelError, match=r"on another machine: its fingerprint is .* the same files on every machine"):
        corrie.scan(model, tasks, directions=gaussian(1), alpha="0.1", engine="ray:2")


@pytest.mark.real
def test_a_worker_that_cannot_be_made_is_said_at_once(ray: Any, model: Model, tasks: list[Any]) -> None:
    class Unpackable:
        """A task that does not arrive."""

        def __reduce__(self) -> Any:
            return int, ("no number",)

    with (
        RayExecutor(model, {"task": Unpackable()}, 10, workers=1) as executor,  # type: ignore[dict-item]
        pytest.raises(RunError, match=r"a worker on Ray: it cannot be made: .*no number"),
    ):
        list(executor.run([Work(Point.origin(), (("task", 0),))]))


def test_a_subspace_of_another_package_is_refused(model: Model, tasks: list[Any]) -> None:
    space: Any = SimpleNamespace(spec="a space", most_rows=1)
    with pytest.raises(InputError, match="nothing says how a SimpleNamespace is made again"):
        RayEngine()(model, {}, 10, Within(space))


@pytest.mark.real
@pytest.mark.timeout(300)
def test_a_certificate_is_that_of_one_process(ray: Any, model: Model, tasks: list[Any]) -> None:
    terms: Any = {"subspace": "adapter:q_proj:1", "sigma": 0.05, "draws": 8, "selection_draws": 4, "rows": 4}
    found = corrie.certify(model, tasks, **terms, engine="ray:1")
    assert found.text() == corrie.certify(model, tasks, **terms).text()


@pytest.mark.real
def test_a_point_that_cannot_be_scored_costs_itself_alone(
    ray: Any, model: Model, tasks: list[Any], tmp_path: Path
) -> None:
    """A task that raises at one point of four: the others are kept, its reason is said, the same command goes on."""

    class Poisoned:
        """Raises where the model is moved by 0.2 along direction 1."""

        def __init__(self, task: Any, there: float) -> None:
            self.task, self.there = task, there

        def __getattr__(self, name: str) -> Any:
            if name.startswith("__"):
                raise AttributeError(name)
            return getattr(self.task, name)

        def score(self, reader: Any, start: int, stop: int) -> Any:
            if isinstance(reader, ModelReader) and abs(first_weight(reader) - self.there) < 1e-9:
                raise ZeroDivisionError("poison")
            return self.task.score(reader, start, stop)

    def first_weight(reader: ModelReader) -> float:
        return float(next(reader._module.parameters()).detach().flatten()[0])

    (task, limit) = tasks[0]
    with perturbed(model, Point.along(gaussian(2)[1], 0.2)):
        there = first_weight(model.reader())
    poisoned: Any = Poisoned(task, there)
    asked: Any = {"directions": gaussian(2), "alpha": "0.1:0.2:2", "to": tmp_path / "run"}
    with pytest.raises(RunError, match=r"the point θ0 \+ 0.2·gaussian:1.*ZeroDivisionError: poison"):
        corrie.scan(model, [(poisoned, limit)], **asked, engine="ray:2")
    with SqliteStore.open(tmp_path / "run") as store:
        assert len({cell.point for cell in store.cells()}) == 4
    corrie.scan(model, [(task, limit)], **asked, engine="ray:2")
    with SqliteStore.open(tmp_path / "run") as store:
        assert len({cell.point for cell in store.cells()}) == 5


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


def test_workers_that_do_not_fit_together_are_refused_before_a_folder_is_made(
    model: Model, task: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ray_in_process(monkeypatch)
    monkeypatch.setattr("corrie.models.footprint.available_memory", lambda device: 3 * LIBRARIES // 2)
    asked: Any = {"directions": gaussian(1), "alpha": "0.1", "to": tmp_path / "run"}
    with pytest.raises(InputError, match=r"2 workers on Ray: each takes .*, together 0\.8 GB, .* Try: --workers 1"):
        corrie.scan(model, [(task, 10)], **asked, engine="ray:2")
    assert not (tmp_path / "run").exists()
    corrie.scan(model, [(task, 10)], **asked, engine="ray:1")


def test_workers_of_a_cluster_are_counted_here_where_no_other_machine_has_a_place_for_them() -> None:
    def node(name: str, alive: bool = True, **has: float) -> dict[str, Any]:
        return {"NodeID": name, "Alive": alive, "Resources": has}

    ray = RayInProcess()
    ray.nodes = lambda: [  # type: ignore[method-assign]
        node("here", CPU=4.0),
        node("there", CPU=3.0, GPU=5.0),
        node("gone", alive=False, CPU=64.0),
    ]
    cpu, two = [torch.device("cpu")], [torch.device("cuda", 0), torch.device("cuda", 1)]
    assert [surely_here(ray, cpu, workers) for workers in (1, 3, 4, 7)] == [0, 0, 1, 4]
    assert [surely_here(ray, two, workers) for workers in (2, 3)] == [0, 1]


def test_what_workers_take_is_said_first(model: Model, task: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    class Listening(Nobody):
        def __init__(self) -> None:
            self.lines: list[str] = []

        def says(self, line: str) -> None:
            self.lines.append(line)

    ray_in_process(monkeypatch)
    watch = Listening()
    for engine in ("serial", "ray:2"):
        corrie.scan(model, [(task, 10)], directions=gaussian(1), alpha="0.1", engine=engine, watch=watch)
    (line,) = watch.lines
    assert line.startswith("Memory of 2 workers: each about 0.4 GB on cpu (model ")


class Frail:
    """An engine of numbers of its own, which fails at its first point and cannot go on then: it has to be left."""

    made: ClassVar[list[Frail]] = []

    def __init__(self, *given: Any) -> None:
        self._inner = serial(*given)
        self.alive = False
        Frail.made.append(self)

    def __enter__(self) -> Frail:
        self._inner.__enter__()
        self.alive = True
        return self

    def __exit__(self, *problem: Any) -> None:
        self.alive = False
        self._inner.__exit__(*problem)

    def run(self, work: Any) -> Iterator[Any]:
        assert self.alive
        if self is Frail.made[0]:
            raise ZeroDivisionError("the first")
        yield from self._inner.run(work)


class Makes:
    def __init__(self, arithmetic: str = "") -> None:
        self.said = arithmetic

    def __call__(self, *given: Any) -> Frail:
        return Frail(*given)

    def arithmetic(self, model: Model) -> str:
        return self.said


def test_a_worker_leaves_an_engine_that_has_raised_and_goes_on_with_another(
    model: Model, task: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    ray_in_process(monkeypatch)
    Frail.made.clear()
    id, carried = task.identity.id, Carried("frail", Makes())
    work = [Work(Point.along(d, 0.1), ((id, 0),)) for d in gaussian(3)]
    found = []
    with (
        RayExecutor(model, {id: task}, 10, workers=1, carried=carried) as executor,
        pytest.raises(RunError, match=r"ZeroDivisionError: the first. Try: --engine frail, which shows where"),
    ):
        found.extend(executor.run(work))
    assert len(Frail.made) == 2
    assert [engine.alive for engine in Frail.made] == [False, True]
    assert [cell.point for cell in found if isinstance(cell, Cell)] == [piece.point.id for piece in work[1:]]


def test_another_arithmetic_on_another_machine_is_refused(
    model: Model, task: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    ray_in_process(monkeypatch)
    carried = Carried("frail", Makes("frail 2"), "frail 1")
    with (
        RayExecutor(model, {"task": task}, 10, workers=1, carried=carried) as executor,
        pytest.raises(InputError, match="engine frail on another machine: it is frail 2, not frail 1"),
    ):
        list(executor.run([Work(Point.origin(), (("task", 0),))]))


def test_a_token_is_asked_for_before_anything_brings_ray(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RAY_AUTH_MODE", raising=False)
    monkeypatch.setenv("RAY_AUTH_TOKEN", "mine")
    monkeypatch.setitem(sys.modules, "ray", SimpleNamespace())
    ask_for_a_token(LOCAL)
    assert "RAY_AUTH_MODE" not in os.environ
    monkeypatch.delitem(sys.modules, "ray")
    ask_for_a_token("auto")
    assert "RAY_AUTH_MODE" not in os.environ
    ask_for_a_token(LOCAL)
    assert (os.environ["RAY_AUTH_MODE"], os.environ["RAY_AUTH_TOKEN"]) == ("token", "mine")
    monkeypatch.delenv("RAY_AUTH_MODE")


def test_a_worker_takes_the_gpus_that_the_model_lies_on() -> None:
    class Cluster:
        @staticmethod
        def cluster_resources() -> dict[str, float]:
            return {"GPU": 5.0, "CPU": 64.0}

    two = [torch.device("cuda", 0), torch.device("cuda", 1)]
    refuse_crowds(Cluster(), two, 2)
    with pytest.raises(InputError, match=r"5 GPUs, and each worker takes 2. Try: 2 workers"):
        refuse_crowds(Cluster(), two, 3)
