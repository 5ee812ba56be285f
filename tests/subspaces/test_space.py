"""Coordinates of a subspace: the noise's law, the lattice on which sums are exact, what is refused."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from corrie.errors import InputError
from corrie.records.subspace import SubspaceNoise
from corrie.subspaces.row_space import random_rows
from corrie.subspaces.space import (
    added,
    check_coordinates,
    dimension,
    draw_noise,
    fine_lattice,
    length,
    on_lattice,
    rounded,
)
from corrie.testing.toy_models import toy_module
from corrie.weights.noise import gaussian_noise

SHAPES = {"a": (50, 100), "b": (3,)}


def noise(seed: int = 0, lattice: int | None = None) -> SubspaceNoise:
    return SubspaceNoise(subspace="any@1", seed=seed, lattice=lattice)


def test_noise_is_the_noise_law_by_coordinate_name() -> None:
    found = draw_noise(SHAPES, noise(7), 0.5)
    assert {n: tuple(t.shape) for n, t in found.items()} == SHAPES
    for name, tensor in found.items():
        wanted = (gaussian_noise(7, name, tensor.numel()).astype(np.float64) * 0.5).astype(np.float32)
        assert np.array_equal(tensor.reshape(-1).numpy(), wanted)


def test_noise_has_its_sigma_and_its_seeds_are_independent() -> None:
    one, two = (draw_noise(SHAPES, noise(s), 0.5)["a"].double() for s in (0, 1))
    assert float(one.std()) == pytest.approx(0.5, abs=0.03)
    assert abs(float((one * two).mean()) / 0.25) < 5 / math.sqrt(one.numel())


@pytest.mark.parametrize("sigma", [1e-6, 0.3, 0.4, 1.0, 1000.0])
def test_lattice_noise_is_exact_in_float32(sigma: float) -> None:
    e = fine_lattice(sigma)
    assert 2.0**e <= sigma * 2.0**-16 < 2.0 ** (e + 1)
    drawn = draw_noise(SHAPES, noise(3, e), sigma)["a"].reshape(-1)
    steps = drawn.double().numpy() / 2.0**e
    assert np.array_equal(steps, np.rint(steps)), "whole steps, none lost to float32"
    asked = gaussian_noise(3, "a", drawn.numel()).astype(np.float64) * sigma
    assert np.abs(drawn.double().numpy() - asked).max() <= 2.0 ** (e - 1)
    assert np.abs(steps).max() < 2**21
    assert 8.6 * sigma / 2.0**e < 2**21, "also for the largest number the law has"


@given(
    place=st.integers(-(2**40), 2**40),
    value=st.floats(-100, 100, allow_nan=False),
    e=st.integers(-30, 3),
)
def test_the_lattice_theorem(place: int, value: float, e: int) -> None:
    """round(x' + ε) = x' + round(ε) for x' on the lattice, where no sum is rounded (ties have probability 0)."""
    h = 2.0**e
    if (value / h) % 1 == 0.5 or (place * h + value) - place * h != value:
        return
    assert on_lattice(np.array(place * h + value), e) == place * h + on_lattice(np.array(value), e)


def test_sums_on_the_lattice_are_exact_and_do_not_hang_on_the_order() -> None:
    e = fine_lattice(0.4)
    one = draw_noise(SHAPES, noise(1, e), 0.4)
    place = rounded({n: 100 * torch.randn(s, generator=torch.Generator().manual_seed(0)) for n, s in SHAPES.items()}, e)
    both, turned = added([(one, 1.0), (place, 1.0)]), added([(place, 1.0), (one, 1.0)])
    for name in SHAPES:
        assert both[name].dtype == torch.float64
        assert torch.equal(both[name], turned[name])
        assert torch.equal(both[name] - place[name], one[name].double()), "nothing was rounded away"


def test_a_single_place_is_taken_as_it_is() -> None:
    one = draw_noise(SHAPES, noise(1), 0.4)
    assert all(added([(one, 1.0)])[n] is one[n] for n in SHAPES)
    assert torch.equal(added([(one, 2.0)])["b"], 2 * one["b"].double())


@pytest.mark.parametrize("sigma", [0.0, -1.0, math.nan, math.inf, 1e-310, 1e38])
def test_no_lattice_for_a_sigma_that_cannot_be_meant(sigma: float) -> None:
    with pytest.raises(InputError, match="sigma"):
        fine_lattice(sigma)


def test_coordinates_of_another_subspace_are_refused() -> None:
    module = toy_module()
    space = random_rows(module, "q_proj", 1)
    assert dimension(space) == 64
    right = {n: torch.ones(s) for n, s in space.shapes.items()}
    check_coordinates(space, right, "these")
    assert length(right) == 8.0
    name = next(iter(right))
    for wrong, words in (
        ({name: right[name]}, "other coordinates"),
        ({**right, name: torch.ones(3, 1)}, "other coordinates"),
        ({**right, name: right[name] * math.nan}, "not finite"),
    ):
        with pytest.raises(InputError, match=words):
            check_coordinates(space, wrong, "these")
