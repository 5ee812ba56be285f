from __future__ import annotations

import json

import pytest

from corrie.analysis.fraction_claim import FractionClaim
from corrie.errors import RunError
from corrie.records.cell import Cell, Outcome
from corrie.records.fraction_spec import FractionSpec
from corrie.records.memory_store import MemoryStore
from corrie.records.point import Point
from corrie.records.scan_spec import TaskRequest
from corrie.records.store import Realised
from corrie.testing.check_store import IDENTITY, TASK


def spec_of(failures: int | None = 0) -> FractionSpec:
    request = TaskRequest(task=TASK.id, limit=2)
    return FractionSpec.of([request], sigma=0.01, fraction=0.9, confidence=0.95, failures=failures, block=2)


def store_of(spec: FractionSpec, draws: list[bool], skip: int | None = None) -> MemoryStore:
    """A run in which these draws were made (one of them left unscored)."""
    store = MemoryStore(IDENTITY)
    store.register_task(TASK, ())
    store.record_claim(spec, {})
    for i, good in enumerate([True, *draws], start=-1):
        point = Point.origin() if i < 0 else spec.point(i)
        store.record_point(point, Realised(asked=0.1, norm=0.1, cosine=None if i < 0 else 1 - 0.001 * i))
        if i != skip:
            outcome = Outcome(id="0", success=float(good), label="right" if good else "wrong")
            store.put(Cell(point=point.id, task=TASK.id, block=0, outcomes=(outcome, outcome)))
    return store


def claim_of(draws: list[bool], failures: int | None = 0, skip: int | None = None) -> FractionClaim:
    spec = spec_of(failures)
    return FractionClaim.from_store(store_of(spec, draws, skip), spec)


def test_the_sentence_names_everything_before_its_figure() -> None:
    said = claim_of([True] * 29).sentence
    parts = [
        "With confidence 0.95",
        "over the random choice of the directions",
        "about toy in float32 moved to θ0 + σδ, σ = 0.01 (L2 about 0.1)",
        "kept means sums ≥ 0.95 (unmoved 1, chance 0) on the same 2 examples, none of which may be lost on balance",
        "assuming that the claim was chosen before anyone looked along its directions",
        "of these examples, of this σ and of random directions",
        "at least 0.9 of all directions keep sums; 29 of 29 draws did.",
    ]
    places = [said.index(part) for part in parts]
    assert places == sorted(places)
    assert said.endswith(parts[-1])


def test_a_failed_claim_says_what_its_draws_support() -> None:
    claim = claim_of([True] * 9 + [False])
    assert (claim.holds, claim.status) == (False, "fails")
    assert claim.supported == pytest.approx(0.05 ** (1 / 9), abs=1e-4)
    assert claim.supported <= 0.05 ** (1 / 9), "rounded down"
    assert claim.finding == (
        "not shown that at least 0.9 of all directions keep sums: 9 of 10 draws did, and the zero-failure design ends "
        "there; with the same confidence the draws support at least 0.7168"
    )
    assert claim_of([False]).finding.endswith("support none")


def test_what_lies_beyond_the_stop_is_not_looked_at() -> None:
    stopped = claim_of([True] * 9 + [False] + [True] * 100)
    assert (stopped.verdict, stopped.cosine) == (claim_of([True] * 9 + [False]).verdict, pytest.approx(0.991))


def test_a_draw_that_is_not_wholly_scored_waits_and_so_do_those_behind_it() -> None:
    claim = claim_of([True] * 12, skip=5)
    assert (claim.status, claim.verdict.draws, claim.verdict.remaining) == ("open", 5, 24)
    assert claim.finding.startswith("not yet shown that")
    assert "(24 more good ones would show it)" in claim.finding


def test_the_design_that_looks_at_any_time_survives_a_failure() -> None:
    draws = [True] * 20 + [False] + [True] * 60
    assert claim_of(draws).status == "fails"
    assert claim_of(draws, failures=None).status == "holds"


def test_as_plain_data() -> None:
    found = json.loads(json.dumps(claim_of([True] * 9 + [False]).to_json(), allow_nan=False))
    assert (found["status"], found["holds"], found["good"], found["draws"]) == ("fails", False, 9, 10)
    assert (found["design"], found["planned"], found["remaining"]) == ("zero-failure", 29, None)
    assert found["sentence"].startswith("With confidence 0.95")
    assert found["tasks"][0]["least"] == 0.95


def test_a_claim_the_run_was_never_asked() -> None:
    store = store_of(spec_of(), [True])
    with pytest.raises(RunError, match="never asked"):
        FractionClaim.from_store(store, spec_of(None))
    with pytest.raises(RunError, match="not scored yet"):
        claim_of([], skip=-1)
