"""One gradient step on five examples of the embedded model."""

import json
from pathlib import Path

import pytest

import corrie
from corrie.capabilities.loss_gradient import TaskLoss

pytestmark = pytest.mark.real


def test_a_gradient_step_does_more_than_noise_that_moves_as_far(tmp_path: Path) -> None:
    model = corrie.load("smollm2-135m-instruct")
    (task,) = corrie.tasks("knowledge")
    reported = [o.loss for o in task.score(model.reader(), 0, 5)]
    loss = TaskLoss(model, task, 5)
    assert loss.each() == pytest.approx(reported, abs=1e-4)
    found = corrie.worst(model, (task, 5), distance=1.0, out=tmp_path / "g.safetensors", method="gradient")
    with corrie.perturbed(model, corrie.Point.along(corrie.Gaussian(seed=0), found.spec.sigma)):
        noise = loss.mean()
    assert found.after - found.before > 10 * abs(noise - found.before)
    assert json.loads(found.spec.canonical())["distance"] == 1.0
