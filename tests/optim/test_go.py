"""GO against known answers: the smoothed gradient, ridge regression, the base at σ = 0, its own resumption."""

from __future__ import annotations

import copy
import io
import math
from collections.abc import Callable

import pytest
import torch
from torch import nn

from corrie.errors import InputError
from corrie.optim import GO, choose
from corrie.optim.go import DEFAULT_SIGMA

Optimizers = pytest.mark.parametrize(
    "base",
    [
        lambda p: torch.optim.SGD(p, lr=0.05, momentum=0.9),
        lambda p: torch.optim.AdamW(p, lr=0.01, fused=True),
        lambda p: torch.optim.AdamW(p, lr=0.01, foreach=True),
    ],
    ids=["sgd", "fused", "foreach"],
)
Base = Callable[[object], torch.optim.Optimizer]


def network(seed: int = 0) -> nn.Sequential:
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(6, 8), nn.Tanh(), nn.LayerNorm(8), nn.Linear(8, 2))


def batch(step: int) -> torch.Tensor:
    return torch.randn(5, 6, generator=torch.Generator().manual_seed(step))


def train(model: nn.Module, go: GO, steps: range) -> None:
    for step in steps:
        go.zero_grad()
        with go.perturbed():
            model(batch(step)).square().mean().backward()
        go.step()


def weights(model: nn.Module) -> list[torch.Tensor]:
    return [p.detach().clone() for p in model.parameters()]


def same(a: list[torch.Tensor], b: list[torch.Tensor]) -> bool:
    return all(torch.equal(x, y) for x, y in zip(a, b, strict=True))


# -- known answers ---------------------------------------------------------------------------------------------------


def noisy_gradients(
    loss: Callable[[torch.Tensor], torch.Tensor], at: torch.Tensor, sigma: float, draws: int, antithetic: bool = False
) -> tuple[torch.Tensor, torch.Tensor]:
    """Losses and gradients of ``draws`` passes at one θ: shapes (draws,) and (draws, d)."""
    weight = nn.Parameter(at.clone())
    go = GO(torch.optim.SGD([weight], lr=0.0), sigma=sigma, antithetic=antithetic)
    losses, gradients = [], []
    for _ in range(draws):
        go.zero_grad()
        with go.perturbed():
            value = loss(weight)
            value.backward()
        losses.append(value.detach())
        gradients.append(weight.grad.clone())
    assert torch.equal(weight.detach(), at)
    return torch.stack(losses), torch.stack(gradients)


def within_band(sample: torch.Tensor, answer: torch.Tensor | float) -> bool:
    """Whether every mean lies within four standard errors of its answer, and the band is narrow enough to mean it."""
    error = sample.std(0) / math.sqrt(len(sample))
    away = torch.as_tensor(sample.mean(0) - answer)
    narrow = float(error.norm()) < 0.1 * float(torch.as_tensor(answer).norm())
    return narrow and bool((away.abs() < 4 * error).all())


def test_quadratic_mean_loss_and_gradient_are_those_of_the_smoothed_loss():
    """L = ½ θᵀHθ + bᵀθ: smoothed, L + σ²/2 tr H, with gradient Hθ + b."""
    root = torch.randn(4, 4, generator=torch.Generator().manual_seed(0))
    hessian, b = root @ root.T, torch.tensor([1.0, -2.0, 0.5, 0.0])
    theta, sigma = torch.tensor([0.3, -0.1, 0.8, 0.5]), 0.5

    def loss(w: torch.Tensor) -> torch.Tensor:
        return 0.5 * w @ hessian @ w + b @ w

    losses, gradients = noisy_gradients(loss, theta, sigma, 1500)
    smoothed = loss(theta) + sigma**2 / 2 * hessian.trace()
    assert within_band(losses, smoothed)
    assert not within_band(losses, loss(theta))  # the band can tell the two apart
    assert within_band(gradients, hessian @ theta + b)


def test_quartic_mean_gradient_is_that_of_the_smoothed_loss_not_of_the_loss():
    """L = Σ θ⁴/4: smoothed, θ⁴/4 + 3σ²θ²/2 + 3σ⁴/4, with gradient θ³ + 3σ²θ."""
    theta, sigma = torch.linspace(-1, 1, 200), 0.6
    _, gradients = noisy_gradients(lambda w: (w**4).sum() / 4, theta, sigma, 600)
    mean = gradients.mean(0)
    slope = float((mean - theta**3) @ theta / (theta @ theta))
    spread = (gradients - theta**3) @ theta / (theta @ theta)
    assert abs(slope - 3 * sigma**2) < 4 * float(spread.std()) / math.sqrt(len(spread))
    assert abs(slope) > 20 * float(spread.std()) / math.sqrt(len(spread))


def test_linear_regression_equals_ridge():
    """y ≈ (x + E x)·w with noise E on a first layer that is held at the identity, in eight copies side by side.

    E‖X(I + E)ᵀw − y‖² = ‖Xw − y‖² + σ²‖X‖_F²‖w‖²: ridge regression with penalty σ²‖X‖_F².
    """
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(30, 3, generator=generator)
    y = x @ torch.tensor([2.0, -1.0, 0.5]) + 0.3 * torch.randn(30, generator=generator)
    sigma = 0.4
    first, w = nn.Parameter(torch.eye(3).repeat(8, 1, 1)), nn.Parameter(torch.zeros(8, 3, 1))
    groups = [{"params": [first], "lr": 0.0}, {"params": [w], "lr": 0.05, "sigma": 0.0}]
    go = GO(torch.optim.SGD(groups), sigma=sigma, antithetic=True)
    average = torch.zeros(3)
    for step in range(300):
        go.zero_grad()
        for _ in range(2):
            with go.perturbed():
                ((((x @ first.mT) @ w)[..., 0] - y).square().mean(1).sum() / 2).backward()
        go.step()
        if step >= 100:
            average += w.detach().mean(0)[:, 0] / 200
    ordinary = torch.linalg.solve(x.T @ x, x.T @ y)
    ridge = torch.linalg.solve(x.T @ x + sigma**2 * x.square().sum() * torch.eye(3), x.T @ y)
    assert (average - ridge).norm() < 0.03 * (ordinary - ridge).norm()
    assert torch.equal(first.detach(), torch.eye(3).repeat(8, 1, 1))


def test_antithetic_pairs_cancel_odd_orders():
    """On a quadratic two antithetic gradients average to the gradient at θ, whatever σ; draws differ between pairs."""
    theta = torch.tensor([1.0, -2.0])
    _, gradients = noisy_gradients(lambda w: w.square().sum(), theta, 3.0, 6, antithetic=True)
    pairs = gradients.view(3, 2, 2)
    assert torch.allclose(pairs.mean(1), (2 * theta).expand(3, 2), atol=1e-5)
    assert len({round(float(x), 4) for x in pairs[:, 0, 0]}) == 3


# -- a torch optimizer -----------------------------------------------------------------------------------------------


@Optimizers
def test_sigma_zero_is_the_base_optimizer_bit_for_bit(base: Base):
    plain, noisy = network(), network()
    optimizer, go = base(plain.parameters()), GO(base(noisy.parameters()), sigma=0.0)
    for step in range(5):
        optimizer.zero_grad()
        plain(batch(step)).square().mean().backward()
        optimizer.step()
    train(noisy, go, range(5))
    assert same(weights(plain), weights(noisy))
    assert go.buffer_bytes == 0


@Optimizers
@pytest.mark.parametrize("antithetic", [False, True])
def test_a_resumed_run_continues_bit_for_bit(base: Base, antithetic: bool):
    def make(seed: int) -> tuple[nn.Module, GO, torch.optim.lr_scheduler.LRScheduler]:
        model = network(seed)
        go = GO(base(model.parameters()), sigma=0.1, seed=seed, antithetic=antithetic)
        return model, go, torch.optim.lr_scheduler.ExponentialLR(go, 0.9)

    def run(model: nn.Module, go: GO, schedule: torch.optim.lr_scheduler.LRScheduler, steps: range) -> None:
        for step in steps:
            train(model, go, range(step, step + 1))
            schedule.step()

    model, go, schedule = make(0)
    run(model, go, schedule, range(3))
    file = io.BytesIO()
    torch.save({"model": model.state_dict(), "go": go.state_dict(), "schedule": schedule.state_dict()}, file)
    run(model, go, schedule, range(3, 7))

    file.seek(0)
    saved = torch.load(file, weights_only=True)
    other, other_go, other_schedule = make(1)  # another seed: the saved one must win
    other.load_state_dict(saved["model"])
    other_go.load_state_dict(saved["go"])
    other_schedule.load_state_dict(saved["schedule"])
    assert other_go.draws == 3
    run(other, other_go, other_schedule, range(3, 7))
    assert same(weights(model), weights(other))


def test_states_pass_between_go_and_its_base():
    model = network()
    base = torch.optim.AdamW(model.parameters(), lr=0.01)
    model(batch(0)).mean().backward()
    base.step()
    go = GO(torch.optim.AdamW(model.parameters()), sigma=0.1, seed=5)
    go.load_state_dict(base.state_dict())  # AdamW's checkpoint, continued with GO
    assert go.param_groups[0]["lr"] == 0.01
    assert go.sigmas() == [0.1]
    assert go.state[next(model.parameters())]["step"] == 1
    train(model, go, range(2))
    back = torch.optim.AdamW(model.parameters())
    back.load_state_dict(go.state_dict())  # and GO's with AdamW
    assert back.state[next(model.parameters())]["step"] == 3


def test_learning_rate_schedulers_and_step_hooks_work():
    model = network()
    go = GO(torch.optim.SGD(model.parameters(), lr=1.0), sigma=0.1)
    schedule = torch.optim.lr_scheduler.StepLR(go, 1, gamma=0.5)
    steps = []
    go.register_step_post_hook(lambda *_: steps.append(go.is_perturbed))
    for step in range(2):
        train(model, go, range(step, step + 1))
        schedule.step()
    assert go.base.param_groups[0]["lr"] == 0.25
    assert steps == [False, False]


def test_groups_have_their_own_sigma_and_new_ones_may_be_added():
    a, b, c = (nn.Parameter(torch.zeros(20_000)) for _ in range(3))
    go = GO(torch.optim.SGD([{"params": [a]}, {"params": [b], "sigma": 2.0}], lr=0.1), sigma=0.5)

    def spreads() -> list[float]:
        with go.perturbed():
            return [float(w.detach().std()) for w in (a, b, c)]

    assert spreads() == pytest.approx([0.5, 2.0, 0.0], rel=0.05)
    go.add_param_group({"params": [c], "sigma": 1.0})
    go.param_groups[0]["sigma"] = 0.0
    assert spreads() == pytest.approx([0.0, 2.0, 1.0], rel=0.05)
    assert go.sigmas() == [0.0, 2.0, 1.0]
    assert go.param_groups[2]["go_draws"] == 2  # a new group stands where the noise stands


def test_relative_sigma_counts_in_root_mean_squares():
    small, large, zero = (nn.Parameter(torch.full((2000,), v)) for v in (0.01, 10.0, 0.0))
    go = GO(torch.optim.SGD([small, large, zero], lr=0.1), sigma=0.1, relative=True)
    with go.perturbed():
        assert float(small.detach().std()) == pytest.approx(0.001, rel=0.1)
        assert float(large.detach().std()) == pytest.approx(1.0, rel=0.1)
        assert not zero.any()


def test_the_default_sigma_is_relative_and_a_group_s_own_is_not():
    small, own, both = (nn.Parameter(torch.full((2000,), v)) for v in (0.01, 10.0, 10.0))
    groups = [{"params": [small]}, {"params": [own], "sigma": 0.3}, {"params": [both], "sigma": 0.3, "relative": True}]
    go = GO(torch.optim.SGD(groups, lr=0.1))
    with go.perturbed():
        for weight, expected in ((small, 0.01 * DEFAULT_SIGMA), (own, 0.3), (both, 3.0)):
            assert float(weight.detach().std()) == pytest.approx(expected, rel=0.1)
    with pytest.raises(InputError, match="the default is relative"):
        GO(torch.optim.SGD([small], lr=0.1), relative=False)


def test_chosen_tensors_move_and_frozen_ones_do_not():
    model = network()
    model[0].bias.requires_grad_(False)
    go = GO(torch.optim.SGD(model.parameters(), lr=0.1), sigma=0.1, tensors=choose(model, "0.*"))
    before = dict(zip([n for n, _ in model.named_parameters()], weights(model), strict=True))
    with go.perturbed():
        moved = [name for name, p in model.named_parameters() if not torch.equal(p.detach(), before[name])]
    assert moved == ["0.weight"]


def test_frozen_ones_move_where_that_is_asked_for():
    model = network()
    model.requires_grad_(False)
    before = weights(model)
    go = GO(torch.optim.SGD(model.parameters(), lr=0.1), sigma=0.1, frozen=True)
    with go.perturbed():
        assert not any(map(torch.equal, before, weights(model)))
    assert all(map(torch.equal, before, weights(model)))
    with copy.deepcopy(go).perturbed():  # a copy moves its own
        assert all(map(torch.equal, before, weights(model)))


@pytest.mark.parametrize("how", ["one parameter", "one storage"])
def test_tied_weights_move_once_and_together(how: str):
    a, b = nn.Linear(40, 40, bias=False), nn.Linear(40, 40, bias=False)
    if how == "one parameter":
        b.weight = a.weight
    else:
        b.weight.data = a.weight.data
    parameters = list(dict.fromkeys([a.weight, b.weight]))
    clean = a.weight.detach().clone()
    go = GO(torch.optim.SGD(parameters, lr=0.0), sigma=0.5)
    with go.perturbed():
        assert a.weight.data_ptr() == b.weight.data_ptr()
        assert float((a.weight.detach() - clean).std()) == pytest.approx(0.5, rel=0.1)  # not √2 times it
    assert a.weight.data_ptr() == b.weight.data_ptr()
    assert torch.equal(b.weight.detach(), clean)
    assert go.buffer_bytes == clean.numel() * 4


def test_one_buffer_of_the_model_s_size_and_no_more():
    model = network()
    go = GO(torch.optim.AdamW(model.parameters()), sigma=0.1)
    train(model, go, range(3))
    assert go.buffer_bytes == sum(p.numel() * p.element_size() for p in model.parameters())


@pytest.mark.parametrize("in_place", [None, True])
def test_an_exception_leaves_the_weights_bit_identical(in_place: bool | None):
    model = network()
    clean, addresses = weights(model), [p.data_ptr() for p in model.parameters()]
    go = GO(torch.optim.AdamW(model.parameters()), sigma=0.1, in_place=in_place)

    def body() -> None:
        with go.perturbed():
            assert not same(weights(model), clean)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        body()
    assert same(weights(model), clean)
    assert [p.data_ptr() for p in model.parameters()] == addresses
    assert not go.is_perturbed
    with go.perturbed():  # and the next one works
        pass


def test_in_place_and_swap_train_alike():
    results = []
    for in_place in (None, True):
        model = network()
        train(model, GO(torch.optim.AdamW(model.parameters(), lr=0.01), sigma=0.1, in_place=in_place), range(4))
        results.append(weights(model))
    assert same(*results)


def test_accumulation_sums_gradients_at_fresh_noise():
    """Two micro-batches: each sees its own ε, and their gradients add up to those of each alone."""
    model = network()
    go = GO(torch.optim.SGD(model.parameters(), lr=0.1), sigma=0.1)
    seen = []
    for step in range(2):
        with go.perturbed():
            seen.append(weights(model))
            model(batch(step)).square().mean().backward()
    total = [p.grad.clone() for p in model.parameters()]
    assert not same(*seen)
    expected = [torch.zeros_like(t) for t in total]
    for step, at in enumerate(seen):
        other = copy.deepcopy(model)
        other.zero_grad()
        for p, value in zip(other.parameters(), at, strict=True):
            p.data = value
        other(batch(step)).square().mean().backward()
        expected = [e + p.grad for e, p in zip(expected, other.parameters(), strict=True)]
    for a, b in zip(total, expected, strict=True):
        torch.testing.assert_close(a, b)


def test_a_closure_runs_at_the_noise():
    weight = nn.Parameter(torch.zeros(3))
    go = GO(torch.optim.SGD([weight], lr=0.5), sigma=1.0)

    def closure() -> torch.Tensor:
        assert weight.any()
        go.zero_grad()
        loss = (weight - 1).square().sum()
        loss.backward()
        return loss

    assert go.step(closure) is not None
    assert go.draws == 1
    assert not torch.equal(weight.detach(), torch.ones(3))  # plain SGD would land on 1 exactly


def test_clipping_acts_on_the_noisy_gradient():
    """The step is the noisy gradient at the length 0.1: neither clipped before the noise nor θ's own gradient."""

    def step(sigma: float) -> torch.Tensor:
        model = network()
        go = GO(torch.optim.SGD(model.parameters(), lr=1.0), sigma=sigma)
        with go.perturbed():
            (100 * model(batch(0)).square().mean()).backward()
        noisy = torch.cat([p.grad.flatten() for p in model.parameters()])
        before = weights(model)
        nn.utils.clip_grad_norm_(model.parameters(), 0.1)
        go.step()
        moved = torch.cat([(a - b).flatten() for a, b in zip(before, weights(model), strict=True)])
        torch.testing.assert_close(moved, 0.1 * noisy / noisy.norm(), rtol=1e-3, atol=1e-6)
        return moved

    assert float((step(0.5) - step(0.0)).norm()) > 0.02


def test_a_step_of_the_base_or_inside_the_with_is_not_lost():
    weight = nn.Parameter(torch.zeros(3))
    base = torch.optim.SGD([weight], lr=0.5)
    go = GO(base, sigma=1.0)
    for step in (go.step, base.step):
        weight.data.zero_()
        weight.grad = torch.ones(3)
        with go.perturbed():
            step()
        assert torch.equal(weight.detach(), torch.full((3,), -0.5))


def test_replicas_have_noise_of_their_own():
    seen = []
    for replica in (0, 1, 0):
        weight = nn.Parameter(torch.zeros(50))
        with GO(torch.optim.SGD([weight], lr=0.1), sigma=1.0, replica=replica).perturbed():
            seen.append(weight.detach().clone())
    assert torch.equal(seen[0], seen[2])
    assert not torch.equal(seen[0], seen[1])


def test_a_second_backward_at_other_weights_is_an_error_not_a_wrong_gradient():
    model = network()
    go = GO(torch.optim.SGD(model.parameters(), lr=0.1), sigma=0.1)
    with go.perturbed():
        loss = model(batch(0)).square().mean()
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        loss.backward()


def test_forgetting_the_noise_is_said_once():
    model = network()
    go = GO(torch.optim.SGD(model.parameters(), lr=0.1), sigma=0.1)
    model(batch(0)).mean().backward()
    with pytest.warns(UserWarning, match="without any draw"):
        go.step()
    go.step()


def test_what_cannot_be_meant_is_refused():
    weight = nn.Parameter(torch.zeros(2))
    base = torch.optim.SGD([weight], lr=0.1)
    for sigma in (-1.0, math.nan, math.inf):
        with pytest.raises(InputError, match="no standard deviation"):
            GO(base, sigma=sigma)
    with pytest.raises(InputError, match="is not in the base optimizer"):
        GO(base, sigma=0.1, tensors=[nn.Parameter(torch.zeros(7))])
    with pytest.raises(InputError, match="there is none"):
        GO(base, sigma=0.1, tensors=[])
    with pytest.raises(InputError, match="negative"):
        GO(base, sigma=0.1, seed=-1)
    with pytest.raises(InputError, match="no standard deviation"):
        GO(base, sigma="0.01")  # type: ignore[arg-type]
    with pytest.raises(InputError, match="no function of the step"):
        GO(base, sigma=0.1, schedule=100)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="they are no tensors"):
        GO(base, sigma=0.1, tensors="*proj*")  # type: ignore[arg-type]
    go = GO(base, sigma=0.1)
    with go.perturbed(), pytest.raises(InputError, match="none inside another"), go.perturbed():
        pass
