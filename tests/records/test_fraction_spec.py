from __future__ import annotations

from itertools import pairwise

import pytest

from corrie.errors import InputError, RunError, UnknownName
from corrie.records.fraction_spec import ROOM, FractionSpec, parse_design
from corrie.records.scan_spec import TaskRequest
from corrie.stats.anytime_fraction import AnytimeFraction
from corrie.stats.planned_fraction import PlannedFraction

A, B = TaskRequest(task="a-1", limit=20), TaskRequest(task="b-2", limit=40)
TERMS = {"sigma": 0.001, "fraction": 0.9, "confidence": 0.95}


def claim(*tasks: TaskRequest, **changes) -> FractionSpec:
    return FractionSpec.of(tasks or (A,), **{**TERMS, **changes})


def test_it_comes_back_as_it_was_written() -> None:
    for spec in (claim(), claim(A, B, failures=None, first=7), claim(failures=3)):
        assert FractionSpec.parse(spec.canonical()) == spec


@pytest.mark.parametrize(
    ("fraction", "confidence", "draws"), [(0.999, 0.999, 6905), (0.99, 0.99, 459), (0.9, 0.95, 29)]
)
def test_the_plan_is_the_table_of_the_theory(fraction: float, confidence: float, draws: int) -> None:
    assert claim(fraction=fraction, confidence=confidence).draws == draws


def test_failures_that_are_allowed_cost_more_draws_beforehand() -> None:
    assert claim(fraction=0.999, confidence=0.999, failures=1).draws == 9230
    assert claim(failures=1).rule == PlannedFraction(0.9, 0.95, 1)
    assert claim(failures=None).rule == AnytimeFraction(0.9, 0.95)


def test_every_claim_has_directions_of_its_own() -> None:
    changes = ({}, {"sigma": 0.002}, {"fraction": 0.91}, {"confidence": 0.9}, {"tolerance": 0.1}, {"failures": None})
    claims = [claim(**c) for c in (*changes, {"failures": 1})] + [
        claim(B),
        claim(A, B),
        claim(A.model_copy(update={"limit": 21})),
    ]
    taken = sorted((c.seeds.start, c.seeds.start + ROOM) for c in claims)
    assert all(one[1] <= two[0] for one, two in pairwise(taken))
    assert taken[0][0] >= 2**52, "far from the seeds of ordinary scans"
    assert taken[-1][1] <= 2**53, "exact in every reader of JSON"


def test_the_same_claim_has_the_same_directions() -> None:
    assert claim(A, B) == claim(B, A)
    assert claim().first == claim(block=20).first, "how examples are batched is no part of a claim"
    point = claim(first=5).point(3)
    assert [(s.direction.seed, s.direction.normalisation, s.alpha) for s in point.steps] == [(8, "none", 0.001)]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"sigma": 0.0}, "sigma 0: not above 0"),
        ({"sigma": -0.1}, "not above 0"),
        ({"sigma": float("nan")}, "not above 0 and finite"),
        ({"sigma": float("inf")}, "not above 0 and finite"),
        ({"fraction": 0.0}, "every draw or none"),
        ({"fraction": 1.0}, "every draw or none"),
        ({"fraction": 1.5}, "no number in"),
        ({"fraction": float("nan")}, "no number in"),
        ({"confidence": 0.0}, "strictly between 0 and 1"),
        ({"confidence": 1.0}, "strictly between 0 and 1"),
        ({"confidence": float("nan")}, "strictly between 0 and 1"),
        ({"tolerance": 1.0}, "no share"),
        ({"tolerance": -0.1}, "no share"),
        ({"fraction": 0.9999999}, "draws; a claim may make 1,048,576"),
        ({"first": 2**63 - 10}, "no room"),
    ],
    ids=str,
)
def test_what_cannot_be_meant_is_refused(change: dict[str, float], words: str) -> None:
    with pytest.raises(InputError, match=words):
        claim(**change)


def test_tasks_that_cannot_be_meant() -> None:
    with pytest.raises(InputError, match="no task"):
        FractionSpec.of((), **TERMS)
    with pytest.raises(InputError, match="twice"):
        claim(A, A.model_copy(update={"limit": 3}))


def test_a_record_that_was_tampered_with_is_not_a_claim() -> None:
    with pytest.raises(RunError):
        FractionSpec.parse(claim().canonical().replace("0.95", "1.95"))


@pytest.mark.parametrize("text", ["failures:", "failures:-1", "failures:x", "zero", ""])
def test_designs_that_are_none(text: str) -> None:
    with pytest.raises(UnknownName, match="anytime, failures:K, zero-failure"):
        parse_design(text)


def test_designs_by_name() -> None:
    for name in ("zero-failure", "failures:3", "anytime"):
        assert claim(failures=parse_design(name)).design == name
