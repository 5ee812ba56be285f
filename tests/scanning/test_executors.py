"""An engine that is added by name is reached by every verb that scores, and changes no number."""

from __future__ import annotations

import importlib.metadata
import sys
from collections.abc import Iterable, Iterator, Mapping
from importlib.metadata import EntryPoint, EntryPoints
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from tests.scanning.every_verb import VERBS, answer

import corrie
from corrie.capabilities.task import Task
from corrie.errors import InputError, UnknownName
from corrie.models.model import Model
from corrie.records.cell import Cell
from corrie.scanning.executor import Arrived
from corrie.scanning.executors import GROUP, engine_named, engine_names
from corrie.scanning.in_process import Noised, Within, serial
from corrie.scanning.work import Work
from corrie.testing.toy_models import save_toy, toy_model
from corrie.testing.toy_tasks import toy_choice

COUNTED: list[str] = []
"""The tasks of all cells that the toy engine has made."""


class Counting:
    """The engine of this process, which notes what it makes."""

    def __init__(self, *given: Any) -> None:
        self._inner = serial(*given)

    def __enter__(self) -> Counting:
        self._inner.__enter__()
        return self

    def __exit__(self, *problem: Any) -> None:
        self._inner.__exit__(*problem)

    def run(self, work: Iterable[Work]) -> Iterator[Arrived | Cell]:
        for event in self._inner.run(work):
            if isinstance(event, Cell):
                COUNTED.append(event.task)
            yield event


def counting(model: Model, tasks: Mapping[str, Task], block: int, within: Within | Noised | None = None, /) -> Counting:
    return Counting(model, tasks, block, within)


@pytest.fixture(autouse=True)
def added(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another package with two engines, one of which does not load."""
    package = ModuleType("toy_engines")
    package.counting = counting  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "toy_engines", package)
    points = EntryPoints(
        [EntryPoint("counting", "toy_engines:counting", GROUP), EntryPoint("broken", "toy_engines:absent", GROUP)]
    )
    known = importlib.metadata.entry_points
    monkeypatch.setattr(
        "corrie.scanning.executors.entry_points",
        lambda **asked: points.select(**asked) if asked.get("group") == GROUP else known(**asked),
    )
    COUNTED.clear()


@pytest.fixture(scope="module")
def model() -> Model:
    return toy_model()


@pytest.fixture(scope="module")
def tasks(model: Model) -> list[Any]:
    return [(toy_choice(model, size=20), 10)]


@pytest.fixture(scope="module")
def tuned(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_toy(tmp_path_factory.mktemp("tuned") / "tuned", seed=1)


@pytest.fixture(scope="module")
def core(model: Model, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return corrie.smoothed(model, ("core:all:1", 1.0)).save(tmp_path_factory.mktemp("core") / "core", seed=3)


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_that_scores_reaches_an_engine_by_its_name(
    verb: str, model: Model, tasks: list[Any], tuned: Path, core: Path
) -> None:
    expected = answer(verb, model, tasks, tuned, core, "serial")
    assert not COUNTED
    found = answer(verb, model, tasks, tuned, core, "counting")
    assert str(found) == str(expected)
    assert set(COUNTED) == {tasks[0][0].identity.id}


@pytest.mark.parametrize("verb", VERBS)
def test_an_unknown_engine_is_refused_by_every_verb(
    verb: str, model: Model, tasks: list[Any], tuned: Path, core: Path
) -> None:
    with pytest.raises(UnknownName, match=r"no engine named 'countin'.*Did you mean 'counting'"):
        answer(verb, model, tasks, tuned, core, "countin")


def test_an_unknown_engine_leaves_no_folder(model: Model, tasks: list[Any], tmp_path: Path) -> None:
    with pytest.raises(UnknownName):
        corrie.scan(model, tasks, directions=corrie.gaussian(1), alpha="0.1", to=tmp_path / "run", engine="rey")
    assert not (tmp_path / "run").exists()


def test_a_run_says_who_scored_it(model: Model, tasks: list[Any], tmp_path: Path) -> None:
    from corrie.records.sqlite_store import SqliteStore

    corrie.scan(model, tasks, directions=corrie.gaussian(1), alpha="0.1", to=tmp_path, engine="counting")
    with SqliteStore.open(tmp_path) as store:
        ((_, made),) = store.specs()
    assert made["engine"] == "counting"


def test_names_and_loading() -> None:
    assert engine_names() == ("broken", "counting", "ray", "serial", "vllm")
    assert engine_named("serial") is serial
    assert engine_named("counting") is counting
    with pytest.raises(InputError, match="engine 'broken': it cannot be loaded"):
        engine_named("broken")
