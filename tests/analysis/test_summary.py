import json

import pytest

from corrie.analysis.landscape import Landscape
from corrie.analysis.summary import summary
from corrie.records.scan_spec import AlphaGrid
from corrie.testing.cliff_run import KINDS, MODEL, Kind, cliff_run

UNABLE = Kind("chess", 0.01, 0.2, 0.2, "choice", 2.0)


@pytest.mark.parametrize("alphas", ["0.002:0.02:10", "0.0005:0.001:2", "0.1", "0"])
def test_it_lists_every_capability_in_numbers_or_null(alphas: str) -> None:
    kinds = (*KINDS[:2], UNABLE)
    landscape = Landscape.from_store(cliff_run(directions=3, examples=40, alphas=AlphaGrid.parse(alphas), kinds=kinds))
    found = summary(landscape)
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    assert [c["capability"] for c in found["capabilities"]] == ["language", "knowledge", "chess"]
    for each, basin in zip(found["capabilities"], landscape.basins(), strict=True):
        assert set(each) >= {"capability", "task", "score", "chance", "examples", "directions", "basin"}
        assert each["basin"]["status"] == basin.status
        assert each["basin"]["sigma"] == basin.sigma
        assert each["basin"]["l2"] == basin.l2
        assert each["score"] == basin.score
    assert found["model"]["fingerprint"] == MODEL.fingerprint
    assert found["retention"] == 0.95


def test_another_retention_is_carried_through() -> None:
    found = summary(Landscape.from_store(cliff_run(directions=3, examples=40, kinds=KINDS[:1])), 0.5, 0.8)
    assert (found["retention"], found["confidence"]) == (0.5, 0.8)
    assert found["capabilities"][0]["basin"]["retention"] == 0.5
