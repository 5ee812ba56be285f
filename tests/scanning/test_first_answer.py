"""Agreement by default where radii are looked for: when it is there, when it is not, and that it comes first."""

from pathlib import Path

import pytest

import corrie
from corrie.analysis.landscape import Landscape
from corrie.capabilities.choice import ChoiceTask
from corrie.capabilities.examples import Target
from corrie.capabilities.likelihood import LikelihoodTask
from corrie.models.model import Model
from corrie.records.direction import gaussian
from corrie.records.memory_store import MemoryStore
from corrie.records.scan_spec import AlphaAuto, parse_alpha
from corrie.records.sqlite_store import SqliteStore
from corrie.scanning import first_answer
from corrie.scanning.first_answer import with_first_answer
from corrie.scanning.scan import Scan
from corrie.testing.toy_models import toy_model
from corrie.testing.toy_tasks import toy_choice

AUTO = AlphaAuto(precision=3.0, most=24)
"""One round of a task, in blocks of two."""


@pytest.fixture(autouse=True)
def few_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(first_answer, "FIRST_WINDOWS", 2)


@pytest.fixture(scope="module")
def model() -> Model:
    return toy_model()


@pytest.fixture(scope="module")
def task(model: Model) -> ChoiceTask:
    return toy_choice(model, size=40)


def names(run: Path) -> list[str]:
    with SqliteStore.open(run) as store:
        return [task.name for task in store.tasks()]


def scanned(model: Model, task: ChoiceTask, **more: object) -> Landscape:
    return corrie.scan(model, [(task, 10)], alpha=more.pop("alpha", AUTO), block=2, **more)  # type: ignore[arg-type]


def test_it_is_a_row_of_its_own_named_behaviour(model: Model, task: ChoiceTask) -> None:
    first, second = scanned(model, task).tasks
    assert (first.name, first.capability, second.name) == ("agreement:toy", "behaviour", "toy")


def test_it_may_be_left_out(model: Model, task: ChoiceTask) -> None:
    assert [t.name for t in scanned(model, task, agreement=False).tasks] == ["toy"]


def test_fixed_steps_do_not_have_it(model: Model, task: ChoiceTask) -> None:
    found = scanned(model, task, alpha="0:0.1:2", directions=gaussian(1))
    assert [t.name for t in found.tasks] == ["toy"]


def test_who_asks_for_it_gets_it_once(task: ChoiceTask) -> None:
    ((first, _), rest) = with_first_answer([(task, 10)], AUTO)
    again = ((first, 1), rest)
    assert with_first_answer(again, AUTO) == again


def test_the_same_call_continues_and_asks_nothing_new(model: Model, task: ChoiceTask, tmp_path: Path) -> None:
    scanned(model, task, to=tmp_path)
    with SqliteStore.open(tmp_path) as store:
        before = store.keys()
    scanned(model, task, to=tmp_path)
    with SqliteStore.open(tmp_path) as store:
        assert store.keys() == before
        assert len(store.specs()) == 1


@pytest.mark.parametrize("begun", ["auto", "0:0.1:2"])
def test_a_run_that_was_begun_without_it_goes_on_without(
    model: Model, task: ChoiceTask, tmp_path: Path, begun: str
) -> None:
    steps = AUTO if begun == "auto" else parse_alpha(begun)
    scanned(model, task, alpha=steps, to=tmp_path, agreement=False, directions=gaussian(8))
    scanned(model, task, to=tmp_path, directions=gaussian(8))
    assert names(tmp_path) == ["toy"]


def test_texts_that_may_not_be_shown_have_none() -> None:
    said = [Target(str(n), "", "a text that nobody should have to read, over and over") for n in range(4)]
    asked = ((LikelihoodTask("terrible", said, capability="safety", source="a test", sensitive=True), 4),)
    assert with_first_answer(asked, AUTO) == asked


def test_its_rounds_come_first_and_change_no_other_cell(model: Model, task: ChoiceTask) -> None:
    terms = {"directions": gaussian(256), "alpha": AUTO, "retention": 0.8, "block": 2}
    alone = Scan.of(model, [(task, 10)], **terms)
    both = Scan.of(model, with_first_answer([(task, 10)], AUTO), **terms)
    stores = MemoryStore(alone.identity), MemoryStore(both.identity)
    alone.run(stores[0])
    both.run(stores[1])
    order = [cell.task for cell in stores[1].cells()]
    last = max(i for i, id in enumerate(order) if id != task.identity.id)
    assert set(order[: last + 1]) == {id for id in both.tasks if id != task.identity.id}
    own = {cell.key: cell.payload() for cell in stores[1].cells() if cell.task == task.identity.id}
    assert own == {cell.key: cell.payload() for cell in stores[0].cells()}
