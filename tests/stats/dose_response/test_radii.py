"""Where curves fall."""

import math

import numpy as np
import pytest
from scipy.optimize import brentq

from corrie.stats.dose_response.radii import Radius, first_falls


def test_first_falls_is_the_first_root() -> None:
    """Waves on a slope: against Brent's method on the first interval of a fine grid where the level is crossed."""
    rng = np.random.default_rng(0)
    slope, size, phase = rng.uniform(0.05, 0.3, 40), rng.uniform(0, 0.2, 40), rng.uniform(0, 6, 40)

    def curve(i: int, x: float) -> float:
        return 1 - slope[i] * x + size[i] * (np.sin(2 * x + phase[i]) - np.sin(phase[i]))

    def curves(x: np.ndarray) -> np.ndarray:
        return np.stack([curve(i, x if x.ndim == 1 else x[i]) for i in range(40)])

    fine = np.linspace(0, 3, 3001)
    for i, found in enumerate(first_falls(curves, 0.0, 3.0, (0.8,))[0]):
        below = np.flatnonzero(curve(i, fine) < 0.8)
        known = brentq(lambda x, i=i: curve(i, x) - 0.8, *fine[[below[0] - 1, below[0]]]) if below.size else 3.0
        assert found == pytest.approx(known, abs=1e-3)


def test_a_cliff_between_two_places_of_the_grid_is_found_where_it_is() -> None:
    assert first_falls(lambda x: (x < 1.23456) * np.ones((1, 1)), 0.0, 8.0, (0.8,))[0, 0] == pytest.approx(
        1.23456, abs=1e-4
    )
    assert first_falls(lambda x: np.zeros((1, x.shape[-1])), 0.0, 8.0, (0.8,))[0, 0] == 0.0


def test_an_end_outside_of_what_was_tried_is_said_to_be() -> None:
    assert str(Radius(0.8, 0.01, 0.0, math.inf, "model_free")) == "σ 0.01 [0, ∞) where 0.8 is kept (model_free)"
    assert Radius(0.8, None, 0.0, 0.1, "dose_response").ratio == math.inf
    assert "outside of what was tried" in str(Radius(0.8, None, 0.1, math.inf, "dose_response"))
    assert Radius(0.8, 0.01, 0.005, 0.02, "dose_response").ratio == 4.0
