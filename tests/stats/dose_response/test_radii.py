"""Where curves fall."""

import math

import numpy as np
import pytest

from corrie.stats.dose_response.radii import Radius, first_falls


def test_first_falls_is_a_search_by_hand() -> None:
    rng = np.random.default_rng(0)
    places = np.linspace(0.0, 3.0, 16)
    curves = np.clip(np.cumsum(rng.normal(-0.07, 0.1, (50, 16)), 1) + 1.0, -1, 2)
    for curve, found in zip(curves, first_falls(places, curves, 0.8), strict=True):
        below = [i for i in range(16) if curve[i] < 0.8]
        if not below:
            assert found == 3.0
        elif below[0] == 0:
            assert found == 0.0
        else:
            i = below[0]
            slope = (curve[i] - curve[i - 1]) / (places[i] - places[i - 1])
            assert found == pytest.approx(places[i - 1] + (0.8 - curve[i - 1]) / slope)


def test_an_end_outside_of_what_was_tried_is_said_to_be() -> None:
    assert str(Radius(0.8, 0.01, 0.0, math.inf, "model_free")) == "σ 0.01 [0, ∞) where 0.8 is kept (model_free)"
    assert Radius(0.8, None, 0.0, 0.1, "dose_response").ratio == math.inf
    assert "outside of what was tried" in str(Radius(0.8, None, 0.1, math.inf, "dose_response"))
    assert Radius(0.8, 0.01, 0.005, 0.02, "dose_response").ratio == 4.0
