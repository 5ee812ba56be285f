"""The Python example of docs/certificates.md runs as it is printed, and does what is said of it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[1] / "docs" / "certificates.md"


def test_the_example(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(tmp_path)
    (block,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    exec(compile(block, str(PAGE), "exec"), {})
    said = capsys.readouterr().out.splitlines()
    assert said[0].startswith("the smoothed model keeps toy at least 0.")
    assert "Confidence: 0.99." in said
    assert [line for line in said if line.startswith("informative")]
    assert said[-1] == "True"
    assert len(list((tmp_path / "runs/toy-certificate").glob("*.json"))) == 2


def test_every_option_it_names_is_one() -> None:
    from typer.main import get_command

    from corrie.cli.main import app

    commands = get_command(app).commands  # type: ignore[attr-defined]
    looking = ("report", "export")
    known = {o for c in ("certify", *looking) for p in commands[c].params for o in (*p.opts, *p.secondary_opts)}
    named = set(re.findall(r"(?<![-\w])--[a-z][a-z-]*", PAGE.read_text(encoding="utf-8")))
    assert named
    assert named <= known, named - known
