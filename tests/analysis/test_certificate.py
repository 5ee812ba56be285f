"""A certificate's numbers against the formula by hand, its verdicts, and that no printed digit flatters."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import beta, norm

from corrie.analysis.certificate import Certificate, FineTuned
from corrie.analysis.certified_score import RATIOS
from corrie.analysis.evidence import Evidence
from corrie.errors import InputError

Make = Callable[..., Evidence]


def by_hand(scores: np.ndarray, levels: tuple[float, ...], error: float, ratio: float) -> float:
    """Σ (τ_k − τ_{k−1}) Φ(Φ⁻¹(p_k) − r/σ), each p_k Clopper–Pearson at its share of the error."""
    total, below = 0.0, 0.0
    for level in levels:
        k, n = int((scores >= level).sum()), len(scores)
        p = beta.ppf(error / len(levels), k, n - k + 1) if k else 0.0
        total += (level - below) * norm.cdf(norm.ppf(p) - ratio)
        below = level
    return float(total)


@pytest.mark.parametrize("names", [("sums",), ("sums", "words", "code")])
def test_the_bound_is_the_formula_and_tasks_share_the_error(make_evidence: Make, names: tuple[str, ...]) -> None:
    found = Certificate(make_evidence(names=names, draws=200))
    for task in found.tasks:
        scores = np.array([row.count("1") / 5 for row in task.evidence.draws])
        for ratio in RATIOS:
            wanted = by_hand(scores, task.levels, 0.05 / len(names), ratio)
            assert task.lower(ratio * 0.5) <= wanted
            assert task.lower(ratio * 0.5) == pytest.approx(wanted, rel=1e-3)


def test_more_tasks_or_thresholds_give_less_each(make_evidence: Make) -> None:
    one, three = make_evidence(draws=100), make_evidence(names=("sums", "b", "c"), draws=100)
    scores = one.tasks[0].draws
    same = {"draws": scores, "selection": one.tasks[0].selection}
    alike = three.model_copy(update={"tasks": tuple(t.model_copy(update=same) for t in three.tasks)})
    assert Certificate(alike).tasks[0].lower(0.0) <= Certificate(one).tasks[0].lower(0.0)
    assert Certificate(alike).tasks[0].confidence == pytest.approx(1 - 0.05 / 3)


def test_radius_and_floor_are_certified_as_they_are_printed(make_evidence: Make) -> None:
    for seed in range(20):
        found = Certificate(make_evidence(draws=150, seed=seed), retain=0.4 + 0.01 * seed)
        (task,) = found.tasks
        stated = found.to_json()["tasks"][0]["retained"]
        assert task.law.lower(stated["radius"] / 0.5) >= stated["floor"]
        assert stated["floor"] >= found.retain * task.smoothed
        assert task.law.lower((stated["radius"] + 0.01) / 0.5) < stated["floor"], "and hardly more"
        printed = re.search(r"≥ ([\d.]+) for every r ≤ ([\d.]+): ([\d.]+), which is", str(found))
        assert printed is not None
        bound, radius, floor = map(float, printed.groups())
        assert task.law.lower(radius / 0.5) >= bound >= floor


def test_the_bound_at_a_distance_is_that_of_the_printed_distance(make_evidence: Make) -> None:
    for distance in (0.12341, 0.333333, 0.70001):
        found = Certificate(make_evidence(draws=150), FineTuned(distance=distance, name="mine", content="c" * 64))
        printed = re.search(r"≥ ([\d.]+) at r = ([\d.]+), r/σ = ([\d.]+), within which mine is", str(found))
        assert printed is not None
        bound, r, ratio = map(float, printed.groups())
        assert r >= distance
        assert ratio >= distance / 0.5
        assert found.tasks[0].law.lower(r / 0.5) >= bound


@pytest.mark.parametrize("chance", [0.0, 0.25])
def test_verdicts(make_evidence: Make, chance: float) -> None:
    made = make_evidence(chance=chance, draws=100)
    assert Certificate(made).verdict == "informative"
    assert Certificate(made, FineTuned(distance=0.3)).verdict == "informative"
    far = Certificate(made, FineTuned(distance=3.0))
    assert far.verdict == "vacuous"
    assert "VACUOUS" in str(far)
    assert far.tasks[0].lower(3.0) > 0 if chance == 0 else True, "above chance 0, and still no news"
    far.text(), Certificate(made).text()  # no number is infinite
    above = far.to_json()["tasks"][0]["above_chance"]
    assert above["floor"] == (chance or 0.2)
    assert far.tasks[0].says_something(above["radius"] * 0.999)
    assert not far.tasks[0].says_something(above["radius"] * 1.01)


@pytest.mark.parametrize("chance", [0.0, 0.25])
def test_it_abstains_where_there_is_nothing(make_evidence: Make, chance: float) -> None:
    lost = Certificate(make_evidence(chance=chance, scores=[0.0] * 40))
    assert lost.verdict == "abstained"
    assert lost.radius is None
    assert "ABSTAINED" in lost.finding
    assert "abstained" in lost.sentence
    lost.text()
    made = make_evidence(chance=chance)
    cannot = made.tasks[0].model_copy(update={"unmoved": "00000"})
    found = Certificate(made.model_copy(update={"tasks": (cannot,)}))
    assert (found.verdict, "cannot do it" in found.says[0]) == ("abstained", True)


def test_the_worst_task_gives_the_verdict(make_evidence: Make) -> None:
    made = make_evidence(names=("a", "b"))
    lost = made.tasks[1].model_copy(update={"draws": ("00000",) * 40})
    assert Certificate(made.model_copy(update={"tasks": (made.tasks[0], lost)})).verdict == "abstained"


def test_the_sentence_says_what_a_certificate_must(make_evidence: Make) -> None:
    said = Certificate(make_evidence(confidence=0.9999999, lattice=None)).sentence
    assert said.startswith("With confidence 0.9999999 over 40 independent noise draws"), "never rounded up to 1"
    for words in (
        "of 64 coordinates from N(0, σ²), σ = 0.5",
        "about the smoothed model",
        "not the one model at x'",
        "for every x' of L2 norm r",
        "these fixed examples",
        "real arithmetic",
        "8 draws that run as one batch",
        "not picked from several",
        "float32 is part of the score",
    ):
        assert words in said, words
    assert "multiples of 2^-17" in str(Certificate(make_evidence()))


def test_upper_and_safe_examples_are_statements_of_their_own(make_evidence: Make) -> None:
    found = Certificate(make_evidence(draws=300)).to_json()["tasks"][0]
    assert "own" in found["upper"]["note"]
    assert "own" in found["safe_examples"]["note"]
    assert found["safe_examples"]["ids"] == ["sums-0", "sums-1", "sums-2", "sums-3"]
    assert all(u["upper"] >= b["lower"] for u, b in zip(found["upper"]["at"], found["bound"], strict=False))


@pytest.mark.parametrize("retain", [0.0, -1.0, 1.01, float("nan")])
def test_no_share(make_evidence: Make, retain: float) -> None:
    with pytest.raises(InputError, match="retain"):
        Certificate(make_evidence(), retain=retain)


@pytest.mark.parametrize("distance", [-0.1, float("inf"), float("nan")])
def test_no_distance(make_evidence: Make, distance: float) -> None:
    with pytest.raises(InputError, match="distance"):
        Certificate(make_evidence(), FineTuned(distance=distance))


def test_files(make_evidence: Make, tmp_path: Path) -> None:
    found = Certificate(make_evidence())
    file = found.write(tmp_path)
    assert found.write(tmp_path) == file
    assert sorted(f.name for f in tmp_path.iterdir()) == sorted([file.name, found.evidence.file_name])
    stated = json.loads(file.read_text())
    assert (stated["outcomes"]["sha256"], stated["sentence"]) == (found.evidence.digest, found.sentence)
