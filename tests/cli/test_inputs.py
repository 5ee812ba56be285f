"""``corrie inputs`` as its users meet it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return tmp_path / "run"


def test_a_certificate_is_printed_kept_and_continued(corrie: Any, toy: Path, task: Path, run: Path) -> None:
    asked = ["inputs", toy, "-t", f"{task}:6", "--kernel", "embedding:0.05", "--draws", "12", "--to", run]
    said = corrie(*asked)
    assert said.code == 0, said.err
    assert said.out.startswith("read through the noise, letters keeps at least 0.")
    assert "\nRandomness: 12 noise draws (on each, the vector of each own token" in said.out
    assert "prompts are sure to stay right with probability 1/2 or more.\n" in said.out
    (file,) = run.glob("inputs-*.json")
    kept = json.loads(file.read_text())["certificate"]
    again = corrie(*asked, "--json")
    assert json.loads(again.out) == kept
    assert kept["finding"] in said.out
    assert kept["sentence"].startswith("With confidence 0.95 over 12 noise draws")
    assert kept["verdict"] == "informative"
    wider = json.loads(corrie(*asked, "--json", "--change", "0.2").out)
    assert (wider["bound"] < kept["bound"], wider["groups"]) == (True, kept["groups"])
    assert sorted(f.name for f in run.iterdir() if not f.name.startswith("inputs-")) == ["run.db"]


def test_tokens_are_counted(corrie: Any, toy: Path, task: Path, run: Path) -> None:
    asked = ["inputs", toy, "-t", f"{task}:4", "--kernel", "absorbing:0.8", "--draws", "4", "--to", run]
    found = json.loads(corrie(*asked, "--change", "2", "--mask", "7", "--json").out)
    assert (found["unit"], found["change"], found["spec"]["mask"]) == ("tokens replaced in each prompt", 2.0, 7)
    assert found["smoothed"]["low"] > found["bound"] >= 0
    fewer = json.loads(corrie(*asked[:-4], "--draws", "1", *asked[-2:], "--json").out)
    assert fewer["verdict"] == "abstained", "one draw certifies nothing"


def test_a_replaced_text(corrie: Any, toy: Path, run: Path) -> None:
    said = corrie("inputs", toy, "--replace", "abca", "xbcx", "--to", run)
    assert said.code == 0, said.err
    assert said.out.startswith("2 of 4 tokens replaced, for toy in float32.\nAs a change of embedding rows: exact ")
    assert len(list(run.glob("replace-*.json"))) == 1
    found = json.loads(corrie("inputs", toy, "--replace", "abca", "xbcy", "--json").out)
    assert (found["per_id"]["norm"], found["rows"]["norm"]) == (None, None)
    assert found["per_position"]["norm"] > 0


@pytest.mark.parametrize(
    ("terms", "found"),
    [
        ([], "a task or two texts are needed"),
        (["-t", "TASK", "--replace", "a", "b"], "a task or two texts are needed"),
        (["-t", "TASK", "--kernel", "gauss:1"], "no kernel named 'gauss'"),
        (["-t", "TASK", "--kernel", "uniform:2"], "no probability above 0"),
        (["-t", "TASK", "--draws", "0"], "nothing would be looked at"),
        (["-t", "TASK", "--change", "0.5"], "no number of tokens"),
        (["-t", "TASK", "--kernel", "uniform:0.5", "--mask", "3"], "puts none"),
        (["-t", "TASK:9999"], "it has 40"),
        (["-t", "TASK", "--engine", "steam"], "no engine named 'steam'"),
        (["--replace", "ab", "abc"], "a token for a token"),
    ],
)
def test_what_cannot_be_meant_ends_with_2(corrie: Any, toy: Path, task: Path, terms: list[str], found: str) -> None:
    said = corrie("inputs", toy, *(t.replace("TASK", str(task)) for t in terms))
    assert (said.code, said.out) == (2, "")
    assert found in said.err


def test_it_is_shown_reported_and_exported(corrie: Any, toy: Path, task: Path, run: Path, tmp_path: Path) -> None:
    said = corrie("inputs", toy, "-t", f"{task}:6", "--kernel", "embedding:0.05", "--draws", "12", "--to", run)
    shown = corrie("show", run)
    assert shown.code == 0, shown.err
    assert said.out.startswith(shown.out)
    (file,) = run.glob("inputs-*.json")
    assert json.loads(corrie("show", run, "--json").out)["inputs"] == [json.loads(file.read_text())["certificate"]]
    assert corrie("report", run, "--out", tmp_path / "inputs.html").code == 0
    assert "read through the noise, letters keeps" in (tmp_path / "inputs.html").read_text("utf-8")
    assert corrie("export", run, "--out", tmp_path / "inputs.csv").code == 0
    assert len((tmp_path / "inputs.csv").read_text("utf-8").splitlines()) == 1 + 6 * (1 + 10 + 12)
    file.write_text(file.read_text().replace('"draws":12', '"draws":13'))
    refused = corrie("show", run)
    assert refused.code == 2
    assert file.name in refused.err
