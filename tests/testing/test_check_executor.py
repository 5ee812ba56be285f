"""The suite for executors: it passes the engines that keep the law, and catches those that break it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import pytest

from corrie.models.model import Model
from corrie.records.cell import Cell
from corrie.scanning.executor import Arrived, SerialExecutor
from corrie.scanning.in_process import serial
from corrie.scanning.work import Work
from corrie.testing.check_executor import check_executor
from corrie.testing.toy_models import toy_model
from corrie.testing.toy_tasks import toy_choice


@pytest.fixture(scope="module")
def model() -> Model:
    return toy_model()


@pytest.fixture(scope="module")
def task(model: Model) -> Any:
    return toy_choice(model, size=10)


def test_the_engine_in_this_process_keeps_the_law(model: Model, task: Any) -> None:
    assert len(check_executor(serial, model, task)) == 7


class Unmoved(SerialExecutor):
    """Forgets to move the weights from the second point on."""

    def run(self, work: Iterable[Work]) -> Iterator[Arrived | Cell]:
        pieces = tuple(work)
        yield from super().run([Work(pieces[0].point, piece.blocks) for piece in pieces])


class Late(SerialExecutor):
    """Says where it is after it has scored there."""

    def run(self, work: Iterable[Work]) -> Iterator[Arrived | Cell]:
        yield from reversed(list(super().run(work)))


class Twice(SerialExecutor):
    """Makes every cell twice."""

    def run(self, work: Iterable[Work]) -> Iterator[Arrived | Cell]:
        for event in super().run(work):
            yield event
            yield event


class Forgetful(SerialExecutor):
    """Leaves the last cell out."""

    def run(self, work: Iterable[Work]) -> Iterator[Arrived | Cell]:
        yield from list(super().run(work))[:-1]


@pytest.mark.parametrize("broken", [Unmoved, Late, Twice, Forgetful])
def test_engines_that_break_the_law_are_caught(broken: type[SerialExecutor], model: Model, task: Any) -> None:
    with pytest.raises(AssertionError, match="a piece arrives, then makes its cells in order, each once"):
        check_executor(lambda *given: broken(*given[:3]), model, task)
