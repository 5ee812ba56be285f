"""The Python of docs/serving.md runs, top to bottom, and its commands exist."""

from __future__ import annotations

import re
import warnings
from pathlib import Path

import pytest
from typer.main import get_command

from corrie.cli.main import app

pytest.importorskip("peft")

PAGE = (Path(__file__).parents[2] / "docs" / "serving.md").read_text(encoding="utf-8")


def test_every_block_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for block in re.findall(r"^```python\n(.*?)^```", PAGE, re.S | re.M):
            exec(compile(block, "serving.md", "exec"), names)
    said = capsys.readouterr().out
    assert "2 matrices frozen" in said
    assert "pulled: pulled back, distance" in said
    assert said.rstrip().endswith("0.306")


def test_the_commands_exist() -> None:
    command = get_command(app)
    asked = [line.split("#")[0].split()[1:] for line in PAGE.splitlines() if line.startswith("$ corrie")]
    assert {words[1] for words in asked} == {"project", "draw", "generalise"}
    for words in asked:
        known = {option for p in command.commands[words[1]].params for option in p.opts}  # type: ignore[attr-defined]
        assert {w for w in words if re.match(r"--?[a-z]", w)} <= known, words
