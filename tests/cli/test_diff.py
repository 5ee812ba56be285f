"""``corrie diff`` and ``corrie retract`` as a CI gate meets them: sentences or JSON on stdout, exit code 0, 3 or 2."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import torch
from typer.main import get_command

from corrie.cli.main import app
from corrie.testing.toy_models import byte_tokenizer, toy_module
from corrie.weights.noise import gaussian_noise
from corrie.weights.saved import save_direction
from corrie.weights.selection import named_parameters

NEAR, FAR = 1e-4, 0.3


def step(sigma: float) -> dict[str, torch.Tensor]:
    return {
        n: sigma * torch.from_numpy(gaussian_noise(99, n, p.numel())).reshape(p.shape)
        for n, p in named_parameters(toy_module()).items()
    }


@pytest.fixture(scope="module")
def tuned(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Fine-tunes that change nothing and lose everything, and the latter's own direction as the worst one."""
    place = tmp_path_factory.mktemp("tuned")
    for name, sigma in (("near", NEAR), ("far", FAR)):
        module: Any = toy_module()
        moved = step(sigma)
        for tensor, parameter in named_parameters(module).items():
            parameter.data += moved[tensor]
        module.save_pretrained(place / name)
        byte_tokenizer().save_pretrained(place / name)
    save_direction(step(1.0), place / "worst.safetensors", {"what": "the worst"})
    return {p.name.split(".")[0]: p for p in place.iterdir()}


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return tmp_path / "run"


@pytest.fixture
def gate(toy: Path, task: Path, run: Path) -> list[object]:
    return ["-t", f"{task}:20", "--to", run]


QUICK = ["--directions", "0", "--alpha", "0:1:2", "--tolerance", "0.5"]


def test_a_fine_tune_that_keeps_everything(corrie: Any, toy: Path, tuned: dict[str, Path], gate: list[object]) -> None:
    said = corrie("diff", toy, tuned["near"], *gate, *QUICK)
    assert said.code == 0
    assert "letters is kept: 1.000 → 1.000" in said.out
    assert "was not measured" in said.out


def test_a_fine_tune_that_lost_a_capability_ends_with_3(
    corrie: Any, toy: Path, tuned: dict[str, Path], gate: list[object], run: Path
) -> None:
    terms = ["--directions", "2", "--alpha", "0:1:5", "--worst", f"saved:{tuned['worst']}", "--json"]
    said = corrie("diff", toy, tuned["far"], *gate, *terms)
    assert said.code == 3
    assert "→ far: lost: letters (L2" in said.err
    assert "Try: corrie retract" in said.err
    found = json.loads(said.out)
    (card,) = found["capabilities"]
    assert (found["lost"], card["verdict"], card["task"]) == (["letters"], "lost", "letters")
    scores = card["scores"]
    assert (scores["before"], scores["examples"]) == (1.0, 20)
    assert scores["low"] < scores["after"] - scores["before"] < scores["high"]
    assert scores["p_worse"] < 0.05
    assert 0 < card["alpha"] < 1
    assert card["way_out"]["distance"] == pytest.approx(card["alpha"] * found["move"]["distance"])
    assert card["basin"]["directions"] == 2
    assert card["basin"]["share"] > 1
    assert card["sharpness"]["value"] > 0
    assert card["to_worst"]["value"] > 0
    assert card["worst"]["cosine"] == pytest.approx(1.0, abs=1e-5)
    assert {p["name"] for p in found["move"]["layers"]} == {"layer 0", "layer 1", "outside of the layers"}
    assert sum(p["share"] for p in found["move"]["kinds"]) == pytest.approx(1)
    assert found["move"]["sigma"] == pytest.approx(FAR, rel=0.02)
    again = corrie("diff", toy, tuned["far"], *gate, *terms)
    assert (again.code, again.out) == (3, said.out)
    assert corrie("show", run).code == 0
    page = run.parent / "report.html"
    assert corrie("report", run, "--out", page).code == 0


def test_undecided_ends_with_0_and_a_warning(
    corrie: Any, toy: Path, task: Path, tuned: dict[str, Path], run: Path
) -> None:
    said = corrie("diff", toy, tuned["far"], "-t", f"{task}:3", "--to", run, *QUICK)
    assert (said.code, "letters is undecided" in said.out) == (0, True)
    assert "Warning: nothing can be said of letters on these examples" in said.err


def test_the_landscape_of_a_scan_is_used_and_names_the_tasks(
    corrie: Any, toy: Path, task: Path, tuned: dict[str, Path], run: Path, tmp_path: Path
) -> None:
    scan = ["--direction", "gaussian:0-1", "--alpha", "0.001:0.01:2", "--to", tmp_path / "scan"]
    assert corrie("scan", toy, "-t", f"{task}:10", *scan).code == 0
    asked = ["--landscape", tmp_path / "scan", "--alpha", "1", "--to", run, "--json"]
    said = corrie("diff", toy, tuned["near"], "-t", f"{task}:10", *asked)
    assert json.loads(said.out)["capabilities"][0]["basin"]["directions"] == 2
    refused = corrie("diff", toy, tuned["near"], *asked)
    assert refused.code == 2
    assert "no task of that name and content" in refused.err
    assert corrie("diff", toy, tuned["near"], *asked, "--dtype", "bfloat16", "-t", f"{task}:10").code == 2


def test_the_worst_case_is_searched_for_once(
    corrie: Any, toy: Path, tuned: dict[str, Path], gate: list[object], run: Path
) -> None:
    terms = ["--worst", "search", "--alpha", "1", "--directions", "0", "--json"]
    said = corrie("diff", toy, tuned["far"], *gate, *terms)
    assert "Gradient 1: loss" in said.err
    (card,) = json.loads(said.out)["capabilities"]
    assert abs(card["worst"]["cosine"]) < 0.5
    assert card["to_worst"]["value"] > 1
    assert len(list((run / "worst").iterdir())) == 1
    again = corrie("diff", toy, tuned["far"], *gate, *terms)
    assert (again.out, "Gradient" in again.err) == (said.out, False)
    assert corrie("show", run).code == 0
    assert corrie("report", run, "--out", run.parent / "report.html").code == 0
    refused = corrie("diff", toy, tuned["far"], *gate, *terms, "--dtype", "bfloat16")
    assert (refused.code, "float32" in refused.err) == (2, True)


def test_a_certificate_says_what_it_says(
    corrie: Any, toy: Path, task: Path, tuned: dict[str, Path], gate: list[object], tmp_path: Path
) -> None:
    """In the full space at once the distance of the diff and that of the certificate; far beyond σ it is vacuous."""
    terms = ["--subspace", "full", "--sigma", "0.0001", "--draws", "40", "--selection-draws", "5"]
    made = corrie("certify", toy, "-t", f"{task}:10", *terms, "--to", tmp_path / "certificate")
    assert made.code == 0, made.err
    (file,) = (tmp_path / "certificate").glob("certificate-*.json")
    said = corrie("diff", toy, tuned["near"], *gate, *QUICK, "--certificate", file, "--json")
    found = json.loads(said.out)
    (one,) = found["capabilities"][0]["certified"]
    assert one["verdict"] == "vacuous"
    assert one["distance"] == pytest.approx(found["move"]["distance"], rel=1e-3)
    assert one["ratio"] == pytest.approx(one["distance"] / 1e-4, rel=1e-2)
    assert "VACUOUS" in one["says"]
    assert one["says"].index("With confidence 0.99") < one["says"].index("assuming that") < one["says"].index("VACUOUS")
    page = tmp_path / "report.html"
    assert corrie("report", tmp_path / "run", "--out", page).code == 0
    assert f"Certificate {file.name}" in page.read_text("utf-8")
    file.write_text(file.read_text("utf-8").replace("0.99", "0.98"), "utf-8")
    refused = corrie("diff", toy, tuned["near"], *gate, *QUICK, "--certificate", file)
    assert (refused.code, refused.out) == (3, "")
    assert "it was changed" in refused.err


@pytest.mark.parametrize(
    ("terms", "words"),
    [
        (["--tolerance", "1"], "no share in [0, 1)"),
        (["--confidence", "0.5"], "between 0.5 and 1"),
        (["--alpha", "0:0.9:4"], "the fine-tune itself"),
        (["--alpha", "auto"], "not a range"),
        (["--directions", "-1"], "below 0"),
        (["--worst", "somewhere"], "no saved direction"),
        (["--block", "0"], "no examples"),
    ],
    ids=str,
)
def test_bad_input_is_said_and_nothing_is_made(
    corrie: Any, toy: Path, tuned: dict[str, Path], gate: list[object], run: Path, terms: list[str], words: str
) -> None:
    said = corrie("diff", toy, tuned["near"], *gate, *terms)
    assert (said.code, said.out) == (2, "")
    assert words in said.err
    assert not run.exists()


def test_places_that_are_no_fine_tune(corrie: Any, toy: Path, task: Path, gate: list[object], run: Path) -> None:
    for place, words in ((toy, "weights are the base's"), (task, "a .jsonl file"), ("quantised:int5", "int5")):
        said = corrie("diff", toy, place, *gate, *QUICK)
        assert (said.code, said.out) == (2, "")
        assert words in said.err


def test_retract_writes_what_diff_passes(
    corrie: Any, toy: Path, task: Path, tuned: dict[str, Path], gate: list[object], tmp_path: Path
) -> None:
    out, lax = tmp_path / "out", ["--tolerance", "0.3"]
    said = corrie("retract", toy, tuned["far"], *gate, "--out", out, "--skill", f"{task}:10", "--json", *lax)
    found = json.loads(said.out)
    assert said.code == 0
    assert 0 < found["alpha"] < 1
    assert found["written"] == str(out)
    assert found["skills"][0]["examples"] == 10
    assert corrie("diff", toy, out, *gate, *QUICK, *lax).code == 0
    again = corrie("retract", toy, tuned["far"], *gate, "--out", out, "--skill", f"{task}:10", "--json", *lax)
    assert (again.code, json.loads(again.out)) == (0, found), "the same command finds its own answer"
    refused = corrie("retract", toy, tuned["far"], *gate, "--out", out)
    assert (refused.code, refused.out) == (2, "")
    assert "there already" in refused.err


def test_retract_keeps_an_innocuous_fine_tune_whole(
    corrie: Any, toy: Path, tuned: dict[str, Path], gate: list[object], tmp_path: Path
) -> None:
    said = corrie("retract", toy, tuned["near"], *gate, "--out", tmp_path / "out", "--tolerance", "0.5")
    assert said.code == 0
    assert said.out.startswith("near keeps letters as it is (α = 1, L2 0.01")
    assert "on fresh examples kept" in said.out


def test_nothing_to_keep_ends_with_3_and_writes_nothing(
    corrie: Any, toy: Path, tuned: dict[str, Path], gate: list[object], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    said = corrie("retract", toy, f"saved:{tuned['worst']}", *gate, "--out", out, "--tolerance", "0")
    assert said.code == 3
    assert "nothing of worst.safetensors can be kept" in said.out
    assert not out.exists()


def test_help(corrie: Any) -> None:
    for command, options in (
        (
            "diff",
            ("--task", "--tolerance", "--landscape", "--directions", "--worst", "--certificate", "--subspace", "--to"),
        ),
        ("retract", ("--task", "--out", "--skill", "--tolerance", "--json", "--to")),
    ):
        said = corrie(command, "--help")
        assert said.code == 0
        assert all(option in said.out for option in options)


def test_the_commands_of_the_documentation_exist() -> None:
    text = (Path(__file__).parents[2] / "docs" / "diff.md").read_text("utf-8")
    lines = [line.split() for block in re.findall(r"^```\n(.*?)^```", text, re.S | re.M) for line in block.splitlines()]
    assert len(lines) >= 4
    command: Any = get_command(app)
    for words in lines:
        assert words[0] == "corrie"
        known = {option for parameter in command.commands[words[1]].params for option in parameter.opts}
        assert {w for w in words if re.match(r"--?[a-z]", w)} <= known, words


def test_verdicts_alone_and_strictly(
    corrie: Any, toy: Path, task: Path, tuned: dict[str, Path], gate: list[object], run: Path
) -> None:
    said = corrie("diff", toy, tuned["near"], *gate, "--quick", "--strict", "--tolerance", "0.5", "--json")
    assert said.code == 0
    (card,) = json.loads(said.out)["capabilities"]
    assert (card["verdict"], card["way_out"], card["basin"]) == ("kept", None, None)
    few = corrie("diff", toy, tuned["near"], *gate, "--quick", "--examples", "3", "--to", run)
    assert few.code == 0
    assert re.search(r"letters: about \d+ examples would decide it", few.err)
    assert corrie("diff", toy, tuned["near"], *gate, "--quick", "--examples", "3", "--strict").code == 4
    assert corrie("diff", toy, tuned["near"], *gate, "--quick", "--examples", "0").code == 2
    assert corrie("diff", toy, tuned["near"], *gate, "--quick", "--worst", "search").code == 2


def test_two_folders_of_logged_samples(corrie: Any, tmp_path: Path) -> None:
    for name, right in (("a", 1.0), ("b", 0.0)):
        (tmp_path / name).mkdir()
        lines = [{"doc_id": i, "doc_hash": str(i), "metrics": ["exact_match"], "exact_match": right} for i in range(60)]
        file = tmp_path / name / "samples_sums_2026-11-28T10-00-00.000001.jsonl"
        file.write_text("".join(json.dumps(line) + "\n" for line in lines))
    same = corrie("diff", "--samples", tmp_path / "a", tmp_path / "a", "-t", "sums", "--json")
    assert (same.code, json.loads(same.out)["tasks"][0]["verdict"]) == (0, "kept")
    lost = corrie("diff", "--samples", tmp_path / "a", tmp_path / "b", "-t", "sums")
    assert lost.code == 3
    assert lost.out.startswith("lost: sums")
    assert corrie("diff", "--samples", tmp_path / "a", tmp_path / "b", "-t", "suns").code == 2
    few = corrie("diff", "--samples", tmp_path / "a", tmp_path / "a", "-t", "sums", "--examples", 5, "--strict")
    assert few.code == 4
    assert "nothing can be said of sums" in few.err
    named = corrie("diff", "--samples", tmp_path / "a", tmp_path / "b")
    assert (named.code, "in both are sums. Try: -t sums" in named.err) == (2, True)
    kept = corrie("diff", "--samples", tmp_path / "a", tmp_path / "b", "-t", "sums", "--to", tmp_path / "run")
    assert (kept.code, "--samples with --to" in kept.err) == (2, True)
    models = corrie("diff", tmp_path / "a", tmp_path / "b", "-t", "sums")
    assert (models.code, "corrie diff --samples" in models.err) == (2, True)
    several = corrie("diff", "--samples", tmp_path, tmp_path / "b", "-t", "sums")
    assert (several.code, "logs of several models: a, b" in several.err) == (2, True)
