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
        assert [r["retention"] for r in each["radii"]] == [r.retention for r in basin.radii]
        for told, radius in zip(each["radii"], basin.radii, strict=True):
            assert set(told) >= {"retention", "sigma", "sigma_low", "sigma_high", "l2", "method"}
            assert (told["sigma"], told["sigma_low"], told["method"]) == (radius.sigma, radius.low, radius.method)
        assert each["evaluations"] == basin.evaluations
        assert (each["flips"] is None) == (basin.flips is None)
        assert (each["basin"]["crossed"] is None) == (basin.crossed is None)
    assert found["model"]["fingerprint"] == MODEL.fingerprint
    assert found["retention"] == 0.95


def test_weak_capabilities_and_the_order_are_told() -> None:
    weak = UNABLE._replace(ability=0.24)
    found = summary(Landscape.from_store(cliff_run(directions=8, examples=60, kinds=(KINDS[0], KINDS[2], weak))))
    language, math, chess = found["capabilities"]
    assert language["examples_to_see"] is math["examples_to_see"] is None
    assert chess["basin"]["status"] == "absent"
    assert chess["radii"] == []
    assert chess["examples_to_see"] > 60
    assert found["order"] == {"first": ["math"], "last": ["language"], "before": [["math", "language"]]}


def test_another_retention_is_carried_through() -> None:
    found = summary(Landscape.from_store(cliff_run(directions=3, examples=40, kinds=KINDS[:1])), 0.5, 0.8)
    assert (found["retention"], found["confidence"]) == (0.5, 0.8)
    assert found["capabilities"][0]["basin"]["retention"] == 0.5
