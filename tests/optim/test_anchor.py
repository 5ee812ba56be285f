"""The anchor: AdamW's decay with another end, and at rest where the loss and it are in balance."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from corrie.errors import InputError
from corrie.optim import GO, Anchor, Ball


def test_around_zero_it_is_the_decay_of_adamw() -> None:
    ends = []
    for anchored in (True, False):
        torch.manual_seed(0)
        net = nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 1)).double()
        optimizer = torch.optim.AdamW(net.parameters(), lr=0.05, weight_decay=0.0 if anchored else 0.3)
        schedule = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.1, 20)
        if anchored:
            Anchor(net.parameters(), 0.3, center=[torch.zeros_like(p) for p in net.parameters()]).hold(optimizer)
        text = torch.randn(16, 4).double()
        for _ in range(20):
            optimizer.zero_grad()
            net(text).square().mean().backward()
            optimizer.step()
            schedule.step()
        ends.append([p.detach().clone() for p in net.parameters()])
    for one, two in zip(*ends, strict=True):
        torch.testing.assert_close(one, two, rtol=1e-12, atol=1e-14)


def test_on_a_quadratic_it_rests_at_the_precision_weighted_mean() -> None:
    torch.manual_seed(1)
    root = torch.randn(5, 5, dtype=torch.float64)
    hessian, least = root @ root.T + torch.eye(5), torch.randn(5, dtype=torch.float64)
    weight = nn.Parameter(torch.randn(5, dtype=torch.float64))
    anchor = Anchor([weight], strength=2.0)
    optimizer = torch.optim.SGD([weight], lr=0.1)
    anchor.hold(optimizer)
    for _ in range(200):
        optimizer.zero_grad()
        away = weight - least
        (0.5 * away @ hessian @ away).backward()
        optimizer.step()
    precision = hessian + 2.0 * torch.eye(5, dtype=torch.float64)
    expected = torch.linalg.solve(precision, hessian @ least + 2.0 * anchor.center[0])
    torch.testing.assert_close(weight.detach(), expected, rtol=1e-9, atol=1e-12)


def test_a_step_is_the_equation() -> None:
    weight = nn.Parameter(torch.tensor([1.0, -2.0], dtype=torch.float64))
    anchor = Anchor([weight], strength=0.5, center=[torch.tensor([3.0, 0.0], dtype=torch.float64)])
    handle = anchor.hold(optimizer := torch.optim.SGD([weight], lr=0.1))
    weight.grad = torch.tensor([1.0, 1.0], dtype=torch.float64)
    optimizer.step()
    assert weight.tolist() == pytest.approx([1.0 + 0.05 * 2.0 - 0.1, -2.0 + 0.05 * 2.0 - 0.1], rel=1e-14)
    handle.remove()
    optimizer.step()
    assert weight.tolist() == pytest.approx([0.9, -2.1], rel=1e-14)


def test_a_tensor_without_a_gradient_stays() -> None:
    one, two = nn.Parameter(torch.ones(2)), nn.Parameter(torch.ones(2))
    anchor = Anchor([one, two], strength=1.0, center=[torch.zeros(2), torch.zeros(2)])
    optimizer = torch.optim.AdamW([one, two], lr=0.1, weight_decay=0.0)
    anchor.hold(optimizer)
    one.grad = torch.zeros(2)
    optimizer.step()
    assert (one.tolist(), two.tolist()) == (pytest.approx([0.9, 0.9]), [1.0, 1.0])
    assert anchor.distance() == pytest.approx((2 * 0.81 + 2) ** 0.5)


@pytest.mark.parametrize("attached", [False, True])
def test_with_go_it_decays_the_weights_and_not_the_noise(attached: bool) -> None:
    torch.manual_seed(0)
    net = nn.Linear(3, 1, bias=False).double()
    start = net.weight.detach().clone()
    go = GO(torch.optim.SGD(net.parameters(), lr=0.1), sigma=0.5)
    Anchor(net.parameters(), strength=2.0, center=[torch.zeros_like(start)]).hold(go)
    text = torch.ones(2, 3, dtype=torch.float64)
    if attached:
        go.attach(net)
        (0 * net(text)).sum().backward()
        net(text)  # its backward never comes: the weights are moved as the step begins
    else:
        with go.perturbed():
            (0 * net(text)).sum().backward()
    go.step()
    torch.testing.assert_close(net.weight.detach(), 0.8 * start)


def test_with_a_ball_in_a_trainer(tiny: Any, tmp_path: Any) -> None:
    net = tiny.model()
    start = tiny.weights(net)
    trainer = tiny.trainer(net, tiny.arguments(tmp_path, weight_decay=0.0, save_strategy="no"))
    optimizer = trainer.create_optimizer()
    anchor, ball = Anchor(net.parameters(), strength=5.0), Ball(net.parameters(), radius=0.2)
    anchor.hold(optimizer)
    ball.hold(optimizer)
    trainer.train()
    assert 0 < anchor.distance() == ball.distance() <= 0.2
    assert tiny.same(start, list(anchor.center))


def test_what_is_not_valid_is_refused() -> None:
    net = nn.Linear(2, 2)
    for strength in (-1.0, float("nan"), "much"):
        with pytest.raises(InputError, match="no strength of a decay"):
            Anchor(net.parameters(), strength)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="a center of 1 tensors: the anchor is over 2"):
        Anchor(net.parameters(), 1.0, center=[torch.zeros(2, 2)])
    with pytest.raises(InputError, match=r"weight_decay=0\.01 pulls the same tensors to 0"):
        Anchor(net.parameters(), 1.0).hold(torch.optim.AdamW(net.parameters()))
    with pytest.raises(InputError, match="moves none of the anchor's tensors"):
        Anchor(net.parameters(), 1.0).hold(torch.optim.SGD([nn.Parameter(torch.ones(1))], lr=1.0))
