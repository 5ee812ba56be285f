"""``corrie widen``: a checkpoint, and what it cost."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from corrie.records.model import ModelIdentity
from corrie.widening.descent import SmoothedDescent

SHORT = ("--steps", "3", "--windows", "2", "--window", "8", "--written", "4", "--no-measure")


def test_a_widened_checkpoint_opens(corrie: Any, toy: Path, tmp_path: Path) -> None:
    out = tmp_path / "wide"
    said = corrie("widen", toy, "--out", out, "--sigma", "0.05", *SHORT, "--json")
    assert said.code == 0, said.err
    found = json.loads(said.out)
    assert (found["spent"]["steps"], found["sigma"], found["tasks"]) == (3, 0.05, [])
    assert ModelIdentity.model_validate(found["widened"]).name == "wide"
    assert f"Next: corrie scan {out}" in said.err
    again = corrie("widen", toy, "--out", out, "--sigma", "0.05", *SHORT)
    assert again.code == 0
    assert again.out.startswith("toy was widened with noise of σ = 0.05.")


def test_text_and_a_budget(corrie: Any, toy: Path, task: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SmoothedDescent, "rehearse", lambda *_: 10.0)
    terms = ("--sigma", "0.05", "--budget", "40s", "--window", "8", "--no-measure")
    said = corrie("widen", toy, "--text", task, "--out", tmp_path / "wide", *terms, "--json")
    assert said.code == 0, said.err
    found = json.loads(said.out)
    assert 1 <= found["spent"]["steps"] <= 3  # what the text took is taken off
    assert found["text"] == str(task)


def test_labelled_examples(corrie: Any, toy: Path, task: Path, tmp_path: Path) -> None:
    terms = ("--sigma", "0.05", "--labelled", f"{task}:4", "--mix", "0.5", *SHORT, "--json")
    said = corrie("widen", toy, "--out", tmp_path / "wide", *terms)
    assert said.code == 0, said.err
    found = json.loads(said.out)
    assert (found["labelled"], found["mix"], found["spent"]["tokens"] > 3 * 2 * 2 * 8) == (task.stem, 0.5, True)


def test_what_is_not_valid_leaves_nothing(corrie: Any, toy: Path, tmp_path: Path) -> None:
    wrong = (
        ("--factor", "0.5"), ("--sigma", "0.1", "--text", tmp_path / "none.txt", "--no-measure"), ("--budget", "soon"),
        ("--no-measure",), ("--sigma", "0.1", "--labelled", "nothing", *SHORT),
        ("--sigma", "0.1", "--dtype", "bfloat16", *SHORT),
    )  # fmt: skip
    for terms in wrong:
        said = corrie("widen", toy, "--out", tmp_path / "wide", *terms)
        assert said.code == 2, terms
        assert said.err.splitlines()[-1].startswith("Error: "), terms
    assert not list(tmp_path.iterdir())


def test_a_quantised_model_is_refused(corrie: Any, toy: Path, tmp_path: Path) -> None:
    folder = tmp_path / "quantised"
    folder.mkdir()
    for file in toy.iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "quantization_config": {"quant_method": "gptq"}}))
    said = corrie("widen", folder, "--out", tmp_path / "wide", "--sigma", "0.1", *SHORT)
    assert said.code == 2
    assert "its weights are quantised (gptq)" in said.err
    assert not (tmp_path / "wide").exists()
