"""Outcomes that go together where the radius is decided widen its interval."""

import numpy as np
from scipy.special import ndtri, stdtrit

from corrie.stats.dose_response.blocks import ScoredBlocks
from corrie.stats.dose_response.influence import LEAST_SCATTER, stretch
from corrie.stats.dose_response.posterior import sample
from corrie.stats.dose_response.radii import first_falls
from corrie.testing.worlds import World


def stretched(world: World, seed: int, count: int = 64) -> float:
    rng = np.random.default_rng(seed)
    run, drawn = world.run(rng), []
    for i in range(count):
        sigma = 0.01 * float(np.exp(np.linspace(-1.5, 0.8, 16)[i % 16]))
        examples = np.arange(10 * i, 10 * i + 10) % world.available
        drawn.append((sigma, i, examples, run.before[examples], run.score(i, sigma, examples)))
    blocks = ScoredBlocks.of(drawn)
    posterior = sample(blocks, int(run.before.sum()), run.before.size, world.chance)
    places = first_falls(posterior.retained, -9.0, -2.0, (0.5,))[0]
    return stretch(blocks, posterior.power, posterior.strata(blocks.places), places, 0.025)


def test_independent_outcomes_need_little_more_than_students_quantile() -> None:
    alone = World(available=1000, directions=0.0)
    found = [stretched(alone, seed) for seed in range(6)]
    tails = stdtrit(60, 0.975) / ndtri(0.975)
    assert min(found) >= tails
    assert np.median(found) < 1.15 * tails


def test_a_sharp_cliff_is_decided_by_few_directions_and_is_stretched() -> None:
    assert LEAST_SCATTER > 0
    sharp = World(examples=0.02, pairs=0.02, directions=0.0, available=1000)
    assert np.median([stretched(sharp, seed) for seed in range(6)]) > 1.2
