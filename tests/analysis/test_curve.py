from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from corrie.analysis.curve import Curve
from corrie.analysis.landscape import Landscape
from corrie.errors import InputError
from corrie.records.scan_spec import AlphaGrid
from corrie.testing.cliff_run import KINDS, SAFETY, cliff_run


@pytest.fixture(scope="module")
def landscape() -> Landscape:
    both_sides = AlphaGrid.between(-0.02, 0.02, 5)
    return Landscape.from_store(cliff_run(directions=5, examples=30, alphas=both_sides, kinds=(KINDS[1], SAFETY)))


def test_it_agrees_with_a_slow_reference(landscape: Landscape) -> None:
    curve, grid = landscape.curve("knowledge", band=0.5), landscape["knowledge"]
    assert curve.alphas.tolist() == [-0.02, -0.01, 0.0, 0.01, 0.02]
    for column, alpha in enumerate(curve.alphas):
        each = []
        for direction in grid.direction.values:
            scores = grid.unmoved_score if alpha == 0 else grid.score.sel(direction=direction, alpha=alpha)
            each.append(np.mean(scores.values))
        assert_allclose(curve.score.each[:, column], each)
        assert_allclose(curve.score.mean[column], np.mean(each))
        assert_allclose([curve.score.low[column], curve.score.high[column]], np.quantile(each, [0.25, 0.75]))
    assert_allclose(curve.retained[2], 1.0)
    assert_allclose(curve.retained, (curve.score.mean - 0.2) / (curve.unmoved - 0.2))


def test_shares_of_labels_sum_to_one(landscape: Landscape) -> None:
    curve = landscape.curve("safety")
    assert set(curve.composition) == {"refused", "complied", "collapsed"}
    assert_allclose(sum(curve.composition.values()), 1.0)
    assert curve.composition["collapsed"][2] == 0.0
    assert curve.composition["collapsed"][0] > 0.9


def test_what_is_missing_is_left_out_and_nothing_is_nan(landscape: Landscape) -> None:
    block = landscape.block("knowledge")
    score = block.moved.score.copy()
    score[0, 0, :10] = np.nan
    score[1, 0, :] = np.nan
    score[:, 3, :] = np.nan
    curve = Curve.of(replace(block, moved=replace(block.moved, score=score)), 0.8)
    assert_allclose(curve.score.each[0, 0], score[0, 0, 10:].mean())
    assert np.isnan(curve.score.each[1, 0])
    assert_allclose(curve.score.mean[0], np.nanmean(curve.score.each[:, 0]))
    assert_array_equal(np.isnan(curve.score.mean), [False, False, False, False, True])
    assert np.isnan(curve.score.low[4])


def test_a_run_with_only_the_unmoved_model() -> None:
    landscape = Landscape.from_store(cliff_run(directions=2, examples=10, alphas=AlphaGrid.parse("0"), kinds=KINDS[:1]))
    curve = landscape.curve("language")
    assert curve.alphas.tolist() == [0.0]
    assert curve.score.mean.tolist() == [curve.unmoved]
    assert "unmoved" in str(curve)


def test_a_band_is_a_share(landscape: Landscape) -> None:
    with pytest.raises(InputError, match="not a share"):
        landscape.curve("knowledge", band=80)
