"""Scans along directions that lead somewhere: checkpoints, adapters, rounding, saved directions."""

import csv
import json
import sys
import warnings
from pathlib import Path
from typing import Any

import pytest
import torch

from corrie.analysis.landscape import Landscape
from corrie.cli.main import app
from corrie.errors import CorrieError
from corrie.models.load import load
from corrie.testing.toy_models import save_toy, toy_model, toy_module
from corrie.testing.toy_tasks import save_toy_task
from corrie.weights.saved import save_direction
from corrie.weights.selection import named_parameters


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A model, a tuned one, an adapter and a saved direction for it, and a task it can do."""
    place = tmp_path_factory.mktemp("places")
    found = {
        "model": save_toy(place / "model"),
        "tuned": save_toy(place / "tuned", seed=1),
        "task": save_toy_task(place / "letters.jsonl", toy_model()),
        "saved": place / "ones.safetensors",
        "adapter": place / "adapter",
    }
    ones = {n: torch.ones_like(p) for n, p in named_parameters(toy_module()).items() if n.endswith("up_proj.weight")}
    save_direction(ones, found["saved"], {"what": "ones"})
    peft = pytest.importorskip("peft")
    with warnings.catch_warnings(), torch.random.fork_rng(devices=[]):
        warnings.simplefilter("ignore")
        config = peft.LoraConfig(target_modules=["q_proj"], init_lora_weights=False, task_type="CAUSAL_LM")
        peft.get_peft_model(load(found["model"]).module, config).save_pretrained(found["adapter"])
    return found


@pytest.fixture
def scan(places: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Any:
    def run(*directions: str, alpha: str = "0:1:3", also: tuple[str, ...] = (), to: Path = tmp_path / "run") -> Any:
        asked = ["scan", str(places["model"]), "-t", f"{places['task']}:20", f"--alpha={alpha}", "--to", str(to), *also]
        for direction in directions:
            asked += ["--direction", direction.format(**places)]
        app(asked, standalone_mode=False)
        return capsys.readouterr().out

    return run


EVERY = ("toward:{tuned}", "adapter:{adapter}", "quantised:int8", "quantised:int4", "saved:{saved}")


def test_every_kind_in_one_scan(scan: Any, places: dict[str, Path], tmp_path: Path) -> None:
    found = json.loads(scan(*EVERY, also=("--json",)))
    kinds = [line["direction"].partition(":")[0] for line in found["paths"]]
    assert kinds == ["difference", "adapter", "quantised", "quantised", "saved"]
    for line in found["paths"]:
        assert line["alpha"] == [0.0, 0.5, 1.0]
        assert line["score"][0] == 1.0
        assert line["distance"][1] == pytest.approx(line["distance"][2] / 2, rel=1e-4)
    tuned = found["paths"][0]
    other = tmp_path / "other"
    alone = ["scan", str(places["tuned"]), "-t", f"{places['task']}:20", "--alpha", "0", "--to", str(other)]
    app(alone, standalone_mode=False)
    assert tuned["score"][2] == Landscape.open(other).curve("letters").unmoved
    (capability,) = found["capabilities"]
    assert capability["basin"]["status"] == "no_sigma"
    assert capability["basin"]["sigma"] is None


def test_it_extrapolates_on_both_sides_and_continues(scan: Any, tmp_path: Path) -> None:
    scan("toward:{tuned}", alpha="-0.5:1.5:5")
    landscape = Landscape.open(tmp_path / "run")
    assert landscape.steps.alpha.values.tolist() == [-0.5, 0.5, 1.0, 1.5]
    distance = landscape.steps.distance.values[0]
    assert distance[0] == pytest.approx(distance[1], rel=1e-4)
    assert not landscape.is_raw
    assert landscape.is_path
    assert landscape.basin("letters").tried == (0.5, 1.5)
    first = scan("toward:{tuned}", alpha="-0.5:1.5:5", also=("--json",))
    assert json.loads(first)["paths"][0]["alpha"] == [-0.5, 0.0, 0.5, 1.0, 1.5]


def test_it_is_shown_reported_and_exported(scan: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = scan("toward:{tuned}", "quantised:int4", alpha="-1:1:5")
    assert "scores along each path" in out
    assert "α = -0.5" in out
    run, page, table = tmp_path / "run", tmp_path / "report.html", tmp_path / "out.csv"
    app(["report", str(run), "--out", str(page)], standalone_mode=False)
    app(["report", str(run), "--figure", str(tmp_path / "figure.png")], standalone_mode=False)
    text = page.read_text("utf-8")
    assert "along 2 paths" in text
    assert "From the model (α = 0) to where each path leads (α = 1)" in text
    assert "random noise on every weight," not in text
    for format, file in (("csv", table), ("netcdf", tmp_path / "out.nc")):
        app(["export", str(run), "--format", format, "--out", str(file)], standalone_mode=False)
    with table.open() as rows:
        assert {row["sigma"] for row in csv.DictReader(rows)} == {""}
    capsys.readouterr()


def test_gaussian_and_other_directions_are_kept_apart_in_one_run(scan: Any, tmp_path: Path) -> None:
    scan("gaussian:0-2", alpha="0:0.4:3")
    before = Landscape.open(tmp_path / "run").basin("letters")
    scan("toward:{tuned}")
    paths, noise = Landscape.open(tmp_path / "run"), Landscape.open(tmp_path / "run", "none")
    assert [d.kind for d in paths.directions] == ["difference"]
    assert [d.kind for d in noise.directions] == ["gaussian"] * 3
    assert noise.basin("letters") == before
    assert before.sigma is not None or before.status != "found"


@pytest.mark.parametrize(
    ("directions", "alpha", "words"),
    [
        (("toward:{tuned}",), "auto", "only random directions are looked at by a scout"),
        (("toward:{tuned}", "gaussian:0"), "0:1:3", "several normalisations in one scan"),
        (("toward:{tuned}", "toward:{tuned}/."), "0:1:3", "is there twice"),
        (("toward:{tuned}/nowhere",), "0:1:3", "no such folder"),
        (("adapter:{tuned}",), "0:1:3", "no adapter_config.json"),
        (("saved:{task}",), "0:1:3", "cannot be read"),
        (("quantised:int5",), "0:1:3", "no quantised grid named 'int5'"),
        (("towards:{tuned}",), "0:1:3", "Did you mean 'toward'?"),
    ],
    ids=str,
)
def test_bad_input_is_said_and_nothing_is_made(
    scan: Any, tmp_path: Path, directions: tuple[str, ...], alpha: str, words: str
) -> None:
    with pytest.raises(CorrieError) as error:
        scan(*directions, alpha=alpha)
    assert words in str(error.value)
    assert not (tmp_path / "run").exists()


def test_a_dry_run(scan: Any, tmp_path: Path) -> None:
    assert "5 points × 20 examples" in scan("quantised:int8", "quantised:int4", also=("--dry-run",))
    assert not (tmp_path / "run").exists()


def test_progress_says_where_it_is(
    scan: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("corrie.cli.progress._PLAIN_EVERY", 0.0)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: False, raising=False)
    said: list[str] = []
    monkeypatch.setattr("corrie.cli.progress.say", said.append)
    scan("quantised:int8")
    assert any("along quantised:int8/row" in line for line in said)
