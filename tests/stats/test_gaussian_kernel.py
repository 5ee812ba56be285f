from __future__ import annotations

import math

import pytest
from scipy.stats import norm

from corrie.errors import InputError
from corrie.stats.gaussian_kernel import GaussianKernel


@pytest.mark.parametrize("sigma", [0.1, 2.0])
@pytest.mark.parametrize("distance", [0.0, 0.05, 0.3])
def test_it_is_the_shift_of_a_half_space(sigma, distance):
    kernel = GaussianKernel(sigma)
    assert kernel.lower(0.9, distance) == pytest.approx(norm.cdf(norm.ppf(0.9) - distance / sigma), abs=1e-9)
    assert kernel.upper(0.9, distance) == pytest.approx(norm.cdf(norm.ppf(0.9) + distance / sigma), abs=1e-9)


def test_the_radius_is_where_the_bound_meets_the_floor():
    kernel = GaussianKernel(0.5)
    radius = kernel.within(0.9, 0.5)
    assert radius is not None
    assert kernel.lower(0.9, radius) >= 0.5 - 1e-9 > kernel.lower(0.9, radius + 1e-6) - 1e-9
    assert kernel.within(0.4, 0.5) is None
    assert kernel.within(0.4, 0.0) == math.inf


def test_no_noise_is_refused():
    with pytest.raises(InputError, match="sigma"):
        GaussianKernel(0.0)
