import math

import pytest

from corrie.capabilities.choice_error import ChoiceError
from corrie.capabilities.loss_gradient import TaskLoss
from corrie.testing.toy_models import toy_model
from corrie.testing.toy_tasks import toy_choice


def test_it_is_the_probability_of_a_wrong_choice() -> None:
    """Against the readings of the task's own options."""
    model = toy_model()
    task = toy_choice(model, size=12)
    reader = model.reader()
    wanted = []
    for index, example in enumerate(task.examples):
        readings = [r for group in reader.read(task.questions(reader, index)) for r in group]
        likely = [math.exp(r.log_likelihood) for r in readings]
        wanted.append(1 - likely[example.gold] / sum(likely))
    found = ChoiceError(model, task, 12)
    assert found.each() == pytest.approx(wanted, abs=1e-5)
    assert found.mean() == pytest.approx(sum(wanted) / 12, abs=1e-5)


def test_the_gradient_is_that_of_finite_differences() -> None:
    model = toy_model()
    loss = ChoiceError(model, toy_choice(model), 6)
    weight = model.selection.tensors["model.layers.1.mlp.down_proj.weight"]
    model.module.zero_grad()
    loss()
    assert weight.grad is not None
    along = weight.grad / weight.grad.norm()
    slope = float((weight.grad * along).sum())
    for sign in (1, -1):
        weight.data += sign * 1e-2 * along
        if sign == 1:
            high = loss.mean()
            weight.data -= 1e-2 * along
        else:
            low = loss.mean()
            weight.data += 1e-2 * along
    assert (high - low) / 2e-2 == pytest.approx(slope, rel=0.02)


def test_a_plain_loss_still_reads_what_is_right() -> None:
    model = toy_model()
    task = toy_choice(model)
    assert TaskLoss(model, task, 5).each() != ChoiceError(model, task, 5).each()
