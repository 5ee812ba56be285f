"""The interval that assumes only a fall."""

import math

import numpy as np
import pytest

from corrie.stats.dose_response.blocks import ScoredBlocks
from corrie.stats.dose_response.model_free import model_free_interval, model_free_middle
from corrie.testing.worlds import World

SIGMAS = [0.002, 0.003, 0.004, 0.005, 0.006, 0.007, 0.008, 0.01, 0.012, 0.015, 0.02, 0.03]


def scored(world: World, rng: np.random.Generator, each: int) -> ScoredBlocks:
    run, drawn = world.run(rng), []
    for i, sigma in enumerate(SIGMAS * each):
        examples = rng.choice(run.before.size, 10, replace=False)
        drawn.append((sigma, i, examples, run.before[examples], run.score(i, sigma, examples)))
    return ScoredBlocks.of(drawn)


def test_a_clean_cliff_is_found_between_two_steps() -> None:
    drawn = [
        (sigma, i, np.arange(10 * i, 10 * i + 10), np.ones(10), np.full(10, sigma < 0.0075))
        for i, sigma in enumerate(SIGMAS * 6)
    ]
    low, high = model_free_interval(ScoredBlocks.of(drawn), 0.0, 0.8, 0.95)
    assert (math.exp(low), math.exp(high)) == (pytest.approx(0.007), pytest.approx(0.008))


def test_the_middle_is_where_the_nearest_falling_curve_crosses() -> None:
    shares = [1.0, 0.9, 0.7, 0.8, 0.2]  # the two in the middle become 0.75
    drawn = [(math.exp(k), k, np.arange(10), np.ones(10), np.arange(10) < 10 * share) for k, share in enumerate(shares)]
    blocks = ScoredBlocks.of(drawn)
    assert model_free_middle(blocks, 1.0, 0.8) == pytest.approx(1 + (0.9 - 0.8) / (0.9 - 0.75))
    assert model_free_middle(blocks, 1.0, 0.1) is None


def test_few_blocks_exclude_nothing() -> None:
    blocks = scored(World(), np.random.default_rng(0), 1)
    low, high = model_free_interval(blocks, 0.25, 0.95, 0.999)
    assert low == -math.inf
    assert high == math.inf or math.exp(high) > World().radius(0.95)


@pytest.mark.parametrize("world", [World(early_examples=(0.3, 0.2)), World(early_directions=(0.2, 0.5))])
def test_it_holds_as_often_as_it_says(world: World, holds_as_often_as) -> None:
    rng, held, said = np.random.default_rng(1), [], 0
    for run in range(2000):
        blocks = scored(world, rng, 4)
        retention = (0.5, 0.8)[run % 2]
        low, high = model_free_interval(blocks, world.chance, retention, 0.95)
        held.append(low <= math.log(world.radius(retention)) <= high)
        said += math.isfinite(high)
    holds_as_often_as(0.95, held)
    assert said > 1000
