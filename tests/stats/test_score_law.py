from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom, norm, t

from corrie.errors import InputError
from corrie.stats import clopper_pearson, gaussian_shift
from corrie.stats.score_law import ScoreLaw, choose_thresholds, expected_law

RATIOS = (0.0, 0.2, 0.5, 1.0, 1.5, 2.0, 3.0)
OFFSETS = np.array([0.5, 1.0, 1.5, 2.0, 2.5])
"""Five examples, each right in the half-space x ≤ offset of a line: their shifted scores are exact."""


def scores(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    return (rng.normal(size=(*shape, 1)) <= OFFSETS).mean(-1)


def truth(ratio: float) -> float:
    return float(norm.cdf(OFFSETS - ratio).mean())


@pytest.mark.parametrize("thresholds", [(0.8,), (0.2, 0.4, 0.6, 0.8, 1.0)])
@pytest.mark.parametrize("draws", [60, 300])
def test_for_every_distance_at_once_it_holds_as_often_as_it_says(thresholds, draws, holds_as_often_as):
    """Half-spaces along one line lose as much as any score can: the bound has nothing to spare but its limits."""
    rng = np.random.default_rng(draws)
    known: dict[bytes, tuple[bool, bool]] = {}
    low, high = [], []
    for row in scores(rng, (2000, draws)):
        reached = np.array([(row >= level).sum() for level in thresholds])
        if reached.tobytes() not in known:
            law = ScoreLaw.of(row, thresholds, 0.9)
            known[reached.tobytes()] = (
                all(law.lower(ratio) <= truth(ratio) for ratio in RATIOS),
                all(law.upper(ratio) >= truth(-ratio) for ratio in RATIOS),
            )
        below, above = known[reached.tobytes()]
        low.append(below)
        high.append(above)
    holds_as_often_as(0.9, low)
    holds_as_often_as(0.9, high)


def test_with_all_thresholds_and_many_draws_it_is_tight_for_half_spaces():
    law = ScoreLaw.of(scores(np.random.default_rng(0), (200_000,)), (0.2, 0.4, 0.6, 0.8, 1.0), 0.99)
    for ratio in RATIOS:
        assert truth(ratio) - 0.006 <= law.lower(ratio) <= truth(ratio)


def test_one_threshold_is_clopper_and_pearson_shifted():
    row = scores(np.random.default_rng(1), (200,))
    law = ScoreLaw.of(row, [0.8], 0.99)
    p = clopper_pearson.lower_limit(int((row >= 0.8).sum()), 200, 0.99)
    for ratio in RATIOS:
        assert law.lower(ratio) == pytest.approx(0.8 * float(gaussian_shift.lower(p, ratio)))
    high = clopper_pearson.upper_limit(int((row >= 0.8).sum()), 200, 0.99)
    assert law.upper(1.0) == pytest.approx(0.8 + 0.2 * float(gaussian_shift.upper(high, 1.0)))


def test_the_error_is_shared_over_the_thresholds():
    law = ScoreLaw.of([1.0] * 100, [0.25, 0.5, 0.75, 1.0], 0.96)
    assert law.low == (clopper_pearson.lower_limit(100, 100, 0.99),) * 4


def test_the_numbers_of_the_theory():
    """m = 200 examples, all p_j = 0.7, correlated 0.05 over draws: at r/σ = 1 the aggregate bound is 0.31."""
    assert float(gaussian_shift.lower(0.7, 1.0)) == pytest.approx(0.31, abs=0.01)
    rng = np.random.default_rng(0)
    level = rng.beta(0.7 * 19, 0.3 * 19, 4000)  # a beta of correlation 1/(19 + 1) = 0.05
    draws = rng.binomial(200, level) / 200
    levels = np.quantile(draws, np.linspace(0.001, 0.9, 12)).round(3)
    law = ScoreLaw.of(draws, sorted(set(levels.tolist())), 0.95)
    assert law.lower(1.0) > 0.5
    assert law.lower(2.0) > 0.3


# --- the population: law of the score ≥ per example ≥ aggregate ---------------------------------------------------


@settings(max_examples=80, deadline=None)
@given(
    st.integers(1, 6).flatmap(
        lambda m: st.lists(st.tuples(*[st.integers(0, 1)] * m), min_size=1, max_size=12),
    ),
    st.integers(0, 2**32 - 1),
    st.sampled_from(RATIOS),
)
def test_in_the_population_the_law_is_above_the_examples_and_these_above_the_mean(outcomes, seed, ratio):
    """Any joint law of the examples' outcomes: rows with probabilities."""
    x = np.array(outcomes, float)
    mass = np.random.default_rng(seed).dirichlet(np.ones(len(x)))
    score = x.mean(1)
    levels = np.unique(score[score > 0])
    reach = np.array([min(1.0, mass[score >= level].sum()) for level in levels])
    law = float(np.diff(np.concatenate([[0.0], levels])) @ gaussian_shift.lower(reach, ratio)) if levels.size else 0.0
    examples = float(gaussian_shift.lower(np.clip(mass @ x, 0, 1), ratio).mean())
    aggregate = float(gaussian_shift.lower(min(1.0, float(mass @ score)), ratio))
    assert law >= examples - 1e-9
    assert examples >= aggregate - 1e-9


# --- laws -----------------------------------------------------------------------------------------------------------


@given(st.lists(st.floats(0, 1), min_size=1, max_size=50), st.floats(0.01, 1))
def test_bounds_are_shares_that_fall_with_the_distance(row, level):
    law = ScoreLaw.of(row, [level], 0.9)
    low, high = [law.lower(ratio) for ratio in RATIOS], [law.upper(ratio) for ratio in RATIOS]
    assert low == sorted(low, reverse=True)
    assert high == sorted(high)
    assert all(0 <= a <= b <= 1 for a, b in zip(low, high, strict=True))


def test_reach_is_the_last_distance_at_which_the_floor_holds():
    law = ScoreLaw.of([0.8] * 300, [0.7, 0.75], 0.99)
    reach = law.reach(0.5)
    assert reach is not None
    assert law.lower(reach) >= 0.5 > law.lower(reach * (1 + 1e-9) + 1e-12)
    assert law.reach(0.0) == math.inf
    assert law.reach(0.9) is None


def test_thresholds_are_chosen_where_they_pay():
    rng = np.random.default_rng(5)
    selection, certifying = rng.normal(0.8, 0.02, (2, 400)).clip(0, 1)
    for ratio in (0.5, 2.0):
        chosen = choose_thresholds(selection, ratio, draws=400, count=4, confidence=0.99)
        assert list(chosen) == sorted(chosen)
        assert 1 <= len(chosen) <= 4
        law = ScoreLaw.of(certifying, chosen, 0.99)
        single = choose_thresholds(selection, ratio, draws=400, confidence=0.99)
        assert len(single) == 1
        naive = ScoreLaw.of(certifying, [float(np.median(selection))], 0.99)
        assert law.lower(ratio) > naive.lower(ratio)
        assert law.lower(ratio) > 0.9 * ScoreLaw.of(certifying, single, 0.99).lower(ratio)
    assert ScoreLaw.of(certifying, choose_thresholds(selection, 0.5, draws=400), 0.95).lower(0.5) > 0.7


@pytest.mark.parametrize("ratio", [0.3, 1.0])
@pytest.mark.parametrize("parts", [2, 10])
def test_fine_thresholds_are_the_best_of_all_that_could_be(ratio, parts):
    """Compared with a search through every multiple; one more is added only if it raises the bound."""
    rng = np.random.default_rng(parts)
    for size in (3, 8):
        terms = {"draws": 50, "confidence": 0.9, "step": 1 / 4, "parts": parts}
        selection = rng.beta(18, 2, size)
        grid = [k / (4 * parts) for k in range(1, round(selection.max() * 4 * parts) + 1)]
        bounds = {level: expected_law(selection, [level], **terms).lower(ratio) for level in grid}
        (one,) = choose_thresholds(selection, ratio, **terms)
        assert bounds[one] == pytest.approx(max(bounds.values()), abs=1e-12)
        more = choose_thresholds(selection, ratio, count=3, **terms)
        assert one in more
        assert expected_law(selection, more, **terms).lower(ratio) >= bounds[one] - 1e-12


def test_what_is_expected_is_between_student_and_what_was_seen():
    law = expected_law([1.0] * 9 + [0.5], [0.5, 1.0], draws=110, step=1 / 4, parts=100)
    assert law.reached[1] == 90, "9 of 10 were 1, and one more is taken to miss"
    assert law.low[1] == pytest.approx(clopper_pearson.lower_limit(90, 110, 0.975))
    assert law.high[1] == pytest.approx(clopper_pearson.upper_limit(90, 110, 0.975))
    alike = expected_law([1.0] * 9, [0.75, 1.0], draws=100, step=1 / 4, parts=100)
    students = t.cdf((0.25 + 1 / 800) / (1 / 8 * math.sqrt(1 + 1 / 9)), 8)
    assert alike.reached == (int(100 * students), 90), "no spread was seen: that of an example is taken"


@pytest.mark.parametrize(
    ("examples", "mean", "spread"), [(6, 0.9, 0.03), (6, 0.97, 0.012), (30, 0.9, 0.02), (1, 0.8, 0.05)]
)
def test_of_the_same_selection_finer_thresholds_certify_more(examples, mean, spread):
    """Scores that are nearly normal over the draws, as shares of many tokens are; means over selections."""
    rng, ratio = np.random.default_rng(4), 0.7
    terms = {"draws": 100, "count": 2, "step": 1 / examples}
    bounds: dict[int, list[float]] = {1: [], 100: []}
    for _ in range(12):
        selection, *certifying = rng.normal(mean, spread, (1 + 4, 100)).clip(0, 1)
        for parts, found in bounds.items():
            levels = choose_thresholds(selection[:10], ratio, parts=parts, **terms)
            found += [ScoreLaw.of(row, levels, 0.95).lower(ratio) for row in certifying]
    assert np.mean(bounds[100]) > np.mean(bounds[1])


@pytest.mark.parametrize("draws", [50, 57, 64, 300])
def test_the_printed_bound_does_not_flatter(draws):
    law = ScoreLaw.of([0.8] * draws, [0.7], 0.9)
    assert float(str(law).split("score ≥ ")[1].split(" ")[0]) <= law.lower(0.0)


def test_it_prints_a_sentence():
    assert str(ScoreLaw.of([0.8] * 300, [0.7], 0.99)).startswith("of 300 draws, 300 ≥ 0.7; smoothed score ≥ 0.68")


def test_an_expected_count_is_that_of_the_binomial():
    """If thresholds were chosen on the certifying draws, their limits would be wrong: they are not reused here."""
    rng = np.random.default_rng(9)
    taken = []
    for _ in range(200):
        row = rng.binomial(20, 0.5, 40) / 20
        chosen = choose_thresholds(row, 1.0, draws=40)
        fresh = rng.binomial(20, 0.5, 40) / 20
        low = ScoreLaw.of(fresh, chosen, 0.9).low[0]
        taken.append(low <= binom.sf(round(20 * chosen[0]) - 1, 20, 0.5))
    assert np.mean(taken) > 0.85


@pytest.mark.parametrize("thresholds", [[], [0.0], [0.5, 0.5], [0.6, 0.5], [1.1], [math.nan]])
def test_thresholds_that_cannot_be_meant_are_refused(thresholds):
    with pytest.raises(InputError, match="increasing"):
        ScoreLaw.of([0.5], thresholds)


def test_what_shares_a_draw_is_refused():
    with pytest.raises(InputError, match="not independent"):
        ScoreLaw.of(np.ones((10, 40)), [0.5])
    with pytest.raises(InputError):
        choose_thresholds([0.0, 0.0], 1.0, draws=10)
    with pytest.raises(InputError):
        ScoreLaw.of([0.5], [0.5], 1.0)
