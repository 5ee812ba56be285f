"""docs/lm-eval.md runs as it is printed: its task file, its Python, its commands."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from typer.main import get_command

from corrie.capabilities.harness.asked import HarnessAsked
from corrie.capabilities.registry import parse_task
from corrie.cli.main import app

PAGE = (Path(__file__).parents[3] / "docs" / "lm-eval.md").read_text("utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.S | re.M)


@pytest.mark.real
def test_the_task_file_and_the_python_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    rows = [{"question": f"{land}:", "options": ["Paris", "Rome"], "gold": i} for i, land in enumerate("FI")]
    Path("capitals.jsonl").write_text("\n".join(map(json.dumps, rows)))
    (file,) = blocks("yaml")
    Path("capitals.yaml").write_text(file)
    names: dict[str, object] = {}
    for block in blocks("python"):
        exec(compile(block, "lm-eval.md", "exec"), names)
    assert str(names["task"]).startswith("lm_eval:capitals: capitals by choice on 2 examples of ")
    assert "capitals" in str(names["landscape"])


def test_the_commands_and_names_exist() -> None:
    command = get_command(app)
    lines = [line.split("#")[0].split()[1:] for line in PAGE.splitlines() if line.startswith("$ corrie")]
    assert {words[1] for words in lines} == {"scan", "tasks"}
    for words in lines:
        known = {option for p in command.commands[words[1]].params for option in p.opts}  # type: ignore[attr-defined]
        assert {w for w in words if re.match(r"--?[a-z]", w)} <= known, words
    written = re.findall(r"^\| `(lm_eval:\S+)`", PAGE, re.M)
    assert len(written) == 7
    for text in written:
        HarnessAsked.parse(parse_task(text).name)
    assert parse_task(written[-1]).limit == 200
