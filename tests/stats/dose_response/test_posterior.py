"""The sampler, against the posterior added up on a grid."""

import numpy as np
import pytest
from scipy.special import ndtr

from corrie.stats.dose_response import posterior as sampler
from corrie.stats.dose_response import prior
from corrie.stats.dose_response.blocks import ScoredBlocks
from corrie.stats.dose_response.posterior import SLIP, sample
from corrie.testing.worlds import World


def scored(world: World, count: int, seed: int, low: float = -1.5) -> tuple[ScoredBlocks, int, int]:
    """Blocks of directions of their own, spread over the cliff."""
    rng = np.random.default_rng(seed)
    run = world.run(rng)
    drawn = []
    for i in range(count):
        sigma = world.centre * float(np.exp(np.linspace(low, 0.8, 12)[i % 12]))
        examples = rng.choice(run.before.size, 10, replace=False)
        drawn.append((sigma, i, examples, run.before[examples], run.score(i, sigma, examples)))
    return ScoredBlocks.of(drawn), int(run.before.sum()), run.before.size


def test_it_is_the_posterior_of_one_cliff_summed_on_a_grid(monkeypatch: pytest.MonkeyPatch) -> None:
    """Log-normal, one cliff, no dispersion: mean and spread of m and log w."""
    monkeypatch.setattr(prior, "STEP_SHARES", np.array([1.0, 1e-12, 1e-12]) / (1 + 2e-12))
    monkeypatch.setattr(sampler, "FAMILIES", ("log-normal",))
    monkeypatch.setattr(prior, "FAMILIES", ("log-normal",))
    monkeypatch.setattr(sampler, "dispersion", lambda *_: 1 / sampler.CAUTION)
    blocks, right, known = scored(World(), 36, 1)
    found = sample(blocks, right, known, 0.25, particles=4000)
    m, log_w = np.meshgrid(np.linspace(-6, -3.5, 161), np.linspace(-3.5, 1.5, 161), indexing="ij")
    broke = ndtr((blocks.places - m[..., None]) / np.exp(log_w)[..., None])
    fit = -0.5 * ((log_w - np.log(0.3)) / 1.0) ** 2
    for before, p in enumerate((0.25 * broke, 1 - 0.75 * broke)):
        p = (1 - SLIP) * p + SLIP / 2
        fit += np.log(p) @ blocks.counts[:, before, 1] + np.log1p(-p) @ blocks.counts[:, before, 0]
    weight = np.exp(fit - fit.max())
    weight /= weight.sum()
    for values, column in ((m, 0), (log_w, 1)):
        mean = (weight * values).sum()
        spread = np.sqrt((weight * (values - mean) ** 2).sum())
        drawn = found.curves.values[:, column]
        assert drawn.mean() == pytest.approx(mean, abs=0.15 * spread)
        assert drawn.std() == pytest.approx(spread, rel=0.12)


def test_moves_keep_the_prior() -> None:
    """At power 0 the particles stay draws of the prior, kinds and families included: the moves are reversible."""
    blocks, *_ = scored(World(), 8, 2)
    walk = sampler._Walk(blocks, 0.25, -6.0, -4.0, 6000, np.random.default_rng(3))
    for _ in range(15):
        walk.move()
    assert np.bincount(walk.curves.step, minlength=3) / 6000 == pytest.approx(prior.STEP_SHARES, abs=0.03)
    assert np.bincount(walk.curves.family, minlength=3) / 6000 == pytest.approx(np.full(3, 1 / 3), abs=0.03)
    assert walk.curves.values[:, 1:].mean(0) == pytest.approx(prior.MEANS[1:], abs=0.07)
    assert walk.curves.values[:, 1:].std(0) == pytest.approx(prior.SPREADS[1:], rel=0.05)
    for kind in range(3):
        rows = walk.curves.step == kind
        assert walk.curves.values[rows, 4].mean() == pytest.approx(prior.MEANS[4], abs=0.15)


def test_it_is_a_function_of_the_blocks() -> None:
    blocks, right, known = scored(World(), 16, 4)
    one, other = (sample(blocks, right, known, 0.25, particles=200) for _ in range(2))
    assert (one.curves.values == other.curves.values).all()
    assert (one.score == other.score).all()


def test_two_cliffs_are_told_from_one() -> None:
    early = World(examples=0.1, pairs=0.1, early_examples=(0.3, 0.2))
    blocks, right, known = scored(early, 96, 5, low=-2.4)
    assert sample(blocks, right, known, 0.25).support["single"] < 0.1
    blocks, right, known = scored(World(examples=0.1, pairs=0.1), 96, 5, low=-2.4)
    assert sample(blocks, right, known, 0.25).support["single"] > 0.4


def test_the_score_is_above_chance() -> None:
    blocks, *_ = scored(World(), 8, 6)
    assert (sample(blocks, 30, 100, 0.25, particles=300).score > 0.25).all()
