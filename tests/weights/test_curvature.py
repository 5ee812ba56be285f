"""The top of the Hessian against losses whose Hessian is known."""

import math

import numpy as np
import pytest
import torch
from torch import nn

from corrie.errors import InputError
from corrie.weights.curvature import Curvature, top_curvature
from corrie.weights.fingerprint import model_fingerprint
from corrie.weights.selection import select

SIDE = 6


def cosine(found: Curvature, wanted: np.ndarray) -> float:
    vector = torch.cat([t.reshape(-1) for t in found.tensors.values()]).double().numpy()
    assert np.linalg.norm(vector) == pytest.approx(math.sqrt(SIDE), rel=1e-5)
    return abs(float(vector @ wanted)) / np.linalg.norm(vector)


@pytest.mark.parametrize(
    "spectrum",
    [[5.0, 3.0, 1.0, 0.5, 0.2, 0.1], [5.0, 3.0, -1.0, -2.0, 0.2, 0.1], [2.0, 1.0, -1.0, 0.5, -8.0, 0.1]],
    ids=["bowl", "saddle", "ridge"],
)
def test_a_quadratic(spectrum: list[float]) -> None:
    """Also where the eigenvalue of largest size is negative: the top is the most positive one."""
    turn, _ = np.linalg.qr(np.random.default_rng(0).normal(size=(SIDE, SIDE)))
    matrix = torch.tensor(turn @ np.diag(spectrum) @ turn.T, dtype=torch.float32)
    layer = nn.Linear(SIDE, 1, bias=False)

    def loss_and_grad() -> float:
        x = layer.weight[0]
        loss = x @ matrix @ x / 2
        loss.backward()
        return loss.item()

    before = model_fingerprint(layer)
    found = top_curvature(select(layer), loss_and_grad, reach=0.1, products=200, tolerance=2e-3)
    assert found.converged
    assert found.eigenvalue == pytest.approx(spectrum[0], rel=1e-3)
    assert cosine(found, turn[:, 0]) > 0.9999
    assert model_fingerprint(layer) == before
    assert layer.weight.grad is None


def test_a_logistic_model() -> None:
    """H = mean s(1 − s) x xᵀ, s = 1/(1 + exp(−w·x)); at the default reach."""
    generator = np.random.default_rng(4)
    x = generator.normal(size=(30, SIDE)) * [3.0, 1.0, 1.0, 1.0, 1.0, 1.0]
    y = np.sign(generator.normal(size=30))
    layer = nn.Linear(SIDE, 1, bias=False)
    w = layer.weight.detach().double().numpy()[0]
    inputs, signs = torch.tensor(x, dtype=torch.float32), torch.tensor(y, dtype=torch.float32)

    def loss_and_grad() -> float:
        loss = nn.functional.softplus(-signs * layer(inputs)[:, 0]).mean()
        loss.backward()
        return loss.item()

    share = 1 / (1 + np.exp(-x @ w))
    values, vectors = np.linalg.eigh((x * (share * (1 - share))[:, None]).T @ x / len(x))
    found = top_curvature(select(layer), loss_and_grad, reach=0.01)
    assert found.eigenvalue == pytest.approx(values[-1], rel=2e-3)
    assert cosine(found, vectors[:, -1]) > 0.999
    assert str(found).startswith("Top curvature λ = ")


def test_too_few_products_are_said() -> None:
    layer = nn.Linear(SIDE, 1, bias=False)
    scale = torch.tensor([1.0, 0.99, 0.98, 0.97, 0.96, 0.95])

    def loss_and_grad() -> float:
        loss = (scale * layer.weight.square()).sum()
        loss.backward()
        return loss.item()

    found = top_curvature(select(layer), loss_and_grad, reach=0.1, products=2, tolerance=1e-4)
    assert not found.converged
    assert found.products == 2
    assert "not converged" in str(found)


def test_what_has_no_curvature_to_be_found() -> None:
    layer = nn.Linear(SIDE, 1, bias=False)

    def straight() -> float:
        layer.weight.sum().backward()
        return 0.0

    with pytest.raises(InputError, match="the same everywhere"):
        top_curvature(select(layer), straight, reach=0.1)
    with pytest.raises(InputError, match="is not valid"):
        top_curvature(select(layer), straight, reach=-1.0)
    layer.to(torch.bfloat16)
    with pytest.raises(InputError, match="their rounding is larger"):
        top_curvature(select(layer), straight, reach=0.1)
