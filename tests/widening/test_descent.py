"""The steps against what the theory names: the flattest of equally good minima."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from corrie.errors import ModelError
from corrie.widening.course import Course
from corrie.widening.descent import SmoothedDescent


def test_of_equally_good_minima_it_finds_the_flattest() -> None:
    """L = ½ (ab − 1)², from a point of no loss. E L(θ + ε) is least at a = b = √(1 − σ²), known in closed form."""
    torch.manual_seed(0)
    pairs, sigma = 200, 0.3  # so many copies side by side: the mean over them is sharp, and one draw serves all
    a, b = nn.Parameter(torch.full((pairs,), 2.0)), nn.Parameter(torch.full((pairs,), 0.5))
    run = SmoothedDescent({"a": a, "b": b}, Course(steps=100, sigma=sigma, rate=0.1))
    for _ in range(100):
        run.step(lambda: 0.5 * (a * b - 1).square().sum())
    expected = math.sqrt(1 - sigma**2)
    assert float(a.detach().mean()) == pytest.approx(expected, abs=0.03)
    assert float(b.detach().mean()) == pytest.approx(expected, abs=0.03)
    assert float((a - b).detach().abs().max()) < 0.5  # every copy went, from 1.5 apart


def test_opposite_noise_on_the_same_loss_leaves_no_odd_order() -> None:
    """L = ½ k θ² at θ = 0: a single ε gives the gradient kε, a pair gives 0."""
    weight = nn.Parameter(torch.zeros(1000))
    run = SmoothedDescent({"w": weight}, Course(steps=3, sigma=0.1, rate=0.1))
    for _ in range(3):
        run.step(lambda: 0.5 * weight.square().sum())
    assert torch.count_nonzero(weight) == 0


def test_without_noise_a_minimum_stays_where_it_is() -> None:
    weight = nn.Parameter(torch.full((7,), 0.3))
    run = SmoothedDescent({"w": weight}, Course(steps=4, sigma=0.0, rate=0.1))
    for _ in range(4):
        run.step(lambda: (weight - 0.3).square().sum())
    assert torch.equal(weight.detach(), torch.full((7,), 0.3))


def test_the_anchor_is_the_loss_without_noise() -> None:
    """(w − 1)² smoothed has its least at 1; beside it, with the weight 3, is no other loss: the same least."""
    seen: list[bool] = []
    weight = nn.Parameter(torch.zeros(5))
    run = SmoothedDescent({"w": weight}, Course(steps=1, sigma=0.1, rate=0.1, anchor=3.0))

    def loss() -> torch.Tensor:
        seen.append(run.go.is_perturbed)
        return (weight - 1).square().sum()

    run.step(loss)
    assert seen == [True, True, False]
    assert run.course.passes == 3


def test_noise_moves_what_is_not_trained() -> None:
    trained, still = nn.Parameter(torch.zeros(3)), nn.Parameter(torch.ones(1000), requires_grad=False)
    run = SmoothedDescent({"a": trained}, Course(steps=2, sigma=0.1, rate=0.1, seed=3), {"b": still})
    spread: list[float] = []

    def loss() -> torch.Tensor:
        spread.append(float(still.std()))
        return (trained - 1).square().sum()

    run.step(loss)
    run.step(loss)
    assert spread[-1] == pytest.approx(0.1, rel=0.1)
    assert torch.equal(still, torch.ones(1000))
    assert torch.count_nonzero(trained) == 3


def test_a_rehearsal_changes_nothing() -> None:
    def made() -> tuple[nn.Parameter, SmoothedDescent]:
        weight = nn.Parameter(torch.ones(50))
        return weight, SmoothedDescent({"w": weight}, Course(steps=3, sigma=0.2, rate=0.1))

    (one, first), (two, second) = made(), made()
    assert second.rehearse(lambda: two.pow(4).sum()) > 0
    assert torch.equal(one, two)
    for _ in range(3):
        assert first.step(lambda: one.pow(4).sum()) == second.step(lambda: two.pow(4).sum())
    assert torch.equal(one, two)


def test_a_loss_that_is_no_number_ends_the_run() -> None:
    weight = nn.Parameter(torch.ones(2))
    run = SmoothedDescent({"w": weight}, Course(steps=3, sigma=0.1, rate=0.1))
    with pytest.raises(ModelError, match=r"step 1 of 3: the loss is no number"):
        run.step(lambda: weight.sum() * math.inf)
