"""A scan that looks for radii says its first answer before any benchmark is decided."""

import json
from pathlib import Path
from typing import Any

import pytest

from corrie.scanning import first_answer


@pytest.mark.parametrize(
    ("more", "tasks"), [((), ["agreement:letters", "letters"]), (("--no-agreement",), ["letters"])]
)
def test_the_first_answer(
    corrie: Any, monkeypatch: pytest.MonkeyPatch, toy: Path, task: Path, tmp_path: Path, more: tuple[str, ...],
    tasks: list[str],
) -> None:  # fmt: skip
    monkeypatch.setattr(first_answer, "FIRST_WINDOWS", 2)
    asked = ["scan", toy, "-t", f"{task}:10", "--most", "24", "--block", "2", "--direction", "gaussian:0-7", *more]
    said = corrie(*asked, "--to", tmp_path, "--json")
    assert said.code == 0
    assert [one["task"] for one in json.loads(said.out)["capabilities"]] == tasks
    told = [line for line in said.err.splitlines() if line.startswith("First answer, behaviour: σ")]
    assert bool(told) == (not more)
