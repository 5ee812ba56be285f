"""The flattest of the models that say the same: against formulas, another optimiser, and noise itself."""

from __future__ import annotations

import copy
import math

import numpy as np
import pytest
import torch
from scipy.optimize import minimize
from torch import Tensor

from corrie.testing.toy_models import toy_module
from corrie.weights.selection import named_parameters
from corrie.widening.balance import balanced
from corrie.widening.divergence import divergence_of
from corrie.widening.equivalents import Rescaling, Side, rescalings_of
from corrie.widening.sensitivity import sensitivity

ONE = torch.zeros(1, dtype=torch.long)
ROWS = torch.randint(3, 60, (8, 16), generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize(("a", "b"), [(8.0, 0.5), (0.1, -3.0), (1.0, 1.0)])
def test_a_product_is_flattest_where_its_factors_are_alike(a: float, b: float) -> None:
    product = Rescaling("product", 1, (Side("a", 0, ONE, 1), Side("b", 0, ONE, -1)))
    weights = {"a": torch.tensor([a]), "b": torch.tensor([b])}
    (factor,), found = balanced([product], weights, {"a": torch.tensor([b * b]), "b": torch.tensor([a * a])})
    assert abs(a) * float(factor) == pytest.approx(abs(b) / float(factor), rel=1e-3)
    assert found.gain == pytest.approx(math.sqrt((a * a + b * b) / (2 * abs(a * b))), rel=1e-3)
    assert found.typical <= 1 + 1e-4


def _matrices(dice: torch.Generator) -> tuple[list[Rescaling], dict[str, Tensor], dict[str, Tensor]]:
    """A norm of three channels into a matrix of four rows, whose rows go into another: seven factors."""
    shapes = {"norm": (3,), "into": (4, 3), "out": (2, 4)}
    weights = {n: torch.randn(s, generator=dice) for n, s in shapes.items()}
    costs = {n: torch.rand(s, generator=dice) ** 3 * (50 if n == "norm" else 1) for n, s in shapes.items()}
    three, four = torch.arange(3), torch.arange(4)
    first = Rescaling("norm", 3, (Side("norm", 0, three, -1), Side("into", 1, three, 1)))
    second = Rescaling("rows", 4, (Side("into", 0, four, 1), Side("out", 1, four, -1)))
    return [first, second], weights, costs


@pytest.mark.parametrize("seed", range(4))
def test_it_is_the_optimum_that_another_method_finds(seed: int) -> None:
    rescalings, weights, costs = _matrices(torch.Generator().manual_seed(seed))
    _, found = balanced(rescalings, weights, costs)
    w = {n: t.double().square().numpy() for n, t in weights.items()}
    f = {n: t.double().numpy() for n, t in costs.items()}

    def sums(x: np.ndarray, of: dict[str, np.ndarray], power: int) -> float:
        c, d = np.exp(power * x[:3]), np.exp(power * x[3:])
        return float((of["norm"] / c).sum() + (of["into"] * c * d[:, None]).sum() + (of["out"] / d).sum())

    start = sums(np.zeros(7), w, 2)
    best = minimize(
        lambda x: math.log(sums(x, f, -2)),
        np.zeros(7),
        constraints={"type": "ineq", "fun": lambda x: math.log(start / sums(x, w, 2))},
        method="SLSQP",
        options={"ftol": 1e-12, "maxiter": 500},
    )
    assert best.success
    assert found.gain == pytest.approx(math.sqrt(sums(np.zeros(7), f, -2) / math.exp(best.fun)), rel=2e-3)
    assert found.typical <= 1 + 1e-3


def test_a_balanced_model_says_the_same_and_stands_more_noise_by_what_is_foretold() -> None:
    module = toy_module()
    with torch.no_grad():
        for name, tensor in module.named_parameters():  # a model that is out of balance: small values, large outputs
            tensor.mul_(
                {"v_proj": 0.2, "o_proj": 3.0, "norm.": 0.3}.get(
                    next((k for k in ("v_proj", "o_proj", "norm.") if k in name), ""), 1.0
                )
            )
    balance = copy.deepcopy(module)
    weights = dict(named_parameters(balance))
    rescalings = rescalings_of(balance, balance.config, ROWS)
    costs = sensitivity(balance, weights, ROWS, size=4, readings=60)
    factors, found = balanced(rescalings, weights, costs)
    for rescaling, its in zip(rescalings, factors, strict=True):
        rescaling.apply(weights, its)
    with torch.no_grad():
        unmoved = torch.log_softmax(module(ROWS).logits, -1)
        assert float(divergence_of(balance(ROWS).logits, unmoved)) < 1e-6
    sizes = [math.fsum(float(p.detach().double().square().sum()) for p in m.parameters()) for m in (module, balance)]
    assert math.sqrt(sizes[1] / sizes[0]) == pytest.approx(found.typical, rel=1e-3)
    before, after = (_divergence_at_noise(m, unmoved, 0.004) for m in (module, balance))
    assert found.gain > 1.3
    assert math.sqrt(before / after) == pytest.approx(found.gain, rel=0.15)


@torch.no_grad()
def _divergence_at_noise(module: torch.nn.Module, unmoved: Tensor, sigma: float) -> float:
    dice, told = torch.Generator().manual_seed(5), 0.0
    kept = [p.clone() for p in module.parameters()]
    for _ in range(40):
        for p, was in zip(module.parameters(), kept, strict=True):
            p.copy_(was + sigma * torch.randn(p.shape, generator=dice))
        told += float(divergence_of(module(ROWS).logits, unmoved)) / 40
    for p, was in zip(module.parameters(), kept, strict=True):
        p.copy_(was)
    return told


def test_where_nothing_can_be_moved_nothing_is() -> None:
    still = Rescaling("product", 1, (Side("a", 0, ONE, 1), Side("b", 0, ONE, -1)))
    weights = {"a": torch.tensor([1.0]), "b": torch.tensor([2.0]), "c": torch.tensor([3.0])}
    (factor,), found = balanced([still], weights, {"c": torch.tensor([1.0])})
    assert (float(factor), found.gain, found.largest) == (1.0, 1.0, 1.0)
    factors, found = balanced([], weights, {"c": torch.tensor([1.0])})
    assert (factors, found.gain, found.factors) == ([], 1.0, 0)
    (factor,), found = balanced([still], weights, {"a": torch.tensor([0.0]), "b": torch.tensor([0.0])})
    assert (float(factor), found.gain) == (1.0, 1.0)
