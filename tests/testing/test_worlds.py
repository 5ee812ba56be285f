"""The worlds: what they draw is what they say."""

import math
from dataclasses import replace

import numpy as np
import pytest

from corrie.errors import InputError
from corrie.testing.worlds import WORLDS, World

SIGMAS = [0.001, 0.002, 0.004, 0.007, 0.01, 0.02]


@pytest.mark.parametrize("name", WORLDS)
def test_the_mean_over_many_directions_and_examples_is_the_retained_share(name: str) -> None:
    world = WORLDS[name]
    means = []
    for seed in range(40):  # tasks of 400 examples, each with 10 directions of its own
        run = replace(world, available=400).run(np.random.default_rng([1, seed]))
        scores = [[run.score(i, sigma, np.arange(400)).mean() for sigma in SIGMAS] for i in range(10)]
        means.append(np.mean(scores, 0))
    found = (np.mean(means, 0) - world.chance) / (world.score - world.chance)
    error = np.std(means, 0, ddof=1) / math.sqrt(40) / (world.score - world.chance)
    assert (np.abs(found - world.retained(SIGMAS)) < 4 * error + 1e-9).all()


@pytest.mark.parametrize("name", WORLDS)
def test_at_the_radius_just_the_retention_is_left(name: str) -> None:
    world = WORLDS[name]
    for retention in (0.95, 0.8, 0.5):
        radius = world.radius(retention)
        assert float(world.retained(radius)) == pytest.approx(retention, abs=1e-3)
        assert (world.retained(radius * np.exp(-np.linspace(0.001, 6, 500))) > retention - 1e-9).all()


def test_one_cliff_is_the_normal_distribution() -> None:
    world = World(examples=0.3, directions=0.0, pairs=0.4)
    assert world.radius(0.8) == pytest.approx(0.01 * math.exp(-0.5 * 0.8416212), rel=1e-3)


def test_a_direction_keeps_its_luck_and_an_example_its_place() -> None:
    world = World(examples=0.3, directions=0.3, pairs=0.0, chance=0.0)
    run = world.run(np.random.default_rng(2))
    once, again = (run.score(7, 0.01, np.arange(400)) for _ in range(2))
    assert (once == again).all()
    assert (run.score(7, 0.012, np.arange(400)) <= once).all()


def test_churn_is_in_the_flips_and_not_in_the_score() -> None:
    run = World(churn=0.5, chance=0.0, score=0.5).run(np.random.default_rng(3))
    after = np.stack([run.score(i, 0.0045, np.arange(400)) for i in range(60)])
    assert after[:, ~run.before].mean() > 0.15
    assert after[:, run.before].mean() < 0.9


@pytest.mark.parametrize(
    "change", [{"chance": 0.8}, {"centre": 0.0}, {"available": 0}, {"examples": 0, "directions": 0, "pairs": 0}]
)
def test_what_is_not_valid_is_refused(change: dict) -> None:
    with pytest.raises(InputError):
        World(**change)
