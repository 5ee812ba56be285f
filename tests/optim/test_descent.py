"""Distance-efficient descent: the length of its steps, its ball, and that it spends less distance than Adam."""

from __future__ import annotations

import copy
import math
import warnings

import pytest
import torch
from torch import nn

from corrie.errors import InputError, PrecisionWarning
from corrie.optim import GO, Ball, BallDescent


def test_a_normalised_step_is_lr_long_over_all_groups_together():
    a, b = nn.Parameter(torch.zeros(3)), nn.Parameter(torch.zeros(2))
    descent = BallDescent([{"params": [a]}, {"params": [b]}], lr=0.5)
    a.grad, b.grad = torch.tensor([3.0, 0.0, 0.0]), torch.tensor([0.0, 4.0])
    descent.step()
    torch.testing.assert_close(a.data, torch.tensor([-0.3, 0.0, 0.0]))
    torch.testing.assert_close(b.data, torch.tensor([0.0, -0.4]))


def test_the_loss_scale_does_not_matter_when_normalised_and_does_when_plain():
    ends = {}
    for normalised in (True, False):
        for scale in (1.0, 10.0):
            weight = nn.Parameter(torch.zeros(2))
            descent = BallDescent([weight], lr=0.01, normalised=normalised)
            (scale * (weight - torch.tensor([1.0, 2.0])).square().sum()).backward()
            descent.step()
            ends[normalised, scale] = weight.detach().clone()
    torch.testing.assert_close(ends[True, 1.0], ends[True, 10.0])
    torch.testing.assert_close(ends[False, 1.0] * 10, ends[False, 10.0])


def test_plain_without_a_ball_is_torch_sgd():
    models = [nn.Linear(4, 2) for _ in range(2)]
    models[1].load_state_dict(models[0].state_dict())
    steps = [
        BallDescent(models[0].parameters(), lr=0.1, normalised=False),
        torch.optim.SGD(models[1].parameters(), lr=0.1),
    ]
    for model, optimizer in zip(models, steps, strict=True):
        for _ in range(3):
            optimizer.zero_grad()
            model(torch.ones(3, 4)).square().mean().backward()
            optimizer.step()
    for a, b in zip(models[0].parameters(), models[1].parameters(), strict=True):
        assert torch.equal(a, b)


def test_converges_to_the_best_point_of_the_ball():
    weight = nn.Parameter(torch.tensor([1.0, 1.0]))
    descent = BallDescent([weight], lr=0.2, radius=5.0)
    target = torch.tensor([31.0, 41.0])
    for _ in range(60):
        descent.zero_grad()
        (weight - target).square().sum().backward()
        descent.step()
    torch.testing.assert_close(weight.detach(), torch.tensor([4.0, 5.0]), rtol=1e-4, atol=1e-4)
    assert float((weight.detach().double() - 1).norm()) <= 5.0


def test_nothing_moves_without_a_gradient():
    weight, other = nn.Parameter(torch.ones(2)), nn.Parameter(torch.ones(2))
    descent = BallDescent([weight, other], lr=1.0, radius=1.0)
    weight.grad = torch.zeros(2)
    descent.step()
    assert torch.equal(weight.detach(), torch.ones(2))
    assert torch.equal(other.detach(), torch.ones(2))


def test_a_resumed_run_keeps_its_ball():
    weight = nn.Parameter(torch.zeros(4))
    descent = BallDescent([weight], lr=1.0, radius=1.5)
    weight.grad = torch.ones(4)
    descent.step()
    again = nn.Parameter(weight.detach().clone())
    resumed = BallDescent([again], lr=1.0, radius=9.0)
    resumed.load_state_dict(descent.state_dict())
    again.grad = torch.ones(4)
    resumed.step()
    assert float(again.detach().norm()) == pytest.approx(1.5, rel=1e-5)  # about the first start, not about the second
    assert torch.equal(resumed.centers()[0], torch.zeros(4))


def test_spends_less_distance_than_adam_for_the_same_loss():
    """A loss that feels two of 200 coordinates much and the others a little: Adam moves them all alike."""
    curvature = torch.full((200,), 0.001)
    curvature[:2] = 1.0

    def spent(optimizer: type, **options: float) -> float:
        weight = nn.Parameter(torch.zeros(200))
        ball, step = Ball([weight], radius=1e9), optimizer([weight], lr=0.01, **options)
        for _ in range(2000):
            loss = (curvature * (weight - 1).square()).sum()
            if loss < 0.25:
                return ball.distance()
            step.zero_grad()
            loss.backward()
            step.step()
        raise AssertionError("never got there")

    assert spent(BallDescent) < 0.5 * spent(torch.optim.Adam)


def test_takes_a_closure_and_go():
    weight = nn.Parameter(torch.zeros(3))
    go = GO(BallDescent([weight], lr=0.5, radius=1.0), sigma=0.1)

    def closure() -> torch.Tensor:
        go.zero_grad()
        loss = (weight - 5).square().sum()
        loss.backward()
        return loss

    for _ in range(5):
        assert float(go.step(closure).detach()) > 0
    assert float(weight.detach().norm()) == pytest.approx(1.0, rel=1e-4)


def test_what_cannot_be_meant_is_refused():
    weight = nn.Parameter(torch.zeros(2))
    for lr in (-1.0, math.nan):
        with pytest.raises(InputError, match="no step size"):
            BallDescent([weight], lr=lr)
    with pytest.raises(InputError, match="no distance"):
        BallDescent([weight], radius=-1.0)


def test_the_ball_is_one_over_all_groups():
    a, b = (nn.Parameter(torch.zeros(3)) for _ in range(2))
    with pytest.raises(InputError, match=r"a group of radius 2\.0 beside one of 1\.0"):
        BallDescent([{"params": [a]}, {"params": [b], "radius": 2.0}], radius=1.0)
    descent = BallDescent([{"params": [a], "radius": 1.0}], lr=0.1)
    descent.add_param_group({"params": [b], "radius": 1.0, "lr": 0.2})
    with pytest.raises(InputError, match="radius nan"):
        BallDescent([{"params": [a], "radius": float("nan")}])


def test_a_step_that_the_precision_swallows_is_said_once():
    weight = nn.Parameter(torch.ones(1000, dtype=torch.bfloat16))
    descent = BallDescent([weight], lr=1e-3)
    weight.sum().backward()
    with pytest.warns(PrecisionWarning, match="moves 0 of 1,000 low-precision weights"):
        descent.step()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        descent.step()


def test_a_first_step_of_no_length_and_rows_without_gradient_are_no_matter():
    table = nn.Embedding(50, 4, dtype=torch.bfloat16)
    descent = BallDescent(table.parameters(), lr=0.0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for descent.param_groups[0]["lr"] in (0.0, 5.0):
            descent.zero_grad()
            table(torch.tensor([1])).float().sum().backward()
            descent.step()


def test_copies_go_on():
    weight = nn.Parameter(torch.zeros(3))
    other = copy.deepcopy(BallDescent([weight], lr=1.0))
    other.param_groups[0]["params"][0].grad = torch.ones(3)
    other.step()
    assert float(other.param_groups[0]["params"][0].detach().norm()) == pytest.approx(1.0)


def test_a_sparse_gradient_is_refused():
    table = nn.Embedding(5, 2, sparse=True)
    descent = BallDescent(table.parameters(), lr=0.1)
    table(torch.tensor([1])).sum().backward()
    with pytest.raises(InputError, match="a gradient is sparse"):
        descent.step()
