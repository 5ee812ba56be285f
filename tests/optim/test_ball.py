"""The ball: its projection is the nearest point, and it holds while training."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from corrie.errors import InputError, ModelError
from corrie.optim import GO, Ball, Projection, choose


def test_projection_is_the_nearest_point_of_the_ball():
    a, b = nn.Parameter(torch.zeros(2)), nn.Parameter(torch.ones(3))
    ball = Ball([a, b], radius=2.0)
    a.data += torch.tensor([3.0, 0.0])
    b.data += torch.tensor([0.0, 4.0, 0.0])
    result = ball.project()
    assert (result.before, result.moved) == (5.0, True)
    torch.testing.assert_close(a.data, torch.tensor([1.2, 0.0]), rtol=1e-5, atol=0)
    torch.testing.assert_close(b.data, torch.tensor([1.0, 2.6, 1.0]), rtol=1e-5, atol=0)
    assert ball.distance() <= 2.0


def test_inside_nothing_moves_by_a_bit():
    weight = nn.Parameter(torch.randn(100))
    ball = Ball([weight], radius=1.0)
    weight.data += 0.01
    before = weight.detach().clone()
    result = ball.project()
    assert not result.moved
    assert torch.equal(weight.detach(), before)
    assert str(result) == "inside the ball: distance 0.1, radius 1"


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float64])
@pytest.mark.parametrize("radius", [1e-3, 0.7, 3.0])
def test_rounding_never_leads_outside(dtype: torch.dtype, radius: float):
    torch.manual_seed(0)
    weight = nn.Parameter(torch.zeros(1000, dtype=dtype))
    ball = Ball([weight], radius=radius)
    weight.data += torch.randn(1000).to(dtype)
    ball.project()
    assert 0.9 * radius < ball.distance() <= radius


def test_radius_zero_is_the_centre():
    weight = nn.Parameter(torch.randn(10))
    ball, start = Ball([weight], radius=0.0), weight.detach().clone()
    weight.data += 1
    ball.project()
    assert torch.equal(weight.detach(), start)


def test_another_centre():
    weight = nn.Parameter(torch.zeros(4))
    assert Ball([weight], radius=1.0, center=[torch.ones(4)]).distance() == 2.0


@pytest.mark.parametrize("with_go", [False, True])
def test_held_in_the_ball_while_training(with_go: bool):
    torch.manual_seed(0)
    model = nn.Linear(5, 5)
    optimizer: torch.optim.Optimizer = torch.optim.AdamW(model.parameters(), lr=0.1)
    if with_go:
        optimizer = GO(optimizer, sigma=0.1).attach(model)
    ball = Ball(model.parameters(), radius=0.3)
    handle = ball.hold(optimizer)
    for _ in range(5):
        optimizer.zero_grad()
        (model(torch.ones(2, 5)) - 9).square().mean().backward()
        optimizer.step()
        assert ball.distance() <= 0.3
    assert ball.distance() > 0.299
    handle.remove()
    model(torch.ones(2, 5)).mean().backward()
    optimizer.step()
    assert ball.distance() > 0.3


def test_chosen_tensors_only():
    model = nn.Sequential(nn.Linear(3, 3), nn.Linear(3, 3))
    ball = Ball(choose(model, "0.*"), radius=0.1)
    with torch.no_grad():
        for p in model.parameters():
            p.add_(1.0)
    free = model[1].weight.detach().clone()
    ball.project()
    assert ball.distance() <= 0.1
    assert torch.equal(model[1].weight.detach(), free)


def test_adapter_subspace_of_a_real_lora(tiny):
    """A frozen, B held: the radius is ‖B − B0‖_F, the distance that a certificate of the subspace speaks about."""
    from peft import LoraConfig, get_peft_model

    net = get_peft_model(tiny.model(), LoraConfig(r=2, target_modules=["q_proj"], lora_alpha=4))
    for a in choose(net, "*lora_A*"):
        a.requires_grad_(False)
    up = choose(net, "*lora_B*")
    optimizer = torch.optim.SGD(up, lr=1e4)
    ball = Ball(up, radius=0.5)
    ball.hold(optimizer)
    rows = torch.stack([e["input_ids"] for e in tiny.examples(4)])
    net(input_ids=rows, labels=rows).loss.backward()
    optimizer.step()
    norm = math.sqrt(sum(float(b.detach().double().square().sum()) for b in up))
    assert norm == pytest.approx(0.5, rel=1e-5)
    assert norm <= 0.5


def test_what_cannot_be_meant_is_refused():
    weight = nn.Parameter(torch.zeros(2))
    for radius in (-1.0, math.nan, math.inf):
        with pytest.raises(InputError, match="no distance"):
            Ball([weight], radius=radius)
    with pytest.raises(InputError, match="there is no tensor"):
        Ball([], radius=1.0)
    ball = Ball([weight], radius=1.0)
    weight.data += math.nan
    with pytest.raises(ModelError, match="not finite"):
        ball.project()


def test_weights_too_coarse_for_the_ball_are_an_error():
    """In bfloat16 the neighbours of 256 are 2 apart: no point but the centre lies within 0.5."""
    weight = nn.Parameter(torch.full((4,), 257.0).to(torch.bfloat16))
    ball = Ball([weight], radius=0.5, center=[torch.full((4,), 257.0)])
    weight.data.fill_(258.0)
    with pytest.raises(ModelError, match="rounding to"):
        ball.project()


def test_prints_as_a_sentence():
    assert str(Projection(2.0, 1.0, 1.0)) == "pulled back to the ball: distance 2 → 1, radius 1"


def test_tensors_that_are_none_or_another_optimizer_s_are_refused():
    model = nn.Linear(2, 2)
    for given in ("*lora_B*", ["*lora_B*"], model):
        with pytest.raises(InputError, match="other things than tensors"):
            Ball(given, radius=1.0)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="radius '1'"):
        Ball(model.parameters(), radius="1")  # type: ignore[arg-type]
    with pytest.raises(InputError, match="moves none of the ball's tensors"):
        Ball(model.parameters(), radius=1.0).hold(torch.optim.SGD(nn.Linear(2, 2).parameters(), lr=0.1))


def test_a_center_goes_with_its_tensors():
    a, b = (nn.Parameter(torch.zeros(4)) for _ in range(2))
    there = [torch.ones(4), torch.ones(4), 2 * torch.ones(4)]
    assert Ball([a, a, b], radius=1.0, center=there).distance() == pytest.approx(math.sqrt(4 + 16))
    with pytest.raises(InputError, match="a center of 1 tensors: the ball is over 2"):
        Ball([a, b], radius=1.0, center=there[:1])


def test_a_tensor_that_is_given_twice_counts_once():
    weight = nn.Parameter(torch.zeros(4))
    ball = Ball([weight, weight], radius=1.0)
    weight.data += 1.0
    assert ball.distance() == pytest.approx(2.0)
