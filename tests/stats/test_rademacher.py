from __future__ import annotations

import math

import numpy as np
import pytest

from corrie.errors import InputError
from corrie.stats.rademacher import complexity, generalisation_gap


@pytest.mark.parametrize("kind", ["orthogonal", "alike", "random"])
def test_it_bounds_the_true_complexity(kind):
    """The supremum over the ball is r ‖Σ s_i g_i‖/n: its mean over random signs, drawn."""
    rng = np.random.default_rng(1)
    n, r = 30, 2.0
    gradients = {"orthogonal": np.eye(n), "alike": np.ones((n, 3)), "random": rng.normal(size=(n, 5))}[kind]
    signs = rng.choice([-1.0, 1.0], (20_000, n))
    true = r / n * np.linalg.norm(signs @ gradients, axis=1).mean()
    bound = complexity(r, np.linalg.norm(gradients, axis=1))
    assert true <= bound
    if kind == "orthogonal":
        assert true == pytest.approx(bound)  # every choice of signs has the same norm
    else:
        assert true > 0.7 * bound


def test_it_is_at_most_the_form_with_the_largest_gradient():
    norms = [1.0, 2.0, 3.0, 0.5]
    assert complexity(1.5, norms) <= 1.5 * 3.0 / math.sqrt(4)
    assert complexity(1.5, [3.0] * 4) == pytest.approx(1.5 * 3.0 / math.sqrt(4))


def test_the_gap_holds_as_often_as_it_says(holds_as_often_as):
    """Linear outputs ⟨v, x⟩, ‖v‖ ≤ r, with random targets; loss |⟨v, x⟩ − y| cut to [0, 1]; v fits the examples."""
    rng = np.random.default_rng(2)
    n, r = 40, 0.3
    fresh_x = rng.normal(size=(2000, 3))
    fresh_y = 0.5 + 0.1 * rng.normal(size=2000)
    held = []
    for _ in range(2000):
        x, y = rng.normal(size=(n, 3)), 0.5 + 0.1 * rng.normal(size=n)
        pull = x.T @ (y - 0.5)
        v = r * pull / np.linalg.norm(pull)

        def loss(a: np.ndarray, b: np.ndarray, v: np.ndarray = v) -> float:
            return float(np.clip(np.abs(a @ v + 0.5 - b), 0, 1).mean())

        gap = generalisation_gap(r, np.linalg.norm(x, axis=1), 0.9)
        held.append(loss(fresh_x, fresh_y) - loss(x, y) <= gap)
    holds_as_often_as(0.9, held)


def test_what_cannot_be_meant_is_refused():
    for arguments in ((-1.0, [1.0]), (1.0, []), (1.0, [-1.0]), (1.0, [[1.0]])):
        with pytest.raises(InputError):
            complexity(*arguments)
    with pytest.raises(InputError):
        generalisation_gap(1.0, [1.0], 1.0)
