"""Input changes as weight changes against hand-known cases and a general least-squares solver."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from corrie.errors import InputError
from corrie.inputs.equivalence import input_change, weight_change


def layer(seed: int, outputs: int, n: int, tokens: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return rng.normal(size=(outputs, n)), rng.normal(size=(n, tokens)), rng.normal(size=(n, tokens))


def slowly(inputs: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Least-norm ΔW with ΔW X = wanted: each row by itself, through numpy's solver."""
    return np.stack([np.linalg.lstsq(inputs.T, row, rcond=None)[0] for row in wanted])


@given(st.integers(0, 10**6), st.integers(1, 6), st.integers(1, 6))
def test_independent_tokens_always_have_one_and_it_is_the_smallest(seed, outputs, tokens):
    w, x, delta = layer(seed, outputs, 7, tokens)
    found = weight_change(w, x, delta)
    np.testing.assert_allclose((w + found.change) @ x, w @ (x + delta), atol=1e-7)
    np.testing.assert_allclose(found.change, slowly(x, w @ delta), atol=1e-7)
    assert (found.rank, found.full) == (tokens, tokens)
    assert found.residual < 1e-9
    off = np.random.default_rng(seed + 1).normal(size=found.change.shape)
    off -= off @ x @ np.linalg.pinv(x)  # a change that these tokens do not feel
    assert np.linalg.norm(found.change + off) >= found.norm - 1e-9


def test_one_token_has_the_norm_of_the_paper():
    w, x, delta = layer(0, 5, 3, 1)
    found = weight_change(w, x[:, 0], delta[:, 0])
    assert found.norm == pytest.approx(np.linalg.norm(w @ delta) / np.linalg.norm(x))
    np.testing.assert_allclose(found.change, w @ delta @ x.T / (x.T @ x), atol=1e-12)


def test_a_repeated_token_must_be_changed_in_one_way():
    w, x, delta = layer(1, 4, 6, 3)
    x[:, 2] = x[:, 0]
    with pytest.raises(InputError, match=r"there is none: the best one misses 0\.\d+ .* rank 2, so a repeated token"):
        weight_change(w, x, delta)
    delta[:, 2] = delta[:, 0]
    found = weight_change(w, x, delta)
    assert (found.rank, found.full) == (2, 3)
    np.testing.assert_allclose(found.change, weight_change(w, x[:, :2], delta[:, :2]).change, atol=1e-9)


def test_a_repeated_token_may_be_changed_in_two_ways_that_the_layer_does_not_tell_apart():
    """The condition is on WΔ, not on Δ."""
    w, x, delta = np.array([[1.0, 0.0]]), np.array([[1.0, 1.0], [2.0, 2.0]]), np.array([[1.0, 1.0], [5.0, -3.0]])
    np.testing.assert_allclose(weight_change(w, x, delta).change, [[0.2, 0.4]])


def test_one_hot_inputs_give_the_rows_of_an_embedding():
    """Tokens 2, 0, 2 of four: z = E x; the change per token id, and the norm over distinct ids."""
    e = np.random.default_rng(2).normal(size=(3, 4))
    x = np.eye(4)[:, [2, 0, 2]]
    moved = np.eye(4)[:, [1, 3, 1]] - x
    found = weight_change(e, x, moved)
    expected = np.zeros((3, 4))
    expected[:, 2], expected[:, 0] = e[:, 1] - e[:, 2], e[:, 3] - e[:, 0]
    np.testing.assert_allclose(found.change, expected, atol=1e-12)


def test_more_tokens_than_inputs_are_refused():
    with pytest.raises(InputError, match="more tokens than inputs"):
        weight_change(*layer(3, 4, 3, 5))


@given(st.integers(0, 10**6), st.integers(1, 5))
def test_full_row_rank_makes_every_weight_change_an_input_change(seed, outputs):
    w, x, _ = layer(seed, outputs, 6, 4)
    dw = np.random.default_rng(seed + 1).normal(size=w.shape)
    found = input_change(w, x, dw)
    np.testing.assert_allclose(w @ (x + found.change), (w + dw) @ x, atol=1e-6)
    assert found.rank == found.full == outputs
    np.testing.assert_allclose(found.change, np.linalg.lstsq(w, dw @ x, rcond=None)[0], atol=1e-6)


def test_full_column_rank_does_not():
    w, x, dw = np.array([[1.0], [0.0]]), np.array([[2.0]]), np.array([[0.0], [1.0]])
    with pytest.raises(InputError, match=r"there is none: 1 of the change of the outputs lies outside .*rank 1 of 2"):
        input_change(w, x, dw)
    assert input_change(w, x, np.array([[3.0], [0.0]])).change.tolist() == [[6.0]]


def test_there_and_back_is_the_same_change_where_the_layer_is_injective():
    w, x, delta = layer(4, 8, 5, 3)
    there = weight_change(w, x, delta)
    np.testing.assert_allclose(input_change(w, x, there.change).change, delta, atol=1e-8)


def test_no_change_is_no_change():
    w, x, _ = layer(5, 3, 4, 2)
    found = weight_change(w, x, np.zeros_like(x))
    assert (found.norm, found.residual) == (0.0, 0.0)
    unfelt = weight_change([[1.0, 3.0]], [0.1, 0.7], [0.3, -0.1])  # W Δ is 0 up to its last bit
    assert unfelt.residual == 0.0
    assert unfelt.norm < 1e-15


@pytest.mark.parametrize(
    ("w", "x", "delta", "found"),
    [
        ([[1.0]], [1.0, 2.0], [1.0, 2.0], "shapes do not fit"),
        ([[1.0, 1.0]], [1.0, 2.0], [1.0], "shapes do not fit"),
        ([[1.0, np.nan]], [1.0, 2.0], [1.0, 2.0], "NaN"),
    ],
)
def test_what_is_no_layer_is_refused(w, x, delta, found):
    with pytest.raises(InputError, match=found):
        weight_change(w, x, delta)


def test_it_prints_what_it_rests_on():
    found = weight_change(np.eye(2), [3.0, 4.0], [0.0, 0.0])
    assert str(found) == "Frobenius norm 0 (rank 1 of 1, residual 0.0e+00)"
