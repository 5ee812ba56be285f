from __future__ import annotations

import numpy as np
import pytest

from corrie.inputs.token_noise import masked, scattered
from corrie.weights.noise import gaussian_noise

IDS = (3, 0, 7, 3)


@pytest.mark.parametrize("level", [0.2, 0.9, 1.0])
def test_each_token_is_masked_as_often_as_it_should_and_independently(level: float) -> None:
    hit = np.array([np.array(masked(IDS, level, 9, 5, f"draw {i}")) == 9 for i in range(4000)])
    np.testing.assert_allclose(hit.mean(0), level, atol=0.03)
    if level < 1:
        np.testing.assert_allclose(np.corrcoef(hit.T), np.eye(4), atol=0.06)
    kept = np.array([masked(IDS, level, 9, 5, f"draw {i}") for i in range(50)])
    assert ((kept == 9) | (kept == IDS)).all()


def test_a_scattered_token_becomes_each_other_one_as_often_and_never_itself() -> None:
    seen = np.array([scattered(IDS, 0.6, 8, 5, f"draw {i}") for i in range(20_000)])
    for position, token in enumerate(IDS):
        share = np.bincount(seen[:, position], minlength=8) / len(seen)
        expected = np.full(8, 0.6 / 7)
        expected[token] = 0.4
        np.testing.assert_allclose(share, expected, atol=0.012)
    assert seen.max() == 7


def test_it_is_a_function_of_seed_and_name_alone() -> None:
    assert scattered(IDS, 0.5, 100, 1, "a") == scattered(IDS, 0.5, 100, 1, "a")
    assert len({scattered((5,) * 20, 0.9, 10**6, s, n) for s, n in ((1, "a"), (2, "a"), (1, "b"))}) == 3
    before = gaussian_noise(1, "w", 4).tolist()
    masked(IDS, 0.5, 9, 1, "w")
    assert gaussian_noise(1, "w", 4).tolist() == before


def test_no_tokens_are_no_tokens() -> None:
    assert masked((), 0.5, 9, 1, "a") == scattered((), 0.5, 9, 1, "a") == ()
