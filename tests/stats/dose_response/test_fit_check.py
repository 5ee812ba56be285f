"""A wrong curve is refused, a right one is not."""

from typing import Any

import numpy as np

from corrie.stats.dose_response.blocks import ScoredBlocks
from corrie.stats.dose_response.fit_check import fit_p_value


def drawn(curve: Any, seed: int, spread: float = 0.0) -> ScoredBlocks:
    rng = np.random.default_rng(seed)
    made = []
    for i in range(48):
        sigma = float(np.exp(np.linspace(-1, 1, 16)[i % 16]))
        p = np.clip(curve(np.log(sigma)) + spread * rng.choice([-1, 1]), 0, 1)
        made.append((sigma, i, np.arange(10 * i, 10 * i + 10), np.ones(10), rng.random(10) < p))
    return ScoredBlocks.of(made)


def expected(blocks: ScoredBlocks, curve: Any) -> np.ndarray:
    return np.stack([curve(blocks.places)] * 2, 1)


def test_a_fitted_right_curve_is_refused_as_rarely_as_it_should() -> None:
    """Three numbers fitted by least squares, as the check supposes; with and without directions that differ."""
    for spread in (0.0, 0.15):
        values = []
        for seed in range(200):
            blocks = drawn(lambda x: 0.5 - 0.3 * x, seed, spread)
            fitted = np.polynomial.Polynomial.fit(blocks.log_sigma, blocks.after, 2)
            values.append(fit_p_value(blocks, np.clip(expected(blocks, fitted), 0.01, 0.99)))
        assert np.mean(np.array(values) < 0.05) < 0.09
        assert np.mean(np.array(values) < 0.5) > 0.3, "nor never"


def test_a_wrong_curve_is_refused() -> None:
    found = []
    for seed in range(30):
        blocks = drawn(lambda x: 0.85 - 0.7 * (x > 0), seed)
        found.append(fit_p_value(blocks, expected(blocks, lambda x: np.full_like(x, 0.5))))
    assert np.mean(np.array(found) < 0.01) > 0.95
