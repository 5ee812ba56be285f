from __future__ import annotations

import json
import math

import numpy as np
import pytest
from numpy.testing import assert_allclose

from corrie.analysis.basin import Basin, fold
from corrie.analysis.landscape import Landscape
from corrie.errors import InputError
from corrie.records.scan_spec import AlphaGrid
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
    assert (found.sigma, found.sigma_low, found.sigma_high) == (radius.sigma, radius.low, radius.high)
    assert [edge for _, edge in found.edges] == list(radius.edges)
    assert [name for name, _ in found.edges] == [direction.id for direction in landscape.directions]
    assert found.sigma is not None
    assert found.l2 is not None
    assert_allclose(found.l2, found.sigma * math.sqrt(134_515_008))
    assert_allclose(found.relative, found.sigma / (2120 / math.sqrt(134_515_008)))
    assert_allclose(found.l2_low, found.l2 * radius.low / found.sigma)


def test_a_found_basin_says_its_radius_in_three_units() -> None:
    found = basin()
    assert found.status == "found"
    assert found.sigma is not None
    assert f"Basin(knowledge): σ ≤ {found.sigma:.3g} [{found.sigma_low:.3g}, {found.sigma_high:.3g}], L2 ≤" in str(
        found
    )
    assert "% of a typical weight; 95 % of the score above chance kept, 95 % confidence" in str(found)
    assert str(found).endswith(
        "8 directions × 100 examples; a kind of direction rarer than 32 % may be unseen and leave earlier"
    )


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
    assert "σ < 0.03 (the smallest tried) [0, 0.03], L2 < 348" in str(found)


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
    """The toy gives −α what it gives α, so two-sided grids must give what one-sided grids give: no more directions."""
    one, two = basin(), basin(alphas=AlphaGrid.between(-0.02, 0.02, 21))
    assert two == one


def test_folding_averages_the_sides_that_were_scored() -> None:
    scores = np.array([[[0.0, np.nan], [1.0, 1.0], [np.nan, 1.0]]])
    steps, folded = fold(np.array([-2.0, 2.0, 3.0]), scores)
    assert steps.tolist() == [2.0, 3.0]
    np.testing.assert_array_equal(folded, [[[0.5, 1.0], [np.nan, 1.0]]])


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
