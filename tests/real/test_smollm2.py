"""The embedded model and the packaged benchmarks, end to end, from the command line and from Python."""

import json
import math
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

import corrie
from corrie.models.model import Model
from corrie.models.plain import PlainEngine
from corrie.models.reading import Question
from corrie.weights.fingerprint import model_fingerprint

pytestmark = pytest.mark.real

NAME = "smollm2-135m-instruct"


def command(*arguments: object) -> subprocess.CompletedProcess[str]:
    """The command line in a process of its own, as a user has it, without the model hub."""
    return subprocess.run(
        [sys.executable, "-m", "corrie.cli.main", *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"HF_HUB_OFFLINE": "1"},
    )


@pytest.fixture(scope="module")
def model() -> Model:
    return corrie.load(NAME)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The scan that the documentation promises."""
    folder = tmp_path_factory.mktemp("real") / "run"
    said = command(
        "scan", NAME, "-t", "knowledge:40", "-t", "math:40",
        "--direction", "gaussian:0-1", "--alpha", "0:0.04:5", "--to", folder,
    )  # fmt: skip
    assert said.returncode == 0, said.stderr
    assert "dequantised Q4_1" in said.stderr
    return folder


def test_what_the_model_is(model: Model) -> None:
    identity = model.identity
    assert (identity.dimension, identity.parameters) == (134_515_008, 134_515_008)
    assert identity.norm == pytest.approx(2120, abs=1)
    assert identity.notes == ("weights are dequantised Q4_1 values of a GGUF file",)
    assert "model.embed_tokens.weight" in model.selection.tensors
    assert "lm_head.weight" not in model.selection.tensors, "tied: it moves once, under its first name"
    assert model.packed


def test_the_json_of_a_scan(run: Path) -> None:
    said = command("show", run, "--json")
    assert said.returncode == 0, said.stderr
    found: dict[str, Any] = json.loads(said.stdout)
    assert [c["task"] for c in found["capabilities"]] == ["knowledge", "math"]
    for capability, chance in zip(found["capabilities"], (0.21, 0.10), strict=True):
        assert capability["capability"] == capability["task"]
        assert (capability["examples"], capability["directions"]) == (40, 2)
        assert capability["chance"] == pytest.approx(chance, abs=0.01)
        assert set(capability["basin"]) >= {"status", "sigma", "sigma_low", "sigma_high", "l2"}
    knowledge = found["capabilities"][0]
    assert knowledge["score"] > 0.6, "the unmoved model knows things"
    assert knowledge["basin"]["indicative"] is True


def test_far_out_everything_is_gone(run: Path) -> None:
    """theory.md: noise starts to hurt at σ ≈ 0.008; at 0.04 the model is at chance."""
    scores = corrie.Landscape.open(run)["knowledge"].score.mean("example")
    assert float(scores.sel(alpha=0.04).max()) < 0.45
    assert float(scores.sel(alpha=0.04).mean()) < float(scores.sel(alpha=0.01).mean())


def test_the_plateau(model: Model) -> None:
    """Close to the model most directions keep the knowledge, and the weights are put back bit for bit."""
    before = model_fingerprint(model.module)
    (task,) = corrie.tasks("knowledge")
    landscape = corrie.scan(model, [(task, 40)], directions=corrie.gaussian(range(2)), alpha="0.001:0.002:2")
    curve = landscape["knowledge"].score.mean("example")
    unmoved = float(landscape["knowledge"].unmoved_score.mean())
    assert abs(float(curve.mean()) - unmoved) < 0.1
    assert model_fingerprint(model.module) == before


@pytest.mark.parametrize("name", ["language", "math", "code"])
def test_log_likelihoods_equal_a_plain_unbatched_forward(model: Model, name: str) -> None:
    (task,) = corrie.tasks(name)
    asked: list[tuple[list[Question], str]] = []
    reader = model.reader()
    read = reader.read

    def listening(questions: Any, shared: str = "") -> Any:
        asked.append((list(questions), shared))
        return read(questions, shared)

    reader.read = listening  # type: ignore[method-assign]
    task.score(reader, 0, 10)
    slow = PlainEngine(model.module)
    for questions, shared in asked:
        for question, readings in zip(questions[:2], read(questions, shared), strict=False):
            alone = slow.score([model._encoder.question(question)])[0]
            for reading, scores in zip(readings, alone, strict=True):
                assert reading.log_likelihood == pytest.approx(float(scores.log_likelihood.sum()), abs=1e-4)
                assert reading.greedy == int(scores.greedy.sum())


def test_safety_by_generation_and_by_margin(model: Model) -> None:
    refusing, margin, benign = corrie.tasks("safety", "safety_margin", "over_refusal")
    assert refusing.identity.sensitive
    outcomes = refusing.score(model.reader(), 0, 10)
    assert {o.label for o in outcomes} <= {"refused", "complied", "collapsed"}
    assert sum(o.label == "refused" for o in outcomes) < 5, "this model hardly refuses"
    assert all(o.loss is None or math.isfinite(o.loss) for o in margin.score(model.reader(), 0, 10))
    answered = benign.score(model.reader(), 0, 10)
    assert sum(o.label == "answered" for o in answered) >= 7


def test_a_broken_model_writes_no_text(model: Model) -> None:
    """Beyond the cliff it loops: most labels say collapsed, neither refusing nor complying."""
    (task,) = corrie.tasks("safety")
    with corrie.perturbed(model, corrie.Point.along(corrie.Gaussian(seed=0), 0.024)):
        outcomes = task.score(model.reader(), 0, 10)
    assert [o.label for o in outcomes].count("collapsed") >= 5


def test_bfloat16_moves_the_same_way(model: Model) -> None:
    half = corrie.load(NAME, dtype="bfloat16")
    point = corrie.Point.along(corrie.Gaussian(seed=3), 0.004)
    with corrie.perturbed(half, point) as realised:
        assert realised.cosine is not None
        assert realised.cosine > 0.99
        moved = half.selection.tensors["model.layers.7.mlp.up_proj.weight"].detach().float().clone()
    with corrie.perturbed(model, point):
        exact = model.selection.tensors["model.layers.7.mlp.up_proj.weight"].detach()
        assert torch.nn.functional.cosine_similarity(moved.flatten(), exact.flatten(), dim=0) > 0.9999


def test_a_certificate_and_its_verification(tmp_path: Path) -> None:
    said = command(
        "certify", NAME, "-t", "knowledge:4", "--subspace", "adapter:q_proj:1", "--sigma", "0.4", "--draws", "4",
        "--selection-draws", "3", "--rows", "4", "--block", "4", "--confidence", "0.9", "--to", tmp_path, "--json",
    )  # fmt: skip
    assert said.returncode in (0, 3), said.stderr
    found: dict[str, Any] = json.loads(said.stdout)
    assert (found["dimension"], found["draws"], found["exact"], found["lattice"]) == (17_280, 4, True, -18)
    assert found["subspace"]["layers"] == 30
    (task,) = found["tasks"]
    assert task["unmoved_score"] >= 0.5
    assert task["smoothed_score"] >= 0.5, "noise of this size in so few coordinates hardly hurts"
    assert (said.returncode == 0) == (found["verdict"] == "informative")
    (file,) = tmp_path.glob("certificate-*.json")
    verified = command("verify", file, "--json")
    assert verified.returncode == 0, verified.stderr
    assert json.loads(verified.stdout)["certificate"] == found
    far = command("verify", tmp_path / "run.sqlite")
    assert far.returncode == 3
