import json

import numpy as np
import pytest
from numpy.testing import assert_allclose

from corrie.analysis.landscape import Landscape
from corrie.records.scan_spec import AlphaGrid
from corrie.reporting.payload import MOST_LINES, payload
from corrie.testing.cliff_run import KINDS, Kind, cliff_run

UNABLE = Kind("chess", 0.01, 0.2, 0.2, "choice", 2.0)


@pytest.mark.parametrize("alphas", ["0.002:0.02:6", "-0.02:0.02:5", "0"])
def test_it_is_plain_data_with_the_landscapes_numbers(alphas: str) -> None:
    landscape = Landscape.from_store(
        cliff_run(directions=3, examples=30, kinds=(KINDS[1], UNABLE), alphas=AlphaGrid.parse(alphas))
    )
    told = payload(landscape, landscape.basins())
    assert json.loads(json.dumps(told, allow_nan=False)) == told
    task, curve, basin = told["tasks"][0], landscape.curve("knowledge"), landscape.basin("knowledge")
    assert_allclose(task["alphas"], curve.alphas)
    assert_allclose(task["score"]["mean"], curve.score.mean, rtol=1e-5)
    assert_allclose(np.array(task["loss"]["each"], float), curve.loss.each, rtol=1e-5)
    assert task["basin"]["status"] == basin.status
    assert_allclose(task["level"], 0.2 + 0.95 * (curve.unmoved - 0.2), rtol=1e-5)
    assert told["tasks"][1]["retained"] is None  # nothing above chance to retain
    assert len(told["steps"]["alphas"]) == len([a for a in curve.alphas if a])


def test_only_so_many_lines_are_drawn() -> None:
    landscape = Landscape.from_store(
        cliff_run(directions=MOST_LINES + 5, examples=10, kinds=KINDS[:1], alphas=AlphaGrid.parse("0.01:0.02:2"))
    )
    (task,) = payload(landscape, landscape.basins())["tasks"]
    assert len(task["score"]["each"]) == len(task["directions"]) == MOST_LINES
    assert task["count"] == MOST_LINES + 5
