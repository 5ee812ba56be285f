"""What a certificate says of a fine-tune against the formula by hand, and when it says nothing."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from scipy.stats import beta, norm

from corrie.analysis.certificate import Certificate, FineTuned
from corrie.analysis.certified_move import CertifiedMove, Elsewhere
from corrie.analysis.evidence import Evidence
from corrie.records.subspace import FullSpace

Make = Callable[..., Evidence]


def seen(certificate: Certificate, tuned: FineTuned | Elsewhere) -> CertifiedMove:
    return CertifiedMove.of(certificate, "certificate-1.json", certificate.tasks[0].task, tuned)


def mine(distance: float) -> FineTuned:
    return FineTuned(distance=distance, name="mine", content="c" * 64)


@pytest.mark.parametrize("distance", [0.123456, 0.25, 0.5000001])
def test_the_bound_is_the_formula_at_no_less_than_the_distance(make_evidence: Make, distance: float) -> None:
    certificate = Certificate(make_evidence(draws=200))
    found = seen(certificate, mine(distance))
    (task,) = certificate.tasks
    scores = [row.count("1") / 5 for row in task.evidence.draws]
    wanted, below = 0.0, 0.0
    for level in task.levels:
        k = sum(s >= level for s in scores)
        p = beta.ppf(0.05 / len(task.levels), k, 200 - k + 1)
        wanted += (level - below) * norm.cdf(norm.ppf(p) - distance / 0.5)
        below = level
    assert (found.distance, found.ratio, found.lower) != (None, None, None)
    assert distance <= (found.distance or 0) <= distance * 1.001
    assert distance / 0.5 <= (found.ratio or 0) <= distance / 0.5 * 1.01
    assert wanted * 0.99 <= (found.lower or 0) <= wanted
    assert found.verdict == "informative"
    assert found.speaks
    assert f"≥ {found.lower:.4g} at r = {found.distance:.4g}, r/σ = {found.ratio:.3g}" in found.finding


def test_what_is_left_of_the_radius(make_evidence: Make) -> None:
    certificate = Certificate(make_evidence(draws=200), retain=0.5)
    radius = certificate.radius
    assert radius is not None
    near = seen(certificate, mine(radius / 4))
    assert near.radius == radius
    assert near.left == pytest.approx(radius * 3 / 4, rel=2e-3)
    assert (near.left or 0) + (near.distance or 0) <= radius + 1e-12
    far = seen(certificate, mine(radius * 1.01))
    assert far.left is None
    assert "nothing is left of that radius" in str(far)


def test_conditions_come_before_the_figure(make_evidence: Make) -> None:
    said = str(seen(Certificate(make_evidence(draws=100)), mine(0.25)))
    order = [
        "With confidence 0.95 over 100 independent noise draws",
        "about the smoothed model",
        "not the one model at x'",
        "assuming that",
        "≥ 0.",
        "at r = 0.25, r/σ = 0.5, within which mine is",
        "r is ‖B‖_F over all its layers (not ‖ΔW‖)",
    ]
    places = [said.index(words) for words in order]
    assert places == sorted(places)


def test_the_verdict_is_that_of_the_distance_that_is_shown(make_evidence: Make) -> None:
    certificate = Certificate(make_evidence(chance=0.25, draws=100))
    vacuous = seen(certificate, mine(3.0))
    assert (vacuous.verdict, vacuous.speaks) == ("vacuous", False)
    assert "VACUOUS" in str(vacuous)
    assert "VACUOUS" in vacuous.short
    assert "≥" not in vacuous.short
    lost = seen(Certificate(make_evidence(scores=[0.0] * 40)), mine(0.1))
    assert (lost.verdict, lost.speaks, lost.radius, lost.left) == ("abstained", False, None, None)


@pytest.mark.parametrize(
    ("lies", "words"), [("outside", "does not lie in the certificate's subspace"), ("unknown", "is not available")]
)
def test_what_stands_elsewhere_gets_no_number(make_evidence: Make, lies: str, words: str) -> None:
    certificate = Certificate(make_evidence())
    found = seen(certificate, Elsewhere(lies=lies, reason="its A was trained"))  # type: ignore[arg-type]
    assert found.verdict == lies
    said = str(found)
    assert words in said
    assert "it says nothing about this fine-tune (its A was trained)" in said
    assert "≥" not in said + found.short
    assert not re.search(r"r = |r/σ", said + found.short)
    numbers = (found.distance, found.ratio, found.lower, found.radius, found.left, found.floor)
    assert numbers == (None,) * 6
    assert not found.speaks


def test_it_is_kept_and_read_again(make_evidence: Make) -> None:
    found = seen(Certificate(make_evidence(subspace=FullSpace(scale="rms"))), mine(0.2))
    assert "in units of the tensor's root mean square" in str(found)
    assert CertifiedMove.parse(found.canonical()) == found
