"""The seeds of a question about new examples hang on what is asked, and on nothing that may grow."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from corrie.errors import InputError
from corrie.records.generalisation_spec import GeneralisationSpec
from corrie.records.scan_spec import TaskRequest
from corrie.records.subspace import Coordinates, FullSpace, SubspaceNoise

PLACE = Coordinates(subspace=FullSpace().id, content="a" * 64, name="tuned")


def spec(**changes: Any) -> GeneralisationSpec:
    terms: dict[str, Any] = {
        "tasks": (TaskRequest(task="math-0", limit=20),),
        "subspace": FullSpace(),
        "sigma": 0.25,
        "lattice": -18,
        "place": PLACE,
        "distance": 1.5,
        "draws": 30,
        "confidence": 0.95,
    }
    return GeneralisationSpec(**(terms | changes))


def test_more_draws_go_on_where_fewer_ended() -> None:
    few, more = spec(), spec(draws=60, confidence=0.9, choices=3)
    assert few.first == more.first >= 2**52
    assert few.point(7) == more.point(7)


@pytest.mark.parametrize(
    "change",
    [
        {"sigma": 0.5},
        {"lattice": None},
        {"subspace": FullSpace(scale="rms")},
        {"tasks": (TaskRequest(task="math-0", limit=21),)},
        {"place": Coordinates(subspace=FullSpace().id, content="b" * 64)},
    ],
    ids=str,
)
def test_another_question_has_other_draws(change: dict[str, Any]) -> None:
    assert spec(**change).first != spec().first


def test_a_draw_is_noise_and_the_place() -> None:
    steps = {s.direction: s.alpha for s in spec().point(2).steps}
    noise = SubspaceNoise(subspace="full@1", seed=spec().first + 2, lattice=-18)
    assert steps == {noise: 0.25, PLACE: 1.0}
    assert {s.direction: s.alpha for s in spec().centre.steps} == {PLACE: 1.0}
    assert len({spec().point(i).id for i in range(30)} | {spec().centre.id}) == 31


def test_it_is_read_back() -> None:
    assert GeneralisationSpec.parse(spec().canonical()) == spec()


@pytest.mark.parametrize(
    "change",
    [{"sigma": 0.0}, {"sigma": float("nan")}, {"confidence": 1.0}, {"draws": 0}, {"tasks": ()}, {"distance": -1.0}],
    ids=str,
)
def test_what_cannot_be_meant(change: dict[str, Any]) -> None:
    with pytest.raises((InputError, ValidationError)):
        spec(**change)
