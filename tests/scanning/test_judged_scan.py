"""A scan whose requests are judged by a model that does not move."""

import pytest

import corrie
from corrie.capabilities.examples import Request
from corrie.capabilities.judge import ModelJudge
from corrie.capabilities.safety import RequestTask
from corrie.errors import RunError
from corrie.testing.toy_models import toy_model


def test_a_run_keeps_its_judge(tmp_path) -> None:
    examples = [Request(str(i), f"Do {i}.", "") for i in range(2)]
    plain = RequestTask("demo", examples, harmful=False, capability="safety", source="a test")
    judged = plain.judged_by(ModelJudge(toy_model()))
    terms = {"directions": corrie.gaussian(1), "alpha": "0:0.5:2", "agreement": False}
    found = corrie.scan(toy_model(), [(judged, 2)], to=tmp_path / "run", **terms)
    assert found["demo"].score.sizes["example"] == 2
    with pytest.raises(RunError, match="its data or its scoring have changed"):
        corrie.scan(toy_model(), [(plain, 2)], to=tmp_path / "run", **terms)
    corrie.scan(toy_model(), [(judged, 2)], to=tmp_path / "run", **terms)
