import numpy as np
from numpy.testing import assert_allclose

from corrie.analysis.basin import Basin
from corrie.analysis.fitted_curve import FittedCurve
from corrie.analysis.landscape import Landscape
from corrie.testing.cliff_run import KINDS, MODEL, cliff_run


def test_of_a_grid_the_points_are_the_mean_curve() -> None:
    landscape = Landscape.from_store(cliff_run(directions=4, examples=60, kinds=KINDS[2:3]))
    basin, mean = landscape.basin("math"), landscape.curve("math")
    curve = FittedCurve.of(landscape.block("math"), basin)
    assert curve is not None
    assert not curve.scattered
    assert_allclose(curve.points, mean.alphas[1:])
    assert_allclose(curve.score, mean.score.mean[1:])
    assert (curve.outcomes == 240).all()
    middle = np.interp(curve.points, curve.sigma, curve.middle)
    assert np.abs(middle - curve.score).max() < 0.12
    assert ((curve.low <= curve.middle) & (curve.middle <= curve.high)).all()


def test_scattered_blocks_are_points_as_large_as_they_are_many() -> None:
    block = Landscape.from_store(cliff_run(directions=24, examples=20, kinds=KINDS[2:3])).block("math")
    for i in range(24):
        block.moved.score[i, np.arange(12) != i % 12] = np.nan
    curve = FittedCurve.of(block, Basin.of(block, MODEL, raw=True, retention=0.8))
    assert curve is not None
    assert curve.scattered
    assert (curve.outcomes == 40).all()
    change = block.moved.score[[3, 15], 3] - block.unmoved.score
    assert_allclose(curve.score[3], np.mean(block.unmoved.score) + change.mean())


def test_where_nothing_was_fitted_there_is_none() -> None:
    landscape = Landscape.from_store(cliff_run(directions=2, examples=10, kinds=KINDS[:1], normalisation="unit"))
    assert FittedCurve.of(landscape.block("language"), landscape.basin("language")) is None
