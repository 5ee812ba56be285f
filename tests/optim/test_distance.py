"""Lengths and distances against numpy in float64."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from corrie.optim.distance import displacement, distance, length_of_all, root_mean_square


def test_length_of_several_tensors():
    tensors = [torch.randn(50, 3), torch.randn(7)]
    slow = np.linalg.norm(np.concatenate([t.double().numpy().ravel() for t in tensors]))
    assert length_of_all(tensors) == pytest.approx(slow, rel=1e-12)
    assert length_of_all([]) == 0.0


def test_distance_of_coarse_weights_is_exact():
    """1 + 2⁻⁷ is the next bfloat16 after 1: differences are not taken in bfloat16."""
    here = torch.full((1000,), 1.0 + 2.0**-7, dtype=torch.bfloat16)
    assert distance([here], [torch.ones(1000)]) == pytest.approx(2.0**-7 * np.sqrt(1000), rel=1e-12)
    assert displacement(here, here).dtype == torch.float32
    assert displacement(here.double(), here).dtype == torch.float64


def test_unequal_numbers_of_tensors_are_no_distance():
    with pytest.raises(ValueError, match="argument 2"):
        distance([torch.ones(1)], [])


def test_root_mean_square():
    tensor = 3.0 * torch.randn(500, 20, generator=torch.Generator().manual_seed(0))
    assert root_mean_square(tensor) == pytest.approx(float(np.sqrt(np.mean(tensor.numpy() ** 2))), rel=1e-6)
    assert root_mean_square(torch.empty(0)) == 0.0
