"""The page docs/optim.md runs, top to bottom."""

from __future__ import annotations

import re
import warnings
from pathlib import Path

import pytest
import torch

PAGE = Path(__file__).parents[2] / "docs" / "optim.md"


def blocks() -> list[tuple[int, str]]:
    """The python blocks, each with the number of its first line."""
    text = PAGE.read_text(encoding="utf-8")
    return [
        (text.count("\n", 0, found.start()) + 2, found[1]) for found in re.finditer(r"```python\n(.*?)```", text, re.S)
    ]


def test_every_block_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    monkeypatch.chdir(tmp_path)
    torch.manual_seed(0)
    names: dict[str, object] = {"__name__": "page"}
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="(?s)basin guard.*")
        for line, code in blocks():
            exec(compile("\n" * (line - 1) + code, str(PAGE), "exec"), names)
    said = capsys.readouterr().out
    assert re.search(r"^distance \S+ from the base \(σ \S+\): code \S+ % of its basin radius, math", said, re.M)
    assert 0.09 < float(re.findall(r"^(0\.\d+)$", said, re.M)[0]) <= 0.1  # the ball's distance


def test_each_way_in_takes_at_most_ten_lines():
    ways = {"go.perturbed()": 0, ".attach(model)": 0, "for_trainer(": 0}
    for _, code in blocks():
        for way in ways:
            if way in code and not ways[way]:
                ways[way] = len(code.strip().splitlines())
    assert all(0 < lines <= 10 for lines in ways.values()), ways
