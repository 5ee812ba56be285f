from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from corrie.stats.dose_response import MeasuredRadius, Radius, ScoredBlocks, dose_response, radius_ratio
from corrie.testing.worlds import WORLDS, World

TRIED = (0.001, 0.1)


def measured(
    sigma: float | None, low: float, high: float, *, directions: int = 12, method="dose_response", confidence=0.95
) -> MeasuredRadius:
    return MeasuredRadius(Radius(0.8, sigma, low, high, method), TRIED, directions, confidence)


def normal(middle: float, spread: float, directions: int = 12) -> MeasuredRadius:
    """An interval as a normal estimator has it: middle ± t · spread."""
    t = stats.t.ppf(0.975, directions - 4)
    return measured(
        math.exp(middle), math.exp(middle - t * spread), math.exp(middle + t * spread), directions=directions
    )


def test_normal_estimators_give_welchs_test() -> None:
    """With symmetric intervals it is the unequal-variances t-test on the log radii."""
    one, two = normal(-4.0, 0.1), normal(-4.35, 0.05, directions=20)
    found = radius_ratio(one, two)
    freedom = (0.1**2 + 0.05**2) ** 2 / (0.1**4 / 8 + 0.05**4 / 16)
    assert found.p == pytest.approx(2 * stats.t.sf(0.35 / math.hypot(0.1, 0.05), freedom))
    assert found.ratio == pytest.approx(math.exp(0.35))
    assert found.low < found.ratio < found.high


def test_equal_ones_are_called_different_as_often_as_said() -> None:
    rng, n = np.random.default_rng(0), 4000
    spread = 0.1 * np.sqrt(rng.chisquare(8, (n, 2)) / 8)
    middles = -4 + 0.1 * rng.standard_normal((n, 2))
    p = [
        radius_ratio(normal(m[0], s[0]), normal(m[1], s[1])).p
        for m, s in zip(middles.tolist(), spread.tolist(), strict=True)
    ]
    assert np.mean(np.array(p) <= 0.05) < 0.05 + 3 * math.sqrt(0.05 * 0.95 / n)
    assert np.mean(np.array(p) <= 0.05) > 0.03


def test_turned_around_it_says_the_same() -> None:
    one, two = measured(0.02, 0.015, 0.05), measured(0.01, 0.004, 0.012)
    there, back = radius_ratio(one, two), radius_ratio(two, one)
    assert (there.p, there.ratio) == pytest.approx((back.p, 1 / back.ratio))
    assert (there.low, there.high) == pytest.approx((1 / back.high, 1 / back.low))


def test_the_ends_that_face_each_other_count() -> None:
    """A long tail away from the other one changes nothing."""
    one, two = measured(0.02, 0.015, 0.025), measured(0.01, 0.008, 0.012)
    skew = measured(0.02, 0.015, 0.09)
    assert radius_ratio(skew, two).p == radius_ratio(one, two).p
    assert radius_ratio(skew, two).low == radius_ratio(one, two).low


def test_an_end_that_was_not_stated_tells_nothing() -> None:
    one, two = measured(0.05, 0.0, 0.06), measured(0.004, 0.003, 0.005)
    assert (radius_ratio(one, two).p, radius_ratio(one, two).low) == (1.0, 0.0)
    beyond = measured(None, 0.05, math.inf)
    found = radius_ratio(beyond, two)
    assert found.p < 0.001
    assert found.high == math.inf
    assert radius_ratio(beyond, beyond).p == 1.0


def test_intervals_that_assume_no_shape_must_not_meet() -> None:
    one, two = measured(0.02, 0.012, 0.025, method="model_free"), measured(0.01, 0.008, 0.011)
    assert radius_ratio(one, two).p == pytest.approx(0.1)
    assert radius_ratio(one, replace(two, radius=Radius(0.8, 0.01, 0.008, 0.013, "dose_response"))).p == 1.0


def test_units() -> None:
    one, two = measured(0.02, 0.015, 0.025), measured(0.02, 0.015, 0.025)
    assert radius_ratio(replace(one, scale=3.0), two).ratio == pytest.approx(3.0)


def fitted(world: World, seed: int) -> MeasuredRadius:
    """A crossed grid of 8 directions and 60 examples, its radius at retention 0.8."""
    run, examples = world.run(np.random.default_rng(seed)), np.arange(60)
    sigmas = np.geomspace(0.002, 0.04, 10).tolist()
    drawn = [(s, i, examples, run.before[:60], run.score(i, s, examples)) for i in range(8) for s in sigmas]
    found = dose_response(
        ScoredBlocks.of(drawn), right=int(run.before[:60].sum()), known=60, chance=world.chance, retentions=(0.8,)
    )
    return MeasuredRadius(found.radius(0.8), found.tried, found.directions)


def test_a_ratio_of_two_is_seen_and_none_is_not() -> None:
    world = WORLDS["middle"]
    wide = replace(world, centre=2 * world.centre)
    assert radius_ratio(fitted(world, 0), fitted(world, 1)).p > 0.05
    found = radius_ratio(fitted(wide, 2), fitted(world, 1))
    assert found.p < 0.05
    assert found.low < 2 < found.high


@pytest.mark.coverage
@pytest.mark.parametrize("name", ["middle", "sharp cliff", "shoulder", "directions differ by 20 %"])
def test_equal_basins_on_other_directions_and_examples(name: str) -> None:
    """At most the stated share of 100 pairs is called different (three standard errors), and a ratio of two is seen."""
    world, n = WORLDS[name], 100
    wide = replace(world, centre=2 * world.centre)
    equal = [radius_ratio(fitted(world, 3 * k), fitted(world, 3 * k + 1)).p <= 0.05 for k in range(n)]
    assert np.mean(equal) <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / n)
    seen = [radius_ratio(fitted(wide, 3 * k + 2), fitted(world, 3 * k)).p <= 0.05 for k in range(40)]
    assert np.mean(seen) > (0.3 if name == "shoulder" else 0.8)
