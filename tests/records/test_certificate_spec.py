"""A certificate's design: what it refuses, which draws are its own, and that its thresholds can be chosen again."""

from __future__ import annotations

import math
from typing import Any

import pytest
from pydantic import ValidationError

from corrie.errors import InputError, RunError
from corrie.records.canonical import content_hash
from corrie.records.certificate_spec import CertificateSpec, Levels, SelectingDraws, graded_parts, own_seeds
from corrie.records.direction import Gaussian
from corrie.records.fraction_spec import ROOM, FractionSpec
from corrie.records.memory_store import MemoryStore
from corrie.records.point import Point
from corrie.records.scan_spec import TaskRequest
from corrie.records.store import Realised, parse_claim
from corrie.records.subspace import Coordinates, FullSpace, RandomSpace, SubspaceNoise
from corrie.testing.check_store import IDENTITY

HERE = Realised(asked=1.0, norm=1.0, cosine=1.0)


def spec(**changes: Any) -> CertificateSpec:
    terms: dict[str, Any] = {
        "tasks": (TaskRequest(task="a-1", limit=20), TaskRequest(task="b-1", limit=10)),
        "subspace": FullSpace(),
        "sigma": 0.4,
        "lattice": -18,
        "draws": 30,
        "confidence": 0.95,
        "selection": SelectingDraws(first=1000, count=20, ratio=1.0, most=3),
        "levels": (Levels(task="a-1", levels=(0.5,)), Levels(task="b-1", levels=(0.2, 0.4))),
        "first": 2000,
    }
    return CertificateSpec(**(terms | changes))


def test_it_comes_back_from_its_text() -> None:
    assert parse_claim(spec().canonical()) == spec()


@pytest.mark.parametrize("sigma", [0.0, -0.4, math.nan, math.inf])
def test_no_sigma(sigma: float) -> None:
    with pytest.raises(InputError, match="sigma"):
        spec(sigma=sigma)


@pytest.mark.parametrize("confidence", [0.0, 1.0, -1.0, math.nan])
def test_no_confidence(confidence: float) -> None:
    with pytest.raises(InputError, match="confidence"):
        spec(confidence=confidence)


@pytest.mark.parametrize("first", [971, 990, 1000, 1019])
def test_draws_that_selected_certify_nothing(first: int) -> None:
    with pytest.raises(InputError, match="used to select"):
        spec(first=first)


@pytest.mark.parametrize("first", [970, 1020])
def test_their_neighbours_may(first: int) -> None:
    assert len(spec(first=first).seeds) == 30


def test_thresholds_belong_to_the_tasks() -> None:
    with pytest.raises(InputError, match="thresholds of other tasks"):
        spec(levels=(Levels(task="a-1", levels=(0.5,)),))


def test_own_seeds_of_selection_and_certification_never_meet() -> None:
    for question in range(50):
        certifying, selecting = own_seeds(question, "certifying"), own_seeds(question, "selecting")
        assert 2**52 <= certifying < certifying + ROOM <= 2**53 <= selecting < 2**54
    assert len({own_seeds(q, k) for q in range(50) for k in ("certifying", "selecting")}) == 100  # type: ignore[arg-type]


def test_which_directions_are_its_draws() -> None:
    made = spec()
    noise = SubspaceNoise(subspace="full@1", seed=2000, lattice=-18)
    assert made.point(0) == Point.along(noise, 0.4)
    assert made.draws_along(noise)
    assert made.draws_along(noise.model_copy(update={"lattice": None})), "the same numbers, not rounded"
    assert made.draws_along(Gaussian(seed=2029)), "a Gaussian direction of the whole model has the same numbers"
    assert not made.draws_along(Gaussian(seed=2030))
    assert not made.draws_along(SubspaceNoise(subspace="random:4/seed0@philox-1", seed=2000))
    assert not spec(subspace=RandomSpace(count=4)).draws_along(Gaussian(seed=2000))


def test_around_a_place() -> None:
    place = Coordinates(subspace="full@1", content="c" * 64)
    assert {s.direction.id: s.alpha for s in spec().point(3, place).steps} == {
        place.id: 1.0,
        "noise:2003/2^-18/full@1@philox-1": 0.4,
    }


def test_a_scan_that_saw_the_numbers_bars_the_certificate() -> None:
    store = MemoryStore(IDENTITY)
    store.record_point(Point.along(Gaussian(seed=2007), 0.4), HERE)
    with pytest.raises(RunError, match="looked along its directions already"):
        store.record_claim(spec(), {})
    store.record_claim(spec(subspace=RandomSpace(count=4)), {})


def test_fractions_and_full_space_certificates_share_no_draw() -> None:
    request = TaskRequest(task="a-1", limit=20)
    fraction = FractionSpec.of([request], sigma=0.4, fraction=0.9, confidence=0.95, first=2020)
    store = MemoryStore(IDENTITY)
    store.record_claim(spec(), {})
    with pytest.raises(RunError, match="belong to another claim"):
        store.record_claim(fraction, {})
    seen = MemoryStore(IDENTITY)
    seen.record_point(spec().point(25), HERE)
    with pytest.raises(RunError, match="looked along its directions already"):
        seen.record_claim(fraction, {})


@pytest.mark.parametrize(
    "change",
    [
        {"draws": 31},
        {"confidence": 0.9},
        {"first": 5000},
        {"rows": 4},
        {"levels": (Levels(task="a-1", levels=(0.4,)), Levels(task="b-1", levels=(0.2, 0.4)))},
        {"selection": SelectingDraws(first=1000, count=20, ratio=2.0, most=3)},
        {"tasks": (TaskRequest(task="b-1", limit=10), TaskRequest(task="a-1", limit=20))},
    ],
    ids=str,
)
def test_a_question_has_one_design(change: dict[str, Any]) -> None:
    store = MemoryStore(IDENTITY)
    store.record_claim(spec(), {"day": "Monday"})
    with pytest.raises(RunError, match="another design before its first draw"):
        store.record_claim(spec(**change), {})
    store.record_point(spec().point(0), HERE)
    store.record_claim(spec(), {"day": "Friday"})
    assert store.claims() == ((spec(), {"day": "Monday"}),)


def test_another_question_needs_draws_of_its_own() -> None:
    store = MemoryStore(IDENTITY)
    store.record_claim(spec(), {})
    with pytest.raises(RunError, match="belong to another claim"):
        store.record_claim(spec(sigma=0.5, first=2029), {})
    store.record_claim(spec(sigma=0.5, first=2030), {})


def test_thresholds_are_a_function_of_what_is_written_down() -> None:
    chosen = SelectingDraws(first=0, count=6, ratio=1.0, most=2)
    scores = [0.8, 0.85, 0.8, 0.9, 0.85, 0.8]
    levels = chosen.choose(scores, 20, 100, 0.95, 1)
    assert levels == chosen.choose(scores, 20, 100, 0.95, 1)
    assert all(0 < 20 * level == round(20 * level) for level in levels)
    assert levels[-1] <= 0.9


EARLIER = [
    ([0.8, 0.6, 0.6, 1.0, 1.0, 0.6], 5, 40, (0.4, 0.6, 0.8)),
    ([0.6, 0.4, 0.6, 0.6], 10, 60, (0.3, 0.4, 0.5)),
    ([0.975, 1.0, 1.0, 1.0, 0.95, 1.0, 0.975, 1.0], 40, 100, (0.925,)),
    ([2 / 3, 1 / 3, 1 / 3], 3, 12, (1 / 3,)),
    ([1.0, 1.0, 1.0, 1.0], 4, 40, (0.5, 0.75, 1.0)),
]
"""Scores, examples, draws, and the thresholds that versions before those of graded examples chose of them."""


@pytest.mark.parametrize(("scores", "examples", "draws", "levels"), EARLIER)
def test_right_or_wrong_has_the_thresholds_and_the_text_that_it_had(
    scores: list[float], examples: int, draws: int, levels: tuple[float, ...]
) -> None:
    chosen = SelectingDraws(first=0, count=len(scores), ratio=1.0, most=3)
    assert chosen.choose(scores, examples, draws, 0.95, 2) == levels
    assert Levels(task="a-1", levels=levels).canonical() == (
        f'{{"levels":[{",".join(map(str, levels))}],"task":"a-1"}}'
    )
    assert content_hash(spec().model_dump(mode="json")) == (
        "2d9e35da00ea7ffe438e6fce66542cc4f139dba195aa8a87752b15ea68a00544"
    )


def test_thresholds_of_graded_examples_lie_between_those_of_whole_ones() -> None:
    chosen = SelectingDraws(first=0, count=6, ratio=0.7, most=3)
    scores = [0.93, 0.95, 0.94, 0.92, 0.95, 0.93]
    fine = chosen.choose(scores, 4, 100, 0.95, 1, graded_parts(4))
    assert set(chosen.choose(scores, 4, 100, 0.95, 1)) <= {0.25, 0.5, 0.75, 1.0}
    assert any(0.85 < level < 0.95 for level in fine), "of whole ones nothing lies between 0.75 and 1"
    assert all(400 * level == pytest.approx(round(400 * level)) for level in fine)
    made = spec(levels=(Levels(task="a-1", levels=(0.5,)), Levels(task="b-1", levels=(0.225,), parts=100)))
    assert parse_claim(made.canonical()) == made
    assert made.canonical().count('"parts":100') == 1, "the other task says nothing of it"


@pytest.mark.parametrize("parts", [0, -1, 101, 10**9])
def test_thresholds_finer_than_there_are_are_refused(parts: int) -> None:
    with pytest.raises(ValidationError, match="parts"):
        Levels(task="a-1", levels=(0.5,), parts=parts)
