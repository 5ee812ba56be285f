"""Who scores noised prompts."""

from __future__ import annotations

import pytest

from corrie.errors import InputError
from corrie.inputs.noised_reader import NoisedReader
from corrie.records.cell import Cell
from corrie.records.input_spec import parse_noise
from corrie.records.point import Point
from corrie.scanning.executor import Arrived
from corrie.scanning.in_process import Noised, serial
from corrie.scanning.input_executor import InputExecutor
from corrie.scanning.input_trial import InputTrial
from corrie.scanning.work import Work
from corrie.testing.toy_models import toy_model
from corrie.testing.toy_tasks import short_choice


def test_a_draw_is_the_noised_reader_asked_by_hand() -> None:
    model = toy_model()
    task = short_choice(model)
    some = InputTrial.of(model, task, 4, parse_noise("absorbing:0.7"), draws=2, selection=1, block=3)
    name = task.identity.id
    executor = serial(model, {name: task}, 3, Noised(some.prompts, some.spec))
    assert isinstance(executor, InputExecutor)
    reader = NoisedReader(model, some.prompts, some.spec)
    with executor:
        for draw in some.spec.every_draw:
            point = Point.along(draw, 1.0)
            arrived, *cells = executor.run([Work(point, ((name, 1), (name, 0)))])
            assert isinstance(arrived, Arrived)
            assert (arrived.point, arrived.realised.norm) == (point, 0.0)
            reader.draw = None if draw.part == "clean" else draw.draw
            last, first = (cell.outcomes for cell in cells if isinstance(cell, Cell))
            assert last[:1] == tuple(task.score(reader, 3, 4))
            assert first == tuple(task.score(reader, 0, 3))
            assert [(o.id, o.success, o.label) for o in last[1:]] == [
                (task.card(i).id, None, "unscored") for i in (4, 5)
            ]
        for other in (Point.origin(), Point.along(draw.model_copy(update={"spec": "another"}), 1.0)):
            with pytest.raises(InputError, match="it is no draw of"):
                list(executor.run([Work(other, ((name, 0),))]))
