"""``corrie worst``: finds, says, keeps; and ``corrie scan`` along what it kept."""

import json
from pathlib import Path

import pytest

from corrie.weights.saved import look_at_saved, origin_of


@pytest.fixture
def worst(corrie, toy: Path, task: Path, tmp_path: Path):
    def run(*more: object, out: str = "worst.safetensors"):
        return corrie("worst", toy, "-t", f"{task}:6", "--out", tmp_path / out, "--distance", 1.5, *more)

    return run


def test_a_sentence_and_a_file_with_its_story(worst, tmp_path: Path) -> None:
    said = worst("--steps", 3, "--restarts", 1)
    assert said.code == 0, said.err
    assert "nats per token at L2 distance 1.5 (σ-equivalent" in said.out
    assert "Gradient 1: loss" in said.err
    record, found = look_at_saved(tmp_path / "worst.safetensors")
    origin = origin_of(found)
    assert origin["what"].startswith("ascent for letters:6")
    assert record.content in json.dumps(dict(found.notes))
    assert {"search", "date", "torch", "before", "after", "task"} <= set(origin)
    assert json.loads(origin["search"])["restarts"] == 1


@pytest.mark.parametrize("method", ["gradient", "hessian"])
def test_the_other_methods_and_json(worst, method: str) -> None:
    more = ("--include", "model.norm.weight") if method == "hessian" else ()
    said = worst("--method", method, "--json", *more)
    assert said.code == 0, said.err
    found = json.loads(said.out)
    assert found["loss"]["after"] > found["loss"]["before"]
    assert found["method"] == method
    assert found["distance"] == 1.5


def test_then_a_scan_along_it(worst, corrie, toy: Path, task: Path, tmp_path: Path) -> None:
    sigma = json.loads(worst("--steps", 2, "--json").out)["sigma"]
    file = tmp_path / "worst.safetensors"
    said = corrie(
        "scan", toy, "-t", f"{task}:6", "--direction", f"saved:{file}", "--alpha", f"0:{sigma}:3",
        "--to", tmp_path / "run", "--json",
    )  # fmt: skip
    assert said.code == 0, said.err
    (line,) = json.loads(said.out)["paths"]
    assert line["distance"][-1] == pytest.approx(1.5, rel=1e-3)


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (("--method", "ascend"), "Did you mean 'ascent'"),
        (("--distance", "-1"), "not a length"),
        (("--steps", "0"), "is not valid"),
        (("--dtype", "bfloat16", "--method", "hessian"), "their rounding is larger"),
    ],
    ids=str,
)
def test_bad_input_leaves_no_file(worst, tmp_path: Path, more: tuple[str, ...], words: str) -> None:
    said = worst(*more)
    assert said.code == 2
    assert words in said.err
    assert list(tmp_path.iterdir()) == []


def test_a_name_that_would_be_refused_in_the_end_is_refused_first(worst) -> None:
    said = worst(out="worst.bin")
    assert said.code == 2
    assert "does not end in .safetensors" in said.err
    assert "Gradient" not in said.err


def test_random_and_worst_curves_in_one_picture(worst, corrie, toy: Path, task: Path, tmp_path: Path) -> None:
    sigma = json.loads(worst("--steps", 2, "--json").out)["sigma"]
    for name, direction in (("noise", "gaussian:0-1"), ("worst", f"saved:{tmp_path / 'worst.safetensors'}")):
        said = corrie(
            "scan", toy, "-t", f"{task}:6", "--direction", direction, "--alpha", f"0:{2 * sigma}:3",
            "--to", tmp_path / name,
        )  # fmt: skip
        assert said.code == 0, said.err
    runs = (tmp_path / "noise", tmp_path / "worst")
    said = corrie("report", *runs, "--figure", tmp_path / "curves.png", "--together")
    assert said.code == 0, said.err
    assert (tmp_path / "curves.png").read_bytes().startswith(b"\x89PNG")
    assert not (tmp_path / "curves-1.png").exists()
    assert "most-case: 2 random directions" in said.out
    said = corrie("report", *runs, "--together")
    assert said.code == 2
    assert "--figure curves.png" in said.err
