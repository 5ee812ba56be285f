"""Task folders of the harness's own form, their data beside them."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

WORDS = ("cat", "hat", "mat", "the rat", "a bat", "sat")


class Function(str):
    """``!function`` and what it names."""


yaml.SafeDumper.add_representer(Function, lambda dumper, f: dumper.represent_scalar("!function", str(f)))


def rows(number: int = 12) -> list[dict[str, Any]]:
    """Documents with options, a right one, a short answer and a text."""
    dice = random.Random(5)
    found = []
    for index in range(number):
        options = dice.sample(WORDS, 3)
        gold = dice.randrange(3)
        question = " ".join(dice.choices(WORDS, k=3))
        found.append(
            {
                "question": question,
                "options": options,
                "gold": gold,
                "answer": options[gold],
                "both": [f"{question} {option}" for option in options],
                "text": " ".join(dice.choices(WORDS, k=5 + index)),
                "number": str(dice.randrange(9)),
            }
        )
    return found


class TaskFolder:
    """A folder of task files; every task has the documents of :func:`rows`, and others as few-shot examples."""

    def __init__(self, folder: Path, cache: Path) -> None:
        self.folder = folder
        for name, documents in (("test", rows()), ("train", rows(16)[12:])):
            (folder / f"{name}.jsonl").write_text("\n".join(map(json.dumps, documents)))
        self._data = {
            "dataset_path": "json",
            "dataset_kwargs": {
                "data_files": {name: str(folder / f"{name}.jsonl") for name in ("test", "train")},
                "cache_dir": str(cache),
            },
            "test_split": "test",
        }

    def task(self, name: str, **config: Any) -> str:
        """Write a task file; how it is asked for."""
        return self.file(name, **{"task": name, **self._data, **config})

    def file(self, name: str, **config: Any) -> str:
        """Write any file."""
        file = self.folder / f"{name}.yaml"
        file.write_text(yaml.safe_dump(config, sort_keys=False, width=1000))
        return f"lm_eval:{file}"

    def code(self, text: str) -> None:
        """Python beside the files."""
        (self.folder / "own_code.py").write_text(text)


CHOICE = {
    "output_type": "multiple_choice",
    "doc_to_text": "{{question}}:",
    "doc_to_choice": "{{options}}",
    "doc_to_target": "gold",
}


def mean(metric: str, better: bool = True) -> dict[str, Any]:
    return {"metric": metric, "aggregation": "mean", "higher_is_better": better}


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("datasets")


@pytest.fixture
def tasks_in(tmp_path: Path, cache: Path) -> TaskFolder:
    return TaskFolder(tmp_path, cache)


@pytest.fixture
def function() -> Callable[[str], Any]:
    return Function
