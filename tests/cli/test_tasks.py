"""``corrie tasks lm_eval:…``: the harness's names, without the harness."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from corrie.sources import harness_names
from corrie.sources.harness_names import HarnessNames


@pytest.fixture
def brought(monkeypatch: pytest.MonkeyPatch) -> None:
    """A harness that brings three names."""
    tasks = {"gsm8k": Path("gsm8k.yaml"), "gsm_plus": Path("plus.yaml")}
    known = HarnessNames(tasks, {"gsm": Path("gsm.yaml")}, {"maths": ("gsm8k", "gsm_plus")})
    monkeypatch.setattr(harness_names, "harness_names", lambda: known)
    monkeypatch.setattr(harness_names, "harness_version", lambda: "0.4.13")


@pytest.mark.usefixtures("brought")
def test_names_by_their_beginning(corrie: Callable[..., Any]) -> None:
    assert corrie("tasks", "lm_eval:gsm").out.splitlines() == [
        "lm_eval:gsm  (a group of tasks)",
        "lm_eval:gsm8k",
        "lm_eval:gsm_plus",
    ]
    found = json.loads(corrie("tasks", "lm_eval:ma", "--json").out)["tasks"]
    assert found == [{"name": "lm_eval:maths", "kind": "tag"}]
    assert len(corrie("tasks", "lm_eval").out.splitlines()) == 4
    assert "lm-evaluation-harness 0.4.13: -t lm_eval:NAME" in corrie("tasks").out


@pytest.mark.usefixtures("brought")
@pytest.mark.parametrize(
    ("beginning", "said"),
    [("lm_eval:gsm9", "Did you mean 'gsm'?"), ("gsm", "Try: corrie tasks lm_eval:gsm")],
)
def test_nothing_begins_so(corrie: Callable[..., Any], beginning: str, said: str) -> None:
    found = corrie("tasks", beginning)
    assert found.code == 2
    assert said in found.err
