from __future__ import annotations

import dataclasses
import json
import math

import numpy as np
import pytest
from numpy.testing import assert_allclose

from corrie.analysis.basin import Basin, fold
from corrie.analysis.landscape import Landscape
from corrie.analysis.scored_blocks import scored_blocks
from corrie.errors import InputError
from corrie.records.scan_spec import AlphaGrid
from corrie.stats.dose_response import dose_response, unmoved_counts
from corrie.stats.model_free_radius import basin_radius
from corrie.testing.cliff_run import KINDS, MODEL, Kind, cliff_run

GRID = AlphaGrid.between(0.002, 0.02, 10)
ABLE = KINDS[1]
UNABLE = Kind("math", 0.01, 0.2, 0.2, "choice", 2.0)


def basin(kind: Kind = ABLE, *, alphas: AlphaGrid = GRID, directions: int = 8, examples: int = 100, **options) -> Basin:
    store = cliff_run(kinds=(kind,), alphas=alphas, directions=directions, examples=examples, **options)
    return Landscape.from_store(store).basin(kind.capability)


def test_it_is_the_statistics_of_the_grid_in_every_unit() -> None:
    landscape = Landscape.from_store(cliff_run(kinds=(ABLE,), alphas=GRID))
    grid, found = landscape["knowledge"], landscape.basin("knowledge", retention=0.9, confidence=0.9)
    radius = basin_radius(
        GRID.values, grid.unmoved_score.values, grid.score.values, chance=0.2, retention=0.9, confidence=0.9
    )
    crossed = found.crossed
    assert crossed is not None
    assert (crossed.status, crossed.sigma, crossed.low, crossed.high) == (
        radius.status, radius.sigma, radius.low, radius.high
    )  # fmt: skip
    block = landscape.block("knowledge")
    right, known = unmoved_counts(block.unmoved.score)
    curve = dose_response(
        scored_blocks(block), right=right, known=known, chance=0.2, retentions=(0.95, 0.9, 0.8, 0.5), confidence=0.9
    )
    own = curve.radius(0.9)
    assert found.radii == curve.radii
    assert (found.sigma, found.sigma_low, found.sigma_high, found.method) == (own.sigma, own.low, own.high, own.method)
    assert found.evaluations == 8 * 10 * 100
    assert [edge for _, edge in found.edges] == list(radius.edges)
    assert [name for name, _ in found.edges] == [direction.id for direction in landscape.directions]
    assert found.sigma is not None
    assert found.l2 is not None
    assert_allclose(found.l2, found.sigma * math.sqrt(134_515_008))
    assert_allclose(found.relative, found.sigma / (2120 / math.sqrt(134_515_008)))
    assert_allclose(found.l2_low, found.l2 * own.low / found.sigma)


def test_a_found_basin_says_its_radius_in_three_units() -> None:
    found = basin()
    assert found.status == "found"
    assert found.sigma is not None
    assert f"Basin(knowledge): σ ≤ {found.sigma:.3g} [{found.sigma_low:.3g}, {found.sigma_high:.3g}], L2 ≤" in str(
        found
    )
    assert "% of a typical weight; 95 % of the score above chance kept, 95 % confidence" in str(found)
    assert "8 directions × 100 examples; a kind of direction rarer than 32 % may be unseen and leave earlier" in str(
        found
    )
    assert str(found).endswith(f"; assuming no shape (crossed): σ {found.words.crossed}")
    assert found.crossed is not None
    assert found.words.crossed == f"≤ {found.crossed.sigma:.3g} [{found.crossed.low:.3g}, {found.crossed.high:.3g}]"


def test_what_so_many_directions_cannot_exclude_is_said_beside_the_radius() -> None:
    assert basin().unseen == 0.32  # 1 − 0.05^(1/8) = 0.3123, rounded up
    assert basin(directions=4).unseen == 0.53
    assert basin().to_json()["unseen"] == 0.32
    assert 0.68**8 < 0.05 < 0.69**8


def test_few_directions_or_examples_are_indicative() -> None:
    assert "indicative: fewer than 8 × 100" in str(basin(directions=7))
    assert basin(examples=90).indicative
    assert not basin().indicative


def test_beyond_the_range() -> None:
    found = basin(alphas=AlphaGrid.between(0.0005, 0.002, 4))
    assert found.status == "beyond_range"
    assert found.sigma is found.l2 is None
    assert found.sigma_high == math.inf
    assert "σ > 0.002 (the largest tried)" in str(found)
    assert "∞)" in str(found)
    assert found.to_json()["sigma_high"] is None
    assert found.to_json()["largest_tried"] == 0.002


def test_before_the_first_step() -> None:
    found = basin(alphas=AlphaGrid.between(0.03, 0.05, 3))
    assert found.status == "before_first_step"
    assert found.sigma is None
    assert found.sigma_low == 0.0
    assert "σ < 0.03 (the smallest tried) [0, 0.0" in str(found)
    assert "L2 < 348" in str(found)
    assert found.words.crossed == "< 0.03 [0, 0.03]"


def test_no_such_capability() -> None:
    found = basin(UNABLE)
    assert found.status == "absent"
    assert found.sigma is found.sigma_low is found.sigma_high is None
    assert found.edges == ()
    assert "no such capability: a score of" in str(found)
    assert found.to_json()["status"] == "absent"


def test_nothing_measured_yet() -> None:
    found = basin(alphas=AlphaGrid.parse("0"))
    assert found.status == "unmeasured"
    assert found.score is not None
    assert "not measured yet" in str(found)


@pytest.mark.parametrize("normalisation", ["unit", "layer", "filter"])
def test_normalised_directions_have_edges_and_no_radius(normalisation) -> None:
    found = basin(normalisation=normalisation)
    assert found.status == "no_sigma"
    assert found.sigma is found.sigma_low is found.sigma_high is None
    assert [edge for _, edge in found.edges] == [edge for _, edge in basin().edges]
    assert "edges of single directions from α =" in str(found)
    assert "no radius, because α is not σ" in str(found)


def test_normalised_directions_that_never_leave() -> None:
    found = basin(normalisation="unit", alphas=AlphaGrid.between(0.0005, 0.002, 4))
    assert "all 8 directions hold beyond α = 0.002" in str(found)
    assert "of 8 beyond the range" in str(basin(normalisation="unit", alphas=AlphaGrid.between(0.002, 0.0105, 5)))


def test_both_sides_of_a_line_are_one_draw() -> None:
    """The toy gives −α what it gives α, so two-sided grids must say what one-sided grids say: no more directions."""
    one, two = basin(), basin(alphas=AlphaGrid.between(-0.02, 0.02, 21))
    assert (two.crossed, two.edges, two.directions) == (one.crossed, one.edges, one.directions)
    assert two.evaluations == 2 * one.evaluations
    for there, here in zip(two.radii, one.radii, strict=True):
        assert_allclose([there.sigma, there.low, there.high], [here.sigma, here.low, here.high], rtol=0.15)
        assert there.ratio > 1.05, "the same outcomes twice do not make it sure"


def test_folding_averages_the_sides_that_were_scored() -> None:
    scores = np.array([[[0.0, np.nan], [1.0, 1.0], [np.nan, 1.0]]])
    steps, folded = fold(np.array([-2.0, 2.0, 3.0]), scores)
    assert steps.tolist() == [2.0, 3.0]
    np.testing.assert_array_equal(folded, [[[0.5, 1.0], [np.nan, 1.0]]])


def test_flips_are_single_answers_at_the_radius() -> None:
    found = basin()
    assert found.flips is not None
    assert found.flips.sigma == found.limit
    assert found.score is not None
    net = (1 - found.score) * found.flips.gained[1] - found.score * found.flips.lost[1]
    assert found.flips.net[1] == pytest.approx(net, abs=0.01)
    lost = (found.retention - 1) * (found.score - found.chance)
    assert found.flips.net[1] == pytest.approx(lost, abs=0.02), "at the radius of 95 %, 5 % of the score above chance"
    plain = found.flips_to_json()
    assert plain is not None
    assert plain["right_to_wrong"]["low"] <= plain["right_to_wrong"]["share"] <= plain["right_to_wrong"]["high"]


def test_scores_in_between_have_radii_and_no_flips() -> None:
    block = Landscape.from_store(cliff_run(kinds=(ABLE,), alphas=GRID)).block("knowledge")
    block.moved.score[...] = 0.5 + 0.4 * block.moved.score
    block.unmoved.score[...] = 0.5 + 0.4 * block.unmoved.score
    found = Basin.of(block, MODEL, raw=True)
    assert found.status == "found"
    assert [radius.retention for radius in found.radii] == [0.95, 0.8, 0.5]
    assert found.flips is None
    assert found.crossed is not None


def test_everything_kept_has_no_curve() -> None:
    found = Landscape.from_store(cliff_run(kinds=(ABLE,), alphas=GRID)).basin("knowledge", retention=1.0)
    assert [(r.retention, r.method) for r in found.radii] == [
        (1.0, "model_free"), (0.95, "dose_response"), (0.8, "dose_response"), (0.5, "dose_response")
    ]  # fmt: skip
    assert found.crossed is not None
    assert (found.sigma, found.sigma_low) == (found.crossed.sigma, found.crossed.low)


def test_scattered_blocks_have_radii_and_no_edges() -> None:
    """Every direction at one step of its own, ten examples each: as an adaptive plan scores."""
    block = Landscape.from_store(cliff_run(kinds=(ABLE,), alphas=GRID, directions=40)).block("knowledge")
    kept = np.zeros(block.moved.score.shape, bool)
    for i in range(40):
        start = 10 * i % 100
        kept[i, i % 10, start : start + 10] = True
    block.moved.score[~kept] = np.nan
    block.moved.label[~kept] = -1
    found = Basin.of(block, MODEL, raw=True, retention=0.8)
    assert (found.status, found.method, found.evaluations, found.edges) == ("found", "dose_response", 400, ())
    assert found.sigma_low is not None
    assert 0.005 < found.sigma_low < ABLE.radius * 1.2 < (found.sigma_high or 0)


def test_a_weak_capability_says_what_would_show_it() -> None:
    found = basin(UNABLE._replace(ability=0.24), examples=50)
    assert found.status == "absent"
    assert found.to_see is None or found.to_see > 50
    assert found.words.to_see.startswith("About" if found.to_see else "Its score is not above chance")


@pytest.mark.parametrize("found", [basin, lambda: basin(UNABLE), lambda: basin(alphas=AlphaGrid.parse("0"))])
def test_json_holds_numbers_or_null(found) -> None:
    data = found().to_json()
    assert json.loads(json.dumps(data, allow_nan=False)) == data
    assert {"status", "sigma", "sigma_low", "sigma_high", "l2"} <= set(data)


def test_a_share_that_cannot_be_meant() -> None:
    landscape = Landscape.from_store(cliff_run(directions=2, examples=10, kinds=(ABLE,)))
    with pytest.raises(InputError, match="retention"):
        landscape.basin("knowledge", retention=95)


def test_the_rms_is_the_models() -> None:
    assert basin(directions=2, examples=10).rms == MODEL.rms


def test_agreement_on_several_texts_is_shown_by_the_first_of_them() -> None:
    found = dataclasses.replace(basin(), task="agreement:math+code+reasoning", capability="behaviour")
    assert (found.words.task, found.words.name) == ("agreement:math+…", "agreement:math+… (behaviour)")
    assert dataclasses.replace(found, task="agreement:math").words.task == "agreement:math"
    assert dataclasses.replace(found, capability="math").words.task == "agreement:math+code+reasoning"
