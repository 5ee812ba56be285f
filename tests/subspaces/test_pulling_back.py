"""A pulled-back adapter lies inside as anybody would measure it, and points the same way."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

import corrie
from corrie.errors import InputError, ModelError
from corrie.subspaces.pulling_back import pull_back, pull_back_alone
from corrie.subspaces.stand import stand
from corrie.testing.toy_models import toy_model
from corrie.weights.adapter import WEIGHTS
from corrie.weights.adapter_config import ADAPTER_CONFIG


def norm_of_b(folder: Path) -> float:
    stored = load_file(folder / WEIGHTS)
    return math.sqrt(sum(float(t.double().square().sum()) for n, t in stored.items() if ".lora_B." in n))


@pytest.mark.parametrize("kind", ["rows", "core"])
@pytest.mark.parametrize("radius", [None, 0.37, 1e-4, 0.0])
def test_it_lies_inside_and_points_the_same_way(kind: str, radius: float | None, request: Any, tmp_path: Path) -> None:
    made = request.getfixturevalue(kind)
    served = corrie.smoothed(made.model, made.file, made.tuned)
    found = pull_back(served, made.tuned, tmp_path / "out", radius)
    limit = made.certificate.radius if radius is None else radius
    assert limit is not None
    there = stand(made.model, served.space, str(tmp_path / "out"), lattice=served.lattice)
    assert there.distance == found.projection.after <= limit
    assert found.projection.before == pytest.approx(served.distance, rel=1e-9)
    step = 2.0**served.lattice * sum(t.numel() for t in served.center.values()) ** 0.5
    assert there.distance >= limit * (1 - 1e-5) - step
    scale = limit / served.distance
    for name, value in there.coordinates.items():
        assert (value - scale * served.center[name]).abs().max() <= 1.01 * 2.0**served.lattice + 1e-5 * limit
    assert found.certificate is not None
    assert found.certificate.distance == there.distance
    for task, stated in zip(found.certificate.tasks, found.to_json()["tasks"], strict=True):
        assert stated["lower"] == task.lower(there.distance)
    before, after = load_file(made.tuned / WEIGHTS), load_file(tmp_path / "out" / WEIGHTS)
    assert before.keys() == after.keys()
    assert all(torch.equal(before[n], after[n]) for n in before if ".lora_A." in n)
    assert (tmp_path / "out" / ADAPTER_CONFIG).read_text() == (made.tuned / ADAPTER_CONFIG).read_text()


def test_at_the_certified_radius_the_stated_share_is_kept(rows: Any, tmp_path: Path) -> None:
    served = corrie.smoothed(rows.model, rows.file, rows.tuned)
    assert served.stated is not None
    assert served.stated.verdict == "vacuous"
    found = pull_back(served, rows.tuned, tmp_path / "out")
    assert found.certificate is not None
    assert found.certificate.verdict == "informative"
    for task in found.certificate.tasks:
        assert task.lower(found.projection.after) >= task.floor(0.8) - 1e-4
    assert str(found).startswith(f"{tmp_path / 'out'}: pulled back, distance ")
    assert "and not this one adapter" in str(found)


def test_what_lies_inside_stays(rows: Any, tmp_path: Path) -> None:
    served = corrie.smoothed(rows.model, rows.file, rows.tuned)
    found = pull_back(served, rows.tuned, tmp_path / "out", served.distance)
    assert not found.projection.moved
    again = stand(rows.model, served.space, str(tmp_path / "out"), lattice=served.lattice)
    assert again.record.content == served.around.record.content  # type: ignore[union-attr]
    assert "inside already" in str(found)


def test_alone_it_is_the_norm_of_b(rows: Any, tmp_path: Path) -> None:
    found = pull_back_alone(rows.tuned, tmp_path / "out", 0.5)
    assert 0.5 * (1 - 1e-6) <= norm_of_b(tmp_path / "out") <= found.projection.after <= 0.5
    assert found.projection.before == pytest.approx(norm_of_b(rows.tuned))
    assert found.to_json()["verdict"] is None
    whole = pull_back_alone(rows.tuned, tmp_path / "whole", 1e6)
    assert not whole.projection.moved
    assert norm_of_b(tmp_path / "whole") == norm_of_b(rows.tuned)


def test_what_cannot_be_pulled_back(rows: Any, tmp_path: Path) -> None:
    served = corrie.smoothed(rows.model, rows.file, rows.tuned)
    (tmp_path / "there").mkdir()
    with pytest.raises(InputError, match="it is there already"):
        pull_back(served, rows.tuned, tmp_path / "there", 1.0)
    for radius in (-1.0, math.nan, math.inf):
        with pytest.raises(InputError, match="no distance"):
            pull_back_alone(rows.tuned, tmp_path / "out", radius)
    with pytest.raises(InputError, match="no adapter and certificate"):
        pull_back(corrie.smoothed(rows.model, rows.file), rows.tuned, tmp_path / "out", 1.0)
    broken = {n: t * math.inf if ".lora_B." in n else t for n, t in load_file(rows.tuned / WEIGHTS).items()}
    (tmp_path / "broken").mkdir()
    save_file(broken, tmp_path / "broken" / WEIGHTS)
    (tmp_path / "broken" / ADAPTER_CONFIG).write_text((rows.tuned / ADAPTER_CONFIG).read_text())
    with pytest.raises(ModelError, match="not finite"):
        pull_back_alone(tmp_path / "broken", tmp_path / "out", 1.0)
    with pytest.raises(ModelError):
        pull_back_alone(tmp_path / "missing", tmp_path / "out", 1.0)
    assert not (tmp_path / "out").exists()


def test_a_certificate_without_a_radius_asks_for_one(tmp_path: Path) -> None:
    from corrie.testing.toy_tasks import toy_choice

    model = toy_model()
    terms = {"sigma": 0.01, "draws": 5, "selection_draws": 2, "retain": 1.0}
    certificate = corrie.certify(model, [(toy_choice(size=10), 10)], subspace="core:q_proj:1", **terms)
    assert certificate.radius is None
    tuned = corrie.smoothed(model, ("core:q_proj:1", 1.0)).save(tmp_path / "tuned", seed=0)
    served = corrie.smoothed(model, certificate, tuned)
    with pytest.raises(InputError, match=r"keeps 100% of the score above chance at no distance\. Try: --radius R"):
        pull_back(served, tuned, tmp_path / "out")
    full = corrie.certify(model, [(toy_choice(size=10), 10)], subspace="full", **terms)
    with pytest.raises(InputError, match="no low-rank changes"):
        pull_back(corrie.smoothed(model, full, tuned), tuned, tmp_path / "out", 1.0)


def test_json_is_plain(rows: Any, tmp_path: Path) -> None:
    served = corrie.smoothed(rows.model, rows.file, rows.tuned)
    found = json.loads(json.dumps(pull_back(served, rows.tuned, tmp_path / "out").to_json()))
    assert (found["moved"], found["verdict"], found["tasks"][0]["task"]) == (True, "informative", "toy")
