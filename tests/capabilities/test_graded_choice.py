"""Graded choice: the same readings as choice, scored by the right option's share."""

import math

import numpy as np
import pytest

from corrie.capabilities.choice import ChoiceTask
from corrie.capabilities.examples import Choice, Option, Target
from corrie.capabilities.graded_choice import graded
from corrie.capabilities.likelihood import LikelihoodTask
from corrie.capabilities.registry import tasks
from corrie.errors import TaskError
from corrie.models.model import Model
from corrie.testing.check_task import check_task
from corrie.testing.toy_models import toy_model
from corrie.testing.toy_tasks import save_toy_task, toy_choice


@pytest.fixture(scope="module")
def model() -> Model:
    return toy_model()


def test_it_obeys_the_law(model: Model) -> None:
    check_task(lambda: graded(toy_choice(model, size=6)), model.reader)


def test_the_score_is_the_softmax_of_the_summed_log_likelihoods(model: Model) -> None:
    task = toy_choice(model, size=6)
    reader = model.reader()
    for i, outcome in enumerate(graded(task).score(reader, 0, 6)):
        sums = np.array([r.log_likelihood for group in reader.read(task.questions(reader, i)) for r in group])
        shares = np.exp(sums) / np.exp(sums).sum()
        assert outcome.success == pytest.approx(shares[task.examples[i].gold], abs=0.005001)


def test_all_but_the_score_is_that_of_choice(model: Model) -> None:
    task = toy_choice(model, size=20)
    plain, soft = task.score(model.reader(), 0, 20), graded(task).score(model.reader(), 0, 20)
    assert [o.model_copy(update={"success": None}) for o in plain] == [
        o.model_copy(update={"success": None}) for o in soft
    ]


def test_log_likelihoods_that_no_exponential_holds() -> None:
    options = tuple(Option("a", letter, letter) for letter in "bcd")
    task = graded(ChoiceTask("far", [Choice("1", options, 1)], capability="x", source="here"))
    assert task._success([-2000.0, -2000.0 + math.log(3), -9000.0], 1) == pytest.approx(0.75)


def test_it_is_asked_for_by_name(tmp_path, model: Model) -> None:
    file = save_toy_task(tmp_path / "letters.jsonl", model)
    plain, soft = tasks(str(file), f"graded:{file}")
    assert soft.identity.name == "graded:letters"
    assert soft.identity.scoring == "probability"
    assert (soft.identity.chance, soft.identity.size) == (plain.identity.chance, plain.identity.size)
    assert soft.identity.digest != plain.identity.digest


def test_a_task_without_options_has_none() -> None:
    task = LikelihoodTask("word", [Target("1", "a", "b")], capability="x", source="here")
    with pytest.raises(TaskError, match="without options"):
        graded(task)
