"""The commands and the Python of docs/engines.md run, top to bottom, on a tiny model."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import pytest
from typer.testing import CliRunner

from corrie.cli.main import app
from corrie.testing.toy_models import save_toy

PAGE = (Path(__file__).parents[2] / "docs" / "engines.md").read_text(encoding="utf-8")


def test_every_block_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    save_toy(tmp_path / "model")
    examples = [{"prompt": f"example {n} is", "choices": [" odd", " even"], "answer": n % 2} for n in range(20)]
    (tmp_path / "task.jsonl").write_text("\n".join(map(json.dumps, examples)))
    monkeypatch.chdir(tmp_path)
    commands = [line[2:] for line in PAGE.splitlines() if line.startswith("$ corrie ")]
    assert len(commands) == 11
    for command in commands:
        words = shlex.split(command.replace("MODEL", "model").replace("TASK", "task.jsonl:20"))[1:]
        found = CliRunner().invoke(app, words)
        assert found.exit_code == 0, f"{command}\n{found.output}"
    assert Path("serial.csv").read_text() == Path("shards.csv").read_text()
    assert Path("keep.csv").read_text() == Path("again.csv").read_text()
    for block in re.findall(r"^```python\n(.*?)^```", PAGE, re.S | re.M):
        exec(compile(block, "engines.md", "exec"), {})
    said = capsys.readouterr().out
    assert "mistral - likelihoods by a tree of tokens" in said
    assert "mamba2 - likelihoods by sequences of one length together, what they begin with read once" in said
