"""The whole fit: known worlds, laws, refusals."""

import math

import numpy as np
import pytest

from corrie.errors import InputError
from corrie.stats.dose_response import RETENTIONS, ScoredBlocks, dose_response, fit, unmoved_counts
from corrie.testing.landscapes import KnownBasin
from corrie.testing.simple_plan import SimplePlan
from corrie.testing.worlds import WORLDS, World


def scored(world: World, sigmas: list[float], seed: int, unit: float = 1.0) -> tuple[ScoredBlocks, dict]:
    rng = np.random.default_rng(seed)
    run = world.run(rng)
    drawn = []
    for i, sigma in enumerate(sigmas):
        examples = rng.choice(run.before.size, 10, replace=False)
        drawn.append((unit * sigma, i, examples, run.before[examples], run.score(i, sigma, examples)))
    known = {"right": int(run.before.sum()), "known": run.before.size, "chance": world.chance}
    return ScoredBlocks.of(drawn), known


CLIFF = [0.002, 0.004, 0.005, 0.006, 0.007, 0.008, 0.01, 0.014] * 5


def test_many_blocks_find_the_radii() -> None:
    blocks, known = scored(World(), CLIFF * 10, 0)
    found = dose_response(blocks, **known)
    for retention in RETENTIONS:
        radius = found.radius(retention)
        assert radius.sigma == pytest.approx(World().radius(retention), rel=0.12)
        assert radius.low < radius.sigma < radius.high
    assert found.method == "dose_response"
    assert found.radius(0.95).high < found.radius(0.5).low
    assert (found.evaluations, found.directions) == (4000, 400)
    lower, middle, upper = found.retained([0.004, 0.008, 0.012])
    assert (lower < World().retained([0.004, 0.008, 0.012])).all()
    assert (World().retained([0.004, 0.008, 0.012]) < upper).all()
    assert (np.diff(middle) < 0).all()


def test_an_old_crossed_run_gets_this_interval_too() -> None:
    """Eight directions that differ by a fifth, a hundred examples: nearly as sure as the directions allow."""
    basin = KnownBasin(0.8, 0.2, 1.0, examples=0.3, directions=0.2)
    sigmas = np.exp(np.linspace(-1.2, 0.8, 10))
    baseline, moved = basin.draw(8, 100, sigmas, np.random.default_rng(0))
    found = dose_response(
        ScoredBlocks.crossed(sigmas, baseline, moved), right=int(baseline.sum()), known=100, chance=0.2
    )
    radius = found.radius(0.8)
    assert radius.low < basin.radius(0.8) < radius.high
    assert math.log(radius.ratio) > 2 * 2 * 0.2 / math.sqrt(8), "directions that differ are what limits it"
    holes = moved.copy()
    holes[0, 0, :] = np.nan
    assert len(ScoredBlocks.crossed(sigmas, baseline, holes)) == 8 * 10 * 100 - 100
    with pytest.raises(InputError):
        ScoredBlocks.crossed(sigmas, baseline, np.full_like(moved, np.nan))


def test_graded_outcomes_have_the_radius_of_the_tokens_they_are_shares_of() -> None:
    """Twenty answers averaged to one outcome: the same mean curve, and an interval that knows they vary less."""
    world, sigmas = World(directions=0.05), 0.009 * np.exp(np.linspace(-1.0, 1.0, 40))
    rng = np.random.default_rng(3)
    run = world.run(rng)
    groups = np.arange(400).reshape(20, 20)
    drawn = []
    for i, sigma in enumerate(sigmas):
        texts = (2 * i + np.arange(2)) % 20
        after = [run.score(i, sigma, groups[t]).mean() for t in texts]
        drawn.append((sigma, i, texts, run.before[groups[texts]].mean(1), after))
    right, known = unmoved_counts(run.before[groups].mean(1))
    blocks = ScoredBlocks.of(drawn)
    found = dose_response(blocks, right=right, known=known, chance=0.25)
    assert blocks.graded
    assert found.method == "dose_response"
    radius = found.radius(0.8)
    assert radius.low < world.radius(0.8) < radius.high
    assert found.posterior.dispersion < 0.5, "shares of twenty tokens vary less than answers do"
    assert radius.ratio < 1.7, "eighty answers alone would not know it so well"
    assert blocks.counts.sum() == pytest.approx(80)
    expected = np.stack((blocks.before, blocks.after)).mean(1)
    shares = blocks.counts.sum(0) / 80
    assert shares[1].sum() == pytest.approx(expected[0]), "strata keep the means"
    assert shares[:, 1].sum() == pytest.approx(expected[1])


def test_flips_are_gross_where_the_radius_is_net() -> None:
    """A third of the examples is undecided at small σ: the score does not feel it, the flips do."""
    world = World(churn=0.3, score=0.6, chance=0.0)
    blocks, known = scored(world, [0.001, 0.002, 0.003, 0.004, 0.008, 0.012] * 40, 1)
    found = dose_response(blocks, **known)
    flips = found.flips(0.0035)
    assert flips.lost[1] == pytest.approx(0.3 * 0.4 + 0.02, abs=0.05)
    assert flips.gained[1] == pytest.approx(0.3 * 0.6, abs=0.05)
    assert flips.lost[0] < flips.lost[1] < flips.lost[2]
    assert found.retained([0.003])[1, 0] == pytest.approx(1.0, abs=0.1)


def test_a_unit_of_sigma_does_not_matter() -> None:
    here = dose_response(scored(World(), CLIFF, 2)[0], right=70, known=100, chance=0.25)
    there = dose_response(scored(World(), CLIFF, 2, unit=1000.0)[0], right=70, known=100, chance=0.25)
    assert there.radius(0.8).low == pytest.approx(1000 * here.radius(0.8).low, rel=1e-6)
    assert there.radius(0.8).high == pytest.approx(1000 * here.radius(0.8).high, rel=1e-6)


def test_the_range_tried_bounds_what_is_said() -> None:
    plateau = dose_response(scored(World(), [0.0003, 0.0005, 0.0008] * 10, 3)[0], right=70, known=100, chance=0.25)
    assert plateau.radius(0.5).high == math.inf
    assert plateau.radius(0.5).sigma is None
    gone = dose_response(scored(World(), [0.04, 0.06, 0.1] * 10, 3)[0], right=70, known=100, chance=0.25)
    assert (gone.radius(0.8).low, gone.radius(0.8).sigma) == (0.0, None)
    assert gone.radius(0.8).high <= 0.1


def test_more_confidence_is_wider() -> None:
    blocks, known = scored(World(), CLIFF, 4)
    narrow, wide = (dose_response(blocks, **known, confidence=c).radius(0.8) for c in (0.8, 0.99))
    assert wide.low < narrow.low < narrow.high < wide.high


@pytest.mark.parametrize("runs", [2, pytest.param(24, marks=pytest.mark.coverage)])
def test_directions_that_differ_widen_the_interval(runs: int) -> None:
    """Half of the directions are left at a third of the distance: as many outcomes say less."""
    apart = World(examples=0.1, pairs=0.1, directions=0.6)
    alike = World(examples=0.6, pairs=0.1, directions=0.1)
    widths, dispersions, sigmas = [], [], (0.008 * np.exp(np.linspace(-2.0, 2.0, 16))).tolist() * 6
    for world in (apart, alike):
        found = [dose_response(b, **k) for b, k in (scored(world, sigmas, seed) for seed in range(runs))]
        widths.append(np.mean([math.log(f.radius(0.5).ratio) for f in found]))
        dispersions.append(np.mean([f.posterior.dispersion for f in found]))
    assert dispersions[0] > 1.25 * dispersions[1]
    if runs > 2:
        assert widths[0] > 1.25 * widths[1]


def test_a_curve_that_no_family_has_is_refused() -> None:
    """Everything is lost at one step and back at the next ones: no cliff does that."""
    rng, drawn = np.random.default_rng(5), []
    for i, sigma in enumerate([0.001, 0.002, 0.004, 0.008, 0.016] * 12):
        right = rng.random(10) < (0.1 if sigma == 0.002 else 0.95)
        drawn.append((sigma, i, np.arange(10 * i, 10 * i + 10), np.ones(10), right))
    found = dose_response(ScoredBlocks.of(drawn), right=95, known=100, chance=0.0)
    assert found.method == "model_free"
    assert found.misfit < 0.01
    assert {radius.method for radius in found.radii} == {"model_free"}
    assert all(radius.low <= radius.sigma <= radius.high for radius in found.radii if radius.sigma is not None)


@pytest.mark.parametrize(
    "change",
    [{"chance": 1.0}, {"chance": -0.1}, {"right": 20}, {"right": 101}, {"known": 0}, {"retentions": ()},
     {"retentions": (1.0,)}, {"confidence": 1.0}],
)  # fmt: skip
def test_what_is_not_valid_is_refused(change: dict) -> None:
    blocks, _ = scored(World(), CLIFF, 6)
    with pytest.raises(InputError):
        dose_response(blocks, **({"right": 70, "known": 100, "chance": 0.25} | change))
    with pytest.raises(InputError):
        dose_response(blocks, right=70, known=100, chance=0.25).radius(0.33)


@pytest.mark.coverage
@pytest.mark.parametrize("name", ["sharp cliff", "10 % of directions leave at half"])
def test_whole_scans_hold_the_radius_as_often_as_they_say(name: str) -> None:
    """The plan included. A quick look: the table of all worlds is in design/dose-response.md."""
    runs, missed = 60, 0
    for number in range(runs):
        rng = np.random.default_rng([number, 99])
        found = SimplePlan().run(WORLDS[name].run(rng), offset=float(rng.uniform(-0.3, 0.3)))
        assert found is not None
        radius = found.radius(0.8)
        missed += not radius.low <= WORLDS[name].radius(0.8) <= radius.high
    assert missed / runs <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / runs)


@pytest.mark.parametrize(
    ("sigmas", "before", "after", "chance"),
    [
        ([0.01], 1, 1, 0.0),  # one block, nothing lost
        ([0.01] * 6, 1, 0, 0.25),  # one step, all lost
        ([1e-12, 1.0, 1e12], 1, 1, 0.5),  # a range without measure
        ([0.01, 0.02] * 4, 0, 0, 0.0),  # only answers that were wrong
        ([0.01, 0.02] * 4, 0, 1, 0.9),  # all of them right now
    ],
)
def test_odd_blocks_give_intervals_that_exclude_little_and_no_error(sigmas, before, after, chance) -> None:
    drawn = [(s, i, np.arange(10), np.full(10, before), np.full(10, after)) for i, s in enumerate(sigmas)]
    with np.errstate(invalid="raise", divide="raise"):
        found = dose_response(ScoredBlocks.of(drawn), right=99, known=100, chance=chance)
    for radius in found.radii:
        assert 0 <= radius.low <= radius.high
        assert not math.isnan(radius.low + radius.high)
        assert radius.sigma is None or radius.low <= radius.sigma <= radius.high
        assert radius.low < max(sigmas)
    assert str(found)
    assert str(found.flips(0.01))


def test_an_interval_is_no_narrower_than_that_of_a_reading_with_support() -> None:
    rng = np.random.default_rng(0)
    late = np.arange(1000) < 700
    places = rng.normal(0, 0.2, 1000) + np.where(late, 1.0, 0.0)
    low, middle, high = fit._ends(places, [late, ~late], 0.025)
    assert low == pytest.approx(np.quantile(places[~late], 0.025))
    assert high == pytest.approx(np.quantile(places[late], 0.975))
    assert low < middle < high
    few = np.arange(1000) >= 950
    assert fit._ends(places, [~few, few], 0.025)[0] == pytest.approx(np.quantile(places, 0.025))


def test_a_wide_interval_between_an_early_step_and_the_cliff_is_wider_still(monkeypatch) -> None:
    """On blocks of a shoulder; and one along a plain cliff is not touched."""
    plain, known = scored(World(examples=0.03, pairs=0.03), np.geomspace(0.004, 0.02, 48).tolist(), 3)
    shoulder, terms = scored(WORLDS["shoulder"], np.geomspace(0.001, 0.02, 64).tolist(), 5)
    found = [dose_response(plain, **known), dose_response(shoulder, **terms)]
    monkeypatch.setattr(fit, "UNDECIDED", 1.0)
    before = [dose_response(plain, **known), dose_response(shoulder, **terms)]
    assert found[0].radius(0.8) == before[0].radius(0.8)
    wide, narrow = (f.radius(0.8) for f in (found[1], before[1]))
    assert narrow.ratio > 2
    assert wide.low < narrow.low < narrow.high < wide.high
