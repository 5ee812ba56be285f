"""What was committed of the certified fine-tune follows from its outcomes, and the page says what the files say."""

import json
from pathlib import Path
from typing import Any

import pytest

from corrie.analysis.verification import verify
from corrie.stats import gaussian_shift

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "examples/certified_fine_tune/results"
PAGE = (ROOT / "docs/certified-fine-tune.md").read_text("utf-8")


def result(name: str) -> dict[str, Any]:
    return json.loads((RESULTS / f"{name}.json").read_text("utf-8"))


def test_the_certificate_follows_from_its_outcomes_and_holds_what_the_page_says() -> None:
    (file,) = (RESULTS / "certificate").glob("certificate-*.json")
    certificate = verify(file).certificate
    main = result("main")
    assert certificate.verdict == main["verdict"] == "informative"
    assert certificate.evidence.spec.draws >= 300
    assert certificate.evidence.spec.confidence == 0.99
    assert certificate.radius is not None
    assert main["distance"] <= certificate.radius
    for task, row in zip(certificate.tasks, main["certified"], strict=True):
        assert task.lower(main["distance"]) == row["certified"] >= task.floor(0.8)
        assert len(task.evidence.examples) >= 40
        assert f"≥ {row['certified']:.3f}"[:6] in PAGE


def test_the_new_skill_is_learned_and_keeps_the_exchange_law() -> None:
    main = result("main")
    loss = main["held_out_loss"]
    assert loss["before"] - loss["after"] >= 0.3
    skill = main["new_skill"]
    law = float(gaussian_shift.upper(skill["before"]["smoothed"], main["ratio"]))
    assert skill["exchange_law"] == pytest.approx(law)
    assert skill["after"]["smoothed"] >= law / 2
    for value in (skill["before"]["point"], skill["after"]["point"], loss["before"], loss["after"]):
        assert f"{value:.2f}" in PAGE


def test_no_attack_came_below_the_bound() -> None:
    attacks = result("attacks")
    assert len(attacks["rows"]) == 3
    for row in attacks["rows"]:
        assert row["distance"] <= attacks["radius"]
        assert row["reached"]["smoothed"] >= attacks["certified"]
        assert f"{row['reached']['smoothed']:.3f}" in PAGE


def test_in_the_full_space_it_says_that_it_says_nothing() -> None:
    (file,) = (RESULTS / "full-certificate").glob("certificate-*.json")
    certificate = verify(file).certificate
    assert certificate.verdict == "vacuous"
    assert "VACUOUS" in str(certificate)
    assert result("full")["ratio"] > 100


def test_the_frontier_is_wide_enough_and_under_the_law() -> None:
    rows = result("frontier")["rows"]
    assert len({row["subspace"] for row in rows}) >= 3
    assert len(rows) >= 6
    for row in rows:
        assert row["draws"] >= 100
        assert row["examples"] >= 40
        errors = (row["skill_before"]["standard_error"] ** 2 + row["skill_after"]["standard_error"] ** 2) ** 0.5
        assert row["skill_after"]["smoothed"] <= row["law_allows"] + 3 * errors
        assert row["knowledge_certified"] <= row["knowledge_smoothed"]


def test_no_text_of_a_request_is_committed() -> None:
    for file in RESULTS.rglob("*.json"):
        assert "Write a" not in file.read_text("utf-8")
        assert "tutorial" not in file.read_text("utf-8")
