"""The gradient of a task's loss against the loss that the task reports, and against finite differences."""

import math
import random

import pytest
import torch

from corrie.capabilities.choice import ChoiceTask
from corrie.capabilities.examples import Choice, Option, Request, Target
from corrie.capabilities.generation import GenerateTask
from corrie.capabilities.likelihood import LikelihoodTask
from corrie.capabilities.loss_gradient import TaskLoss
from corrie.capabilities.margin import MarginTask
from corrie.capabilities.text import TextTask
from corrie.errors import InputError, TaskError
from corrie.models.model import Model
from corrie.records.direction import Gaussian
from corrie.records.model import SelectionSpec
from corrie.records.point import Point
from corrie.testing.toy_models import toy_model
from corrie.testing.toy_tasks import toy_choice
from corrie.weights.perturbed import perturbed
from corrie.weights.realise import realise

ABOUT = {"capability": "toys", "source": "a test"}
DICE = random.Random(7)


def words(letters: int) -> str:
    return "".join(DICE.choice("abcdefgh ") for _ in range(letters))


SHARED = "few shots\n\n"
TARGETS = [Target(str(i), SHARED + words(3 * i + 1) + ":", " " + words(1 + i % 5)) for i in range(9)]
ENDS = [Choice(str(i), tuple(Option(words(6 + k), " end", words(2)) for k in range(3)), i % 3) for i in range(6)]
TASKS = {
    "choice": lambda: toy_choice(size=9),
    "choice of contexts": lambda: ChoiceTask("demo", ENDS, **ABOUT),
    "likelihood": lambda: LikelihoodTask("demo", TARGETS, **ABOUT),
    "chat": lambda: LikelihoodTask("demo", TARGETS, chat=True, **ABOUT),
    "text": lambda: TextTask("demo", [Target(str(i), "", words(5 + 7 * i)) for i in range(6)], **ABOUT),
    "margin": lambda: MarginTask("demo", [Request(str(i), words(4 + i), "") for i in range(4)], **ABOUT),
}


@pytest.fixture(scope="module")
def model() -> Model:
    return toy_model()


@pytest.mark.parametrize("architecture", ["llama", "gpt2"])
@pytest.mark.parametrize("kind", TASKS)
def test_it_is_the_loss_that_the_task_reports(kind: str, architecture) -> None:
    model, task = toy_model(architecture), TASKS[kind]()
    reported = [o.loss for o in task.score(model.reader(), 0, task.identity.size)]
    assert all(x is not None and x > 0 for x in reported)
    for tokens in (1, 64, 10_000):
        loss = TaskLoss(model, task, task.identity.size, tokens)
        assert loss.each() == pytest.approx(reported, abs=1e-4)
        assert loss() == pytest.approx(math.fsum(x or 0.0 for x in reported) / len(reported), abs=1e-4)
        model.module.zero_grad()


@pytest.mark.parametrize("kind", TASKS)
def test_its_gradient_is_the_slope_along_any_direction(model: Model, kind: str) -> None:
    """⟨∇L, δ⟩ against (L(θ0 + hδ) − L(θ0 − hδ))/2h."""
    task = TASKS[kind]()
    loss = TaskLoss(model, task, task.identity.size, 64)
    model.module.zero_grad()
    loss()
    direction, h = Gaussian(seed=5), 1e-3
    delta = realise(direction, {n: p.detach() for n, p in model.selection.tensors.items()}).tensors
    slope = sum(float((p.grad * delta[n]).sum()) for n, p in model.selection.tensors.items() if p.grad is not None)
    sides = []
    for alpha in (h, -h):
        with perturbed(model, Point.along(direction, alpha)):
            sides.append(loss.mean())
    assert (sides[0] - sides[1]) / (2 * h) == pytest.approx(slope, rel=0.02)


def test_batches_add_up_and_calls_do(model: Model) -> None:
    task = TASKS["likelihood"]()
    parameter = next(iter(model.selection.tensors.values()))
    found = []
    for tokens, times in ((1, 1), (10_000, 1), (64, 2)):
        model.module.zero_grad()
        loss = TaskLoss(model, task, 7, tokens)
        for _ in range(times):
            loss()
        assert parameter.grad is not None
        found.append(parameter.grad.clone() / times)
    assert torch.allclose(found[0], found[1], atol=1e-6)
    assert torch.allclose(found[0], found[2], atol=1e-6)


def test_only_what_moves_gets_a_gradient() -> None:
    model = toy_model(selection=SelectionSpec(include=("*q_proj.weight",)))
    TaskLoss(model, toy_choice(), 4)()
    have = {n for n, p in model.module.named_parameters() if p.grad is not None}
    assert have == set(model.selection.tensors)


def test_what_has_no_loss_is_refused(model: Model) -> None:
    writing = GenerateTask("writes", [Request("1", "2 + 2 =", "4")], check="number", **ABOUT)
    with pytest.raises(TaskError, match="a judgement has no gradient"):
        TaskLoss(model, writing, 1)

    class Bare:
        identity = writing.identity

    with pytest.raises(TaskError, match="does not say what is right"):
        TaskLoss(model, Bare(), 1)  # type: ignore[arg-type]
    with pytest.raises(TaskError, match="chat template"):
        TaskLoss(toy_model(chat=False), TASKS["chat"](), 1)


@pytest.mark.parametrize("limit", [0, 10, -1])
def test_impossible_limits(model: Model, limit: int) -> None:
    with pytest.raises(InputError, match="the task has 9 examples"):
        TaskLoss(model, TASKS["choice"](), limit)
