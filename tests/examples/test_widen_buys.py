"""What a wider basin buys: every part that needs no data runs on a toy model, and the page says what the results say."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

import corrie
from corrie.errors import RunError
from corrie.testing.toy_models import save_toy, toy_model
from corrie.testing.toy_tasks import save_toy_task

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "examples" / "widen_study"


@pytest.fixture(scope="module")
def load(modules_of: Any) -> Iterator[Any]:
    with modules_of(FOLDER) as load:
        yield load


@pytest.fixture(scope="module")
def subject(load: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A toy model with a text and a task of its own, measured by as little as can be."""
    folder = tmp_path_factory.mktemp("buys")
    place = save_toy(folder / "toy", chat=False)
    task = save_toy_task(folder / "toys.jsonl", toy_model(), size=20)
    (folder / "text.txt").write_text("It was the best of times, it was the worst of times. " * 40, encoding="utf-8")
    terms = load("buys_terms").Terms(
        skills=(f"{task}:10",),
        text=str(folder / "text.txt"),
        windows=2,
        climbed=f"{task}:4",
        climbs=1,
        certified=2,
        draws=20,
        selection=4,
    )
    short = dataclasses.replace(terms.benign, steps=2)
    return load("subject").Subject(str(place), folder / "work" / "toy", dataclasses.replace(terms, benign=short))


@pytest.mark.parametrize("part", ["certificate", "edge", "rounding", "forgetting"])
def test_a_part_leaves_one_result_and_is_not_done_again(load: Any, subject: Any, part: str, tmp_path: Path) -> None:
    measure = load("buys").measure
    file = measure(subject, part, 1, tmp_path)
    found = json.loads(file.read_text("utf-8"))
    assert found["part"] == part
    assert found["model"]["name"] == "toy"
    assert str(tmp_path.parent) not in json.dumps(found)
    at = file.stat().st_mtime_ns
    assert measure(subject, part, 1, tmp_path).stat().st_mtime_ns == at
