"""Lengths and angle of two directions, from nothing but the norms of steps."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from corrie.analysis.plane_geometry import PlaneGeometry

A, B = np.meshgrid(np.linspace(-1, 1, 5), np.linspace(-0.5, 2, 4), indexing="ij")
length = st.floats(1e-3, 1e3)


@given(length, length, st.floats(-0.99, 0.99))
def test_it_is_found_from_norms_and_drawn_with_right_distances(first: float, second: float, cosine: float) -> None:
    known = PlaneGeometry(first, second, cosine)
    found = PlaneGeometry.of(A, B, known.distance(A, B))
    assert found is not None
    assert (found.first, found.second) == pytest.approx((first, second), rel=1e-4)
    assert found.cosine == pytest.approx(cosine, abs=1e-3)
    x, y = known.place(A, B)
    if not known.is_square:
        assert np.hypot(x, y) == pytest.approx(known.distance(A, B), rel=1e-6, abs=1e-9 * (first + second))


def test_against_two_vectors_at_hand() -> None:
    one, two = np.array([3.0, 0.0, 1.0]), np.array([1.0, 2.0, 2.0])
    norms = np.linalg.norm(A[..., None] * one + B[..., None] * two, axis=-1)
    norms[0, 0] = np.nan  # not scored yet
    found = PlaneGeometry.of(A, B, norms)
    assert found is not None
    cosine = one @ two / math.sqrt(one @ one * (two @ two))
    assert (found.first, found.second) == pytest.approx((math.sqrt(10), 3.0))
    assert found.cosine == pytest.approx(cosine, abs=1e-6)
    assert found.distance(1.0, 1.0) == pytest.approx(np.linalg.norm(one + two))


def test_too_few_points_say_nothing() -> None:
    assert PlaneGeometry.of(A, B, np.full(A.shape, np.nan)) is None
    assert PlaneGeometry.of([1.0, 2.0], [0.0, 0.0], [3.0, 6.0]) is None
