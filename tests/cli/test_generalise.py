"""``corrie generalise`` as its users meet it: the statement on stdout, exit code 0, 3 or 2, a file beside the run."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

import corrie as library
from corrie.testing.toy_models import toy_model


@pytest.fixture(scope="module")
def tuned(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return library.smoothed(toy_model(), ("core:all:1", 0.02)).save(tmp_path_factory.mktemp("tuned") / "tuned", seed=1)


@pytest.fixture
def asked(toy: Path, task: Path, tuned: Path, tmp_path: Path) -> list[object]:
    terms = ["--subspace", "core:all:1", "--sigma", "0.05", "--draws", "40", "--confidence", "0.9"]
    return ["generalise", toy, tuned, "-t", f"{task}:40", *terms, "--to", tmp_path / "run"]


def changed(asked: list[object], option: str, value: object) -> list[object]:
    made = list(asked)
    if option in made:
        made[made.index(option) + 1] = value
        return made
    return [*made, option, value]


@pytest.fixture(scope="module")
def made() -> dict[str, Any]:
    """What the first one to ask for it made, and said."""
    return {}


@pytest.fixture
def said(
    corrie: Any, asked: list[object], made: dict[str, Any], tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> Any:
    """What the command said; its run as it left it is this test's own."""
    if not made:
        place = tmp_path_factory.mktemp("made") / "run"
        made |= {"said": corrie(*changed(asked, "--to", place)), "place": place}
    shutil.copytree(made["place"], tmp_path / "run")
    return made["said"]


def test_a_statement(corrie: Any, said: Any, asked: list[object], tmp_path: Path) -> None:
    assert said.code == 0, said.err
    assert said.out.startswith("on new examples the smoothed model scores at least 0.")
    assert "\nConfidence: 0.9.\nRandomness: the examples and 40 independent noise draws together" in said.out
    assert "letters ≥ 0." in said.out
    found = json.loads(corrie(*asked, "--json").out)
    assert found["verdict"] == "informative"
    assert found["sentence"].startswith("With confidence 0.9 over the examples and 40 independent noise draws together")
    assert found["tasks"][0]["lower"] > found["tasks"][0]["chance"]
    (file,) = (tmp_path / "run").glob("generalisation-*.json")
    assert json.loads(file.read_text()) == found


def test_a_vacuous_one_is_printed_and_ends_with_3(corrie: Any, asked: list[object]) -> None:
    said = corrie(*changed(changed(asked, "--draws", 2), "-t", str(asked[4]).replace(":40", ":10")))
    assert said.code == 3
    assert "VACUOUS" in said.out
    assert "Error: an informative statement about new examples: VACUOUS: " in said.err


@pytest.mark.parametrize(
    ("option", "value", "words"),
    [
        ("--sigma", "0", "sigma 0: not above 0"),
        ("--confidence", "1", "confidence 1.0"),
        ("--draws", "0", "0 draws"),
        ("--choices", "0", "0 choices"),
        ("--rows", "0", "0 rows"),
        ("--block", "0", "no examples"),
        ("--subspace", "adaptor:q_proj:1", "Did you mean"),
    ],
)
def test_bad_input_is_said_and_nothing_is_made(
    corrie: Any, asked: list[object], tmp_path: Path, option: str, value: str, words: str
) -> None:
    said = corrie(*changed(asked, option, value))
    assert (said.code, said.out) == (2, "")
    assert words in said.err
    assert "Loading" not in said.err
    assert not (tmp_path / "run").exists()


def test_an_adapter_outside_of_the_subspace(corrie: Any, asked: list[object]) -> None:
    said = corrie(*changed(asked, "--subspace", "core:q_proj:1"))
    assert (said.code, said.out) == (2, "")
    assert "it is not of this subspace" in said.err


def test_it_is_shown_and_reported(corrie: Any, said: Any, tmp_path: Path) -> None:
    run = tmp_path / "run"
    assert corrie("show", run).out == said.out
    (file,) = run.glob("generalisation-*.json")
    assert json.loads(corrie("show", run, "--json").out)["generalisations"] == [json.loads(file.read_text())]
    assert corrie("report", run, "--out", tmp_path / "page.html").code == 0
    assert "on new examples the smoothed model scores" in (tmp_path / "page.html").read_text("utf-8")
    assert corrie("export", run, "--out", tmp_path / "all.csv").code == 0
    file.write_text("{}")
    refused = corrie("show", run)
    assert (refused.code, file.name in refused.err) == (2, True)
