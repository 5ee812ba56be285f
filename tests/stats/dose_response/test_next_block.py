"""What one more block is worth."""

import numpy as np
import pytest

from corrie.stats.dose_response import NextBlocks
from corrie.stats.dose_response.curves import Curves
from corrie.stats.dose_response.posterior import SLIP, Posterior

SIGMAS = np.exp(np.linspace(-2, 2, 9))


def cliffs(dispersion: float = 1.0) -> Posterior:
    """One cliff of known width, its place uncertain by 0.3; J0 = 0.7, chance 0."""
    rng, n = np.random.default_rng(0), 4000
    values = np.zeros((n, 6))
    values[:, 0], values[:, 1] = rng.normal(0.0, 0.3, n), np.log(0.5)
    curves = Curves(np.zeros(n, int), np.zeros(n, int), values, 0.0)
    return Posterior(curves, np.full(n, 0.7), 1 / dispersion, dispersion)


def test_the_expected_spread_is_that_of_simulated_blocks() -> None:
    """Bayes' rule on the particles for each possible outcome of a block, its spread averaged: no linear step."""
    posterior = cliffs()
    gains = NextBlocks(posterior, SIGMAS, retention=0.5, size=10).reduction()
    place = posterior.curves.values[:, 0]
    right = posterior.strata(np.log(SIGMAS))[..., 1]
    for i in range(SIGMAS.size):
        p, spread = right[:, i], 0.0
        for k in range(8):  # of seven that were right before; those that were wrong stay wrong
            from scipy.stats import binom

            weight = binom.pmf(k, 7, p)
            chance = weight.mean()
            mean = (weight * place).mean() / chance
            spread += (weight * (place - mean) ** 2).mean()
        exact = place.std() - np.sqrt(spread)
        assert gains[i] == pytest.approx(exact, abs=0.012), SIGMAS[i]


def test_a_block_is_worth_most_on_the_cliff_and_nothing_far_away() -> None:
    gains = NextBlocks(cliffs(), SIGMAS, retention=0.5).reduction()
    assert 2 <= gains.argmax() <= 5
    assert gains[0] < 0.1 * gains.max()


def test_a_direction_that_was_asked_says_less_than_a_new_one() -> None:
    candidates = NextBlocks(cliffs(dispersion=2.5), SIGMAS, retention=0.5)
    new, again, thrice = (candidates.reduction(blocks_there=b) for b in (0, 1, 2))
    assert (again <= new + 1e-12).all()
    assert (thrice <= again + 1e-12).all()
    assert again.max() < 0.8 * new.max()
    alike = NextBlocks(cliffs(), SIGMAS, retention=0.5)
    assert alike.reduction(blocks_there=1) == pytest.approx(alike.reduction())


def test_a_block_that_is_planned_makes_the_next_one_worth_less() -> None:
    candidates = NextBlocks(cliffs(), SIGMAS, retention=0.5)
    before, width = candidates.reduction(), candidates.width
    candidates.take(int(before.argmax()))
    assert candidates.reduction().max() < before.max()
    assert candidates.width == pytest.approx(width - before.max())


def test_slips_bound_what_one_outcome_may_say() -> None:
    strata = cliffs().strata(np.array([-50.0, 50.0]))
    assert strata.min() == pytest.approx(SLIP / 2)
    assert strata.max() == pytest.approx(1 - SLIP / 2)
