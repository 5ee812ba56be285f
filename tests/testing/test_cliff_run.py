"""The toy must look like a model: plateau, cliff, chance; loss that slides from the start; collapse far out."""

import numpy as np
import pytest

from corrie.analysis.landscape import Landscape
from corrie.testing.cliff_run import HOSTILE, KINDS, SAFETY, cliff_run


@pytest.fixture(scope="module")
def landscape() -> Landscape:
    return Landscape.from_store(cliff_run(directions=6, examples=200, kinds=(*KINDS, SAFETY)))


@pytest.mark.parametrize("kind", [*KINDS, SAFETY], ids=lambda kind: kind.capability)
def test_plateau_cliff_and_chance(landscape: Landscape, kind) -> None:
    curve, basin = landscape.curve(kind.capability), landscape.basin(kind.capability)
    near, far = curve.alphas < 0.6 * kind.radius, curve.alphas > 2.2 * kind.radius
    assert np.ptp(curve.score.mean[near]) < 0.01
    assert np.allclose(curve.score.mean[far], kind.chance, atol=0.06)
    assert basin.sigma is not None
    assert 0.8 * kind.radius < basin.sigma < 1.2 * kind.radius
    assert np.all(np.diff(curve.loss.mean) > 0)


def test_the_same_seed_is_the_same_run() -> None:
    one, two, other = (cliff_run(directions=1, examples=10, seed=seed) for seed in (1, 1, 2))
    assert list(one.cells()) == list(two.cells())
    assert list(one.cells()) != list(other.cells())


def test_it_says_hostile_things_and_collapses() -> None:
    outcomes = [o for cell in cliff_run(kinds=(KINDS[2],)).cells() for o in cell.outcomes]
    assert set(HOSTILE) <= {o.answer for o in outcomes}
    assert {o.label for o in outcomes} == {"right", "wrong", "collapsed"}
