"""The fine-tunes of the puzzles do what they say on a toy model, and the committed results are what the page says."""

from __future__ import annotations

import json
import sys
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch

import corrie
from corrie.capabilities.loss_gradient import TaskLoss
from corrie.testing.toy_models import toy_model
from corrie.testing.toy_tasks import toy_choice
from corrie.weights.sizes import sizes

ROOT = Path(__file__).parents[2]
PUZZLES = ROOT / "examples" / "three_puzzles"


@pytest.fixture(scope="module")
def part():
    """A module of the example by its name; afterwards none of them is importable any more."""
    names = {file.stem for file in PUZZLES.glob("*.py")}
    kept = {name: sys.modules.pop(name) for name in names & set(sys.modules)}
    sys.path.insert(0, str(PUZZLES))

    def load(name: str) -> ModuleType:
        return import_module(name)

    yield load
    sys.path.remove(str(PUZZLES))
    for name in names:
        sys.modules.pop(name, None)
    sys.modules.update(kept)


def test_a_fine_tune_lowers_the_loss_and_is_written_whole(part: Any, tmp_path: Path) -> None:
    teaching = part("teaching")
    model, out = toy_model(), tmp_path / "tuned"
    lesson = toy_choice(toy_model(seed=1), size=8)
    before = TaskLoss(model, lesson, 8).mean()
    told = teaching.teach(model, lesson, teaching.Teaching(rate=3e-3, steps=12, batch=4), 0, out)
    assert TaskLoss(model, lesson, 8).mean() < before - 0.1
    assert told["end"] < told["begin"]
    base = toy_model()
    direction = corrie.toward(base, out)
    assert sizes(direction, base.selection.tensors, base.sources).norm == pytest.approx(told["distance"], rel=1e-5)
    assert not list(tmp_path.glob("*.part"))


def test_the_same_seed_teaches_the_same(part: Any, tmp_path: Path) -> None:
    teaching = part("teaching")
    found = []
    for name in ("one", "two"):
        model = toy_model()
        teaching.teach(model, toy_choice(toy_model(), size=8), teaching.Teaching(1e-3, 3, 4), 5, tmp_path / name)
        found.append({n: t.detach().clone() for n, t in model.selection.tensors.items()})
    assert all(torch.equal(t, found[1][n]) for n, t in found[0].items())


def test_benign_excerpts_are_code_and_differ_between_seeds(part: Any, tmp_path: Path) -> None:
    lessons = part("lessons")
    texts = []
    for seed in (0, 1):
        task = lessons.benign_lesson(tmp_path, seed)
        assert task.identity.size > 0.9 * lessons.EXCERPTS
        texts.append((tmp_path / f"benign-{seed}.jsonl").read_text("utf-8"))
    assert texts[0] != texts[1]
    assert "def " in texts[0]
    lessons.benign_lesson(tmp_path, 0)
    assert (tmp_path / "benign-0.jsonl").read_text("utf-8") == texts[0]


def result(name: str) -> dict[str, Any]:
    return json.loads((PUZZLES / "results" / f"{name}.json").read_text("utf-8"))
