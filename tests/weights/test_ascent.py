"""The climb against losses whose worst direction is known."""

import math

import numpy as np
import pytest
import torch
from scipy.optimize import brentq
from torch import nn

from corrie.errors import InputError
from corrie.testing.toy_models import toy_module
from corrie.weights.ascent import worst_case
from corrie.weights.fingerprint import model_fingerprint
from corrie.weights.gradients import LossAndGrad
from corrie.weights.selection import select

SIDE = 6


class Point(nn.Module):
    """Parameters in two tensors, so that norms run over both."""

    def __init__(self, at: np.ndarray) -> None:
        super().__init__()
        self.head = nn.Parameter(torch.tensor(at[:2], dtype=torch.float32))
        self.rest = nn.Parameter(torch.tensor(at[2:], dtype=torch.float32))

    def vector(self) -> torch.Tensor:
        return torch.cat([self.head, self.rest])


def quadratic(module: Point, hessian: np.ndarray) -> LossAndGrad:
    """L = ½ xᵀ H x."""
    matrix = torch.tensor(hessian, dtype=torch.float32)

    def loss_and_grad() -> float:
        x = module.vector()
        loss = x @ matrix @ x / 2
        loss.backward()
        return loss.item()

    return loss_and_grad


def logistic(module: Point, x: np.ndarray, y: np.ndarray) -> LossAndGrad:
    """L = mean log(1 + exp(−y w·x))."""
    inputs, signs = torch.tensor(x, dtype=torch.float32), torch.tensor(y, dtype=torch.float32)

    def loss_and_grad() -> float:
        loss = nn.functional.softplus(-signs * (inputs @ module.vector())).mean()
        loss.backward()
        return loss.item()

    return loss_and_grad


def flat(tensors: dict[str, torch.Tensor]) -> np.ndarray:
    return torch.cat([tensors["head"], tensors["rest"]]).double().numpy()


@pytest.fixture
def hessian() -> np.ndarray:
    generator = np.random.default_rng(0)
    turn, _ = np.linalg.qr(generator.normal(size=(SIDE, SIDE)))
    return turn @ np.diag([9.0, 4.0, 2.0, 1.0, 0.5, 0.1]) @ turn.T


def test_at_the_bottom_of_a_bowl_it_is_the_top_of_the_hessian(hessian: np.ndarray) -> None:
    """max ½δᵀHδ on ‖δ‖ = r is ½λr², at the top eigenvector. There is no gradient to start from."""
    module = Point(np.zeros(SIDE))
    found = worst_case(select(module), quadratic(module, hessian), 0.7, steps=40)
    top = np.linalg.eigh(hessian)[1][:, -1]
    assert abs(flat(dict(found.tensors)) @ top) / math.sqrt(SIDE) == pytest.approx(1.0, abs=1e-5)
    assert found.loss == pytest.approx(9.0 * 0.7**2 / 2, rel=1e-5)
    assert [c.start for c in found.climbs] == ["random 0"]


@pytest.mark.parametrize("distance", [0.1, 1.0, 10.0])
def test_away_from_the_bottom_it_solves_the_secular_equation(hessian: np.ndarray, distance: float) -> None:
    """max ½δᵀHδ + gᵀδ on the sphere: δ = (μI − H)⁻¹ g with μ > λ_max such that ‖δ‖ = r."""
    at = np.random.default_rng(1).normal(size=SIDE)
    slope = hessian @ at

    def solution(mu: float) -> np.ndarray:
        return np.linalg.solve(mu * np.eye(SIDE) - hessian, slope)

    mu = brentq(lambda m: np.linalg.norm(solution(m)) - distance, 9.0 + 1e-9, 9.0 + 1e4)
    wanted = at @ hessian @ at / 2 + slope @ solution(mu) + solution(mu) @ hessian @ solution(mu) / 2
    module = Point(at)
    found = worst_case(select(module), quadratic(module, hessian), distance, steps=60, restarts=2)
    assert found.loss == pytest.approx(wanted, rel=1e-4)
    direction = flat(dict(found.tensors)) / math.sqrt(SIDE)
    assert direction @ solution(mu) / distance == pytest.approx(1.0, abs=1e-3)


def test_a_logistic_model_of_one_example_is_moved_against_it() -> None:
    x = np.random.default_rng(2).normal(size=SIDE)
    module = Point(np.full(SIDE, 0.1))
    found = worst_case(select(module), logistic(module, x[None], np.array([-1.0])), 2.0, steps=5)
    np.testing.assert_allclose(flat(dict(found.tensors)) / math.sqrt(SIDE), x / np.linalg.norm(x), atol=1e-5)
    wanted = np.log1p(np.exp(0.1 * x.sum() + 2.0 * np.linalg.norm(x)))
    assert found.loss == pytest.approx(wanted, rel=1e-5)


def test_without_steps_it_is_the_gradient() -> None:
    generator = np.random.default_rng(3)
    x, y = generator.normal(size=(8, SIDE)), np.sign(generator.normal(size=8))
    w = generator.normal(size=SIDE)
    gradient = (-(y / (1 + np.exp(y * (x @ w))))[:, None] * x).mean(0)
    module = Point(w)
    found = worst_case(select(module), logistic(module, x, y), 0.5, steps=0)
    wanted = gradient / np.linalg.norm(gradient)
    np.testing.assert_allclose(flat(dict(found.tensors)) / math.sqrt(SIDE), wanted, atol=1e-5)


def test_the_highest_of_several_starts_wins(hessian: np.ndarray) -> None:
    """A gradient within one eigenvector leads nowhere else; a random start finds the top, and is climbed to again."""
    values, vectors = np.linalg.eigh(hessian)
    module = Point(0.01 * vectors[:, 0])
    found = worst_case(select(module), quadratic(module, hessian), 1.0, steps=30, restarts=2, seed=5)
    assert [c.start for c in found.climbs] == ["random 5", "random 6", "gradient"]
    assert found.loss == max(max(c.losses) for c in found.climbs)
    assert found.loss > values[-1] / 2 * 0.99
    assert abs(flat(dict(found.tensors)) @ vectors[:, -1]) / math.sqrt(SIDE) > 0.99


def test_the_highest_point_on_the_way_is_climbed_to_again() -> None:
    """On a wave a step of the full distance overshoots; what is returned is the best that was seen, not the last."""
    module = Point(np.full(SIDE, 0.3))

    def wave() -> float:
        x = module.vector()
        loss = torch.sin(20 * x).sum() + x[0] ** 2
        loss.backward()
        return loss.item()

    found = worst_case(select(module), wave, 2.0, steps=9, step=1.0, restarts=3)
    highest = max(max(c.losses) for c in found.climbs)
    assert any(c.losses[-1] < max(c.losses) for c in found.climbs)
    assert found.loss == highest
    with torch.no_grad():
        at = module.vector() + found.alpha * torch.cat([found.tensors["head"], found.tensors["rest"]])
        assert float(torch.sin(20 * at).sum() + at[0] ** 2) == pytest.approx(highest, abs=1e-3)


def test_the_axis_is_that_of_random_noise(hessian: np.ndarray) -> None:
    module = Point(np.zeros(SIDE))
    found = worst_case(select(module), quadratic(module, hessian), 0.7)
    assert np.linalg.norm(flat(dict(found.tensors))) == pytest.approx(math.sqrt(SIDE), rel=1e-6)
    assert found.alpha * math.sqrt(SIDE) == pytest.approx(0.7)
    assert str(found).startswith("Worst of 1 start at L2 distance 0.7 (α = 0.286): loss 0 → 2.2")


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_the_weights_are_put_back_and_no_gradients_are_left(dtype: torch.dtype) -> None:
    module = toy_module().to(dtype)
    before = model_fingerprint(module)
    tokens = torch.arange(12)[None]

    def loss_and_grad() -> float:
        loss = module(input_ids=tokens, labels=tokens).loss
        loss.backward()
        return loss.item()

    found = worst_case(select(module), loss_and_grad, 1.0, steps=3)
    assert found.loss > found.before + 0.5
    assert found.loss > found.climbs[0].losses[0]
    assert model_fingerprint(module) == before
    assert all(p.grad is None and p.requires_grad for p in module.parameters())


def test_an_error_on_the_way_leaves_the_weights_as_they_were() -> None:
    module = Point(np.ones(SIDE))
    before, calls = model_fingerprint(module), []

    def loss_and_grad() -> float:
        calls.append(1)
        if len(calls) == 4:
            raise ZeroDivisionError
        return quadratic(module, np.eye(SIDE))()

    with pytest.raises(ZeroDivisionError):
        worst_case(select(module), loss_and_grad, 1.0)
    assert model_fingerprint(module) == before
    assert all(p.grad is None for p in module.parameters())


def test_numbers_that_cannot_be_meant(hessian: np.ndarray) -> None:
    module = Point(np.zeros(SIDE))
    loss_and_grad = quadratic(module, hessian)
    for wrong in (0.0, -1.0, math.inf, math.nan):
        with pytest.raises(InputError, match="not a length"):
            worst_case(select(module), loss_and_grad, wrong)
    for wrong in ({"steps": -1}, {"restarts": -1}, {"step": 0.0}, {"step": 2.0}):
        with pytest.raises(InputError, match="is not valid"):
            worst_case(select(module), loss_and_grad, 1.0, **wrong)
    with pytest.raises(InputError, match="not a number there"):
        worst_case(select(module), lambda: math.nan, 1.0)
