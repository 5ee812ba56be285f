"""The average: equal to the slow sum, beside any optimizer, and put back to the bit."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from corrie.errors import InputError
from corrie.optim import GO, Average, Ball, BasinWatch


def run(net: nn.Module, optimizer: Any, steps: int = 12) -> list[Tensor]:
    """Train; the first weight after every step."""
    dice, trail = torch.Generator().manual_seed(0), []
    weight = next(net.parameters())
    for _ in range(steps):
        optimizer.zero_grad()
        text = torch.randn(8, 3, generator=dice, dtype=torch.float64)
        if isinstance(optimizer, GO):
            with optimizer.perturbed():
                (net(text) - 1).square().mean().backward()
        else:
            (net(text) - 1).square().mean().backward()
        optimizer.step()
        trail.append(weight.detach().clone())
    return trail


def net_of() -> nn.Module:
    torch.manual_seed(0)
    return nn.Linear(3, 2).double()


def exponential(trail: list[Tensor], decay: float) -> Tensor:
    mean = trail[0]
    for weight in trail[1:]:
        mean = decay * mean + (1 - decay) * weight
    return mean


@pytest.mark.parametrize("noisy", [False, True])
@pytest.mark.parametrize(("decay", "after"), [(0.8, 0), (0.8, 4), (None, 0), (None, 5)])
def test_it_is_the_slow_sum(decay: float | None, after: int, noisy: bool) -> None:
    net = net_of()
    average = Average(net.parameters(), decay, after=after)
    optimizer: Any = torch.optim.SGD(net.parameters(), lr=0.1)
    optimizer = GO(optimizer, sigma=0.3) if noisy else optimizer
    average.follow(optimizer)
    trail = run(net, optimizer)
    kept = trail[after:]
    slow = torch.stack(kept).mean(dim=0) if decay is None else exponential(kept, decay)
    weight = next(net.parameters())
    near = 1e-7 if decay is None else 1e-14  # torch holds 1/t of the uniform mean in float32
    assert average.taken == len(kept)
    with average.applied():
        torch.testing.assert_close(weight.detach(), slow, rtol=0, atol=near)
    assert torch.equal(weight.detach(), trail[-1])
    average.install()
    torch.testing.assert_close(weight.detach(), slow, rtol=0, atol=near)


def test_within_applied_weights_come_back_when_something_raises() -> None:
    net = net_of()
    average = Average(net.parameters(), 0.5)
    average.follow(optimizer := torch.optim.SGD(net.parameters(), lr=0.1))
    trail = run(net, optimizer)
    with pytest.raises(KeyError), average.applied():
        raise KeyError
    assert torch.equal(next(net.parameters()).detach(), trail[-1])


def test_saved_and_loaded_it_goes_on_to_the_bit() -> None:
    ends = []
    for stopped in (False, True):
        net = net_of()
        average = Average(net.parameters(), 0.9, after=2)
        optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
        for n in range(8):
            if stopped and n in (1, 5):
                state = average.state_dict()
                average = Average(net.parameters(), 0.9, after=2)
                average.load_state_dict(state)
            run(net, optimizer, 1)
            average.update()
        average.install()
        ends.append(next(net.parameters()).detach().clone())
    assert torch.equal(*ends)


def test_the_mean_of_a_ball_is_in_it_and_is_what_a_watch_sees() -> None:
    net = net_of()
    ball, watch = Ball(net.parameters(), radius=0.05), BasinWatch(net, {"math": 1.0})
    average = Average(net.parameters(), None)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.5)
    ball.hold(optimizer)
    average.follow(optimizer)
    run(net, optimizer)
    assert ball.distance() == pytest.approx(0.05, rel=1e-4)
    with average.applied():
        assert watch.measure().distance == ball.distance() < 0.05


def test_what_is_not_valid_is_refused() -> None:
    net = net_of()
    for decay in (1.0, -0.1, "some"):
        with pytest.raises(InputError, match="no share from 0 to 1"):
            Average(net.parameters(), decay)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="may not be negative"):
        Average(net.parameters(), after=-1)
    with pytest.raises(InputError, match="there is no tensor"):
        Average([])
    with pytest.raises(InputError, match=r"none of its steps was taken yet \(0 made, 3 left out\)"):
        Average(net.parameters(), after=3).install()
    with pytest.raises(InputError, match="moves none of the average's tensors"):
        Average(net.parameters()).follow(torch.optim.SGD([nn.Parameter(torch.ones(1))], lr=1.0))
