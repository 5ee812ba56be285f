"""A block of outcomes holds what its cells hold, each in its place, and cuts of it are cuts of its arrays."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from corrie.analysis.block import LABELS, MISSING, Block
from corrie.analysis.landscape import Landscape
from corrie.records.point import Point
from corrie.records.store import Store
from corrie.testing.cliff_run import KINDS, cliff_run


@pytest.fixture(scope="module")
def store() -> Store:
    return cliff_run(directions=3, examples=25, kinds=KINDS[1:2])


@pytest.fixture(scope="module")
def block(store: Store) -> Block:
    return Landscape.from_store(store).block("knowledge")


def test_every_outcome_is_where_a_slow_reading_finds_it(store: Store, block: Block) -> None:
    directions, alphas = (axis.values.tolist() for axis in block.axes)
    ids = block.examples.tolist()
    seen = 0
    points = store.points()
    for cell in store.cells(store.keys()):
        point = points[cell.point][0]
        for outcome in cell.outcomes:
            at = ids.index(outcome.id)
            if point == Point.origin():
                assert block.unmoved.score[at] == outcome.success
                continue
            (step,) = point.steps
            place = (directions.index(step.direction.id), alphas.index(step.alpha), at)
            assert block.moved.score[place] == outcome.success
            assert LABELS[block.moved.label[place]] == outcome.label
            seen += 1
    assert seen == block.moved.score.size == 3 * 12 * 25


def test_cuts(block: Block) -> None:
    few = block.first(7)
    assert few.examples.tolist() == block.examples[:7].tolist()
    assert_array_equal(few.moved.loss, block.moved.loss[:, :, :7])
    assert_array_equal(few.unmoved.score, block.unmoved.score[:7])
    chosen = block.axes[1].values > 0.01
    some = block.columns(chosen)
    assert some.axes[1].values.tolist() == block.axes[1].values[chosen].tolist()
    assert_array_equal(some.moved.label, block.moved.label[:, chosen])


def test_what_is_missing(block: Block) -> None:
    assert block.missing == 0.0
    label = block.moved.label.copy()
    label[0] = MISSING
    assert replace(block, moved=replace(block.moved, label=label)).missing == pytest.approx(1 / 3)


def test_the_labelled_dataset_is_the_same(block: Block) -> None:
    grid = block.labelled(source="here")
    assert grid.score.dims == ("direction", "alpha", "example")
    assert_array_equal(grid.score.values, block.moved.score)
    assert grid.attrs["source"] == "here"
    assert float(grid.score.sel(direction=block.axes[0].values[1], alpha=block.axes[1].values[2])[4]) == float(
        block.moved.score[1, 2, 4]
    )
    assert np.array_equal(grid.unmoved_label.values, block.unmoved.label)


def test_scattered_is_where_most_directions_have_a_step_of_their_own(store: Store) -> None:
    block = Landscape.from_store(store).block("knowledge")
    assert not block.scattered
    block.moved.score[0, 1:] = np.nan
    assert not block.scattered
    block.moved.score[1, :-1] = np.nan
    assert block.scattered
    assert not block.columns(block.axes[1].values == block.axes[1].values[0]).scattered
