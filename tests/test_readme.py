"""What the README shows runs as it is printed."""

import re
from pathlib import Path

import pytest
from typer.main import get_command

from corrie.cli.main import app

ROOT = Path(__file__).parents[1]


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", (ROOT / "README.md").read_text("utf-8"), re.S | re.M)


@pytest.mark.real
def test_the_python_of_the_readme_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    python = blocks("python")
    assert len(python) >= 2
    names: dict[str, object] = {}
    for block in python:
        exec(compile(block, "README.md", "exec"), names)
    assert (tmp_path / "runs" / "small" / "run.db").exists()


def test_each_way_into_go_takes_at_most_ten_lines() -> None:
    for way in ("with go.perturbed():", ".attach(net)", "for_trainer("):
        (block,) = [b for b in blocks("python") if way in b]
        assert len(block.strip().splitlines()) <= 10, way


def test_the_commands_of_the_readme_exist() -> None:
    """Every command and option in a shell block is one that the program has."""
    command = get_command(app)
    lines = [line.split("#")[0].split() for block in blocks("") for line in block.splitlines()]
    asked = [words for words in lines if words[:1] == ["corrie"]]
    assert len(asked) >= 6
    for words in asked:
        sub = command.commands[words[1]]
        known = {option for parameter in sub.params for option in parameter.opts}
        assert {w for w in words if re.match(r"--?[a-z]", w)} <= known, words


def test_what_the_readme_links_to_is_there() -> None:
    for target in re.findall(r"\]\((?!http)([^)#]+)\)", (ROOT / "README.md").read_text("utf-8")):
        assert (ROOT / target).exists(), target
