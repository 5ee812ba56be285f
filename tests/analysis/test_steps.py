"""What the weights made of each step, and the same at other step sizes."""

import numpy as np
from numpy.testing import assert_array_equal

from corrie.analysis.block import Axis
from corrie.analysis.steps import Steps
from corrie.records.direction import gaussian
from corrie.records.point import Point
from corrie.records.store import Realised

ONE, TWO = gaussian(2)
AXES = (Axis.of_directions([ONE.id, TWO.id]), Axis.of_steps("alpha", (0.5, 1.0), "step size"))


def steps() -> Steps:
    there = Point.along(TWO, 0.5)
    points = {there.id: (there, Realised(asked=3.0, norm=2.5, cosine=None))}
    return Steps.of(points, {there.id: (1, 0), "elsewhere": (0, 0)}, AXES)


def test_each_in_its_place_and_nan_where_none_was_taken() -> None:
    nan = np.nan
    assert_array_equal(steps().asked, [[nan, nan], [3.0, nan]])
    assert_array_equal(steps().distance, [[nan, nan], [2.5, nan]])
    assert np.isnan(steps().cosine).all()


def test_at_other_step_sizes() -> None:
    found = steps().at(np.array([0.25, 0.5]))
    assert_array_equal(found.distance, [[np.nan, np.nan], [np.nan, 2.5]])
    assert found.axes[1].values.tolist() == [0.25, 0.5]
    none = Steps.of({}, {}, (AXES[0], Axis.of_steps("alpha", (), "step size")))
    assert none.at(np.array([0.5])).distance.shape == (2, 1)


def test_the_labelled_dataset_is_the_same() -> None:
    labelled = steps().labelled()
    assert float(labelled.distance.sel(direction=TWO.id, alpha=0.5)) == 2.5
