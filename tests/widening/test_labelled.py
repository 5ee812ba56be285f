"""Labelled examples: the loss is the slow one, each comes once in a round, and what has no label is refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from corrie.capabilities.examples import Target
from corrie.capabilities.likelihood import LikelihoodTask
from corrie.capabilities.registry import tasks
from corrie.capabilities.task import Task
from corrie.errors import InputError, TaskError
from corrie.models.model import Model
from corrie.testing.toy_models import toy_model
from corrie.testing.toy_tasks import toy_choice
from corrie.widening.labelled import Labelled


@pytest.fixture(scope="module")
def model() -> Model:
    return toy_model()


def task_of(folder: Path, *lines: dict[str, object]) -> Task:
    file = folder / "mine.jsonl"
    file.write_text("\n".join(map(json.dumps, lines)))
    return tasks(str(file))[0]


def test_the_loss_is_the_answers_alone(model: Model, tmp_path: Path) -> None:
    lines = [{"prompt": "Two and two are", "answer": "four"}, {"prompt": "A knot that holds is", "answer": "a bowline"}]
    task = task_of(tmp_path, *lines)
    labelled = Labelled.of(model, [(task, 2)], size=4)
    slow = []
    for line in lines:
        ids = list(model.encoder.encode(f"{line['prompt']} {line['answer']}"))
        start = len(model.encoder.encode(str(line["prompt"])))
        log_p = torch.log_softmax(model.module(input_ids=torch.tensor([ids])).logits[0], dim=-1)
        slow.append(-sum(log_p[t - 1, ids[t]] for t in range(start, len(ids))) / (len(ids) - start))
    torch.testing.assert_close(labelled.loss(model.module, 0)(), sum(slow) / 2)
    assert labelled.size == 2  # all there are


def test_every_example_comes_once_in_a_round(model: Model) -> None:
    labelled = Labelled.of(model, [(toy_choice(model, size=9), 9)], size=3, seed=5)
    first, second = ([e for step in steps for e in labelled.batch(step)] for steps in (range(3), range(3, 6)))
    assert first != second
    assert sorted(first, key=str) == sorted(second, key=str) == sorted(labelled.examples, key=str)
    assert labelled.tokens(0) == sum(len(s.ids) for e in first[:3] for s in e)


def test_what_has_no_label_is_refused(model: Model, tmp_path: Path) -> None:
    written = task_of(tmp_path, {"prompt": "Two and two are", "answer": "4", "check": "number"})
    with pytest.raises(TaskError, match="a judgement has no gradient"):
        Labelled.of(model, [(written, 1)], size=1)
    harmful = toy_choice(model)
    harmful._identity = harmful.identity.model_copy(update={"sensitive": True})
    with pytest.raises(InputError, match="harmful requests"):
        Labelled.of(model, [(harmful, 1)], size=1)


def test_an_answer_without_a_token_is_named(model: Model) -> None:
    task = LikelihoodTask("mine", [Target("q1", "Two and two are", "")], capability="math", source="here")
    with pytest.raises(TaskError, match=r"example 'q1' of task 'mine': .*no token of its own"):
        Labelled.of(model, [(task, 1)], size=2)
