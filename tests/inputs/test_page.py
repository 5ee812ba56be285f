"""The page docs/inputs.md: its Python runs, its commands exist, its figures are those of the files beside it."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from typer.main import get_command

from corrie.cli.main import app
from corrie.records.canonical import content_hash

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "inputs.md"
FILES = sorted((ROOT / "examples" / "inputs").glob("*.json"))


def test_every_python_block_runs(capsys: pytest.CaptureFixture[str]) -> None:
    names: dict[str, object] = {}
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text("utf-8"), re.S)
    assert len(blocks) == 6
    for block in blocks:
        exec(compile(block, str(PAGE), "exec"), names)
    said = capsys.readouterr().out
    assert "there is none: the best one misses 1 of the change" in said
    assert "positions 0 and 1 hold different tokens before and the same token after" in said
    assert "informative True" in said


def test_every_command_exists() -> None:
    known = {option for parameter in get_command(app).commands["inputs"].params for option in parameter.opts}
    lines = re.findall(r"^\$ corrie inputs (.*)$", PAGE.read_text("utf-8"), re.M)
    assert len(lines) >= 4
    for line in lines:
        assert {w for w in line.split() if re.match(r"--?[a-z]", w)} <= known


@pytest.mark.parametrize("file", FILES, ids=lambda f: f.stem)
def test_the_figures_are_those_of_the_files(file: Path) -> None:
    written = json.loads(file.read_text("utf-8"))
    found = written.get("certificate") or written["text_change"]
    assert written["hash"] == content_hash(found)
    page = " ".join(PAGE.read_text("utf-8").split())
    assert file.name in page
    said = found["finding"] if "finding" in found else found["sentence"]
    assert " ".join(said.split()) in page


def test_there_are_files() -> None:
    assert len(FILES) >= 3, "two certificates and a replaced text"
