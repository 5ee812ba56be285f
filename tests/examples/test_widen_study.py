"""The study's table is that of its results, and its settings are valid."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from corrie.questions.widening import WideningQuestion

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "examples" / "widen_study"


@pytest.fixture(scope="module")
def load(modules_of: Any) -> Iterator[Any]:
    with modules_of(FOLDER) as load:
        yield load


@pytest.mark.parametrize("model", ["small", "smollm2"])
def test_the_page_shows_what_the_results_say(load: Any, model: str) -> None:
    table: ModuleType = load("table")
    page = (ROOT / "docs" / "widen.md").read_text(encoding="utf-8")
    results = sorted((FOLDER / "results" / model).glob("*.json"))
    assert results
    for file in results:
        cells = table.row(file.stem, json.loads(file.read_text(encoding="utf-8")))
        assert f"| {' | '.join(cells)} |" in page, f"python examples/widen_study/table.py {model}"


def test_every_setting_is_a_question(load: Any) -> None:
    for settings in load("settings").SETTINGS.values():
        for setting in settings.values():
            assert WideningQuestion(**setting).steps is not None
