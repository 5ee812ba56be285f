import pytest
from hypothesis import given
from hypothesis import strategies as st

from corrie.errors import InputError, RunError, UnknownName
from corrie.records.canonical import canonical_json, content_hash
from corrie.records.direction import Gaussian, gaussian, parse_directions
from corrie.records.point import Point, Step

alphas = st.floats(-10, 10, allow_nan=False).filter(bool)


@given(one=alphas, two=alphas)
def test_equal_places_have_equal_ids_and_survive_writing(one: float, two: float) -> None:
    steps = [Step(direction=Gaussian(seed=1), alpha=one), Step(direction=Gaussian(seed=0), alpha=two)]
    point = Point(steps=tuple(steps))
    assert point == Point(steps=tuple(reversed(steps)))
    assert point.id == Point(steps=tuple(reversed(steps))).id
    assert Point.parse(point.canonical()) == point
    assert Point.parse(point.canonical()).id == point.id


@given(alpha=alphas, seed=st.integers(0, 2**63 - 1))
def test_other_places_have_other_ids(alpha: float, seed: int) -> None:
    here = Point.along(Gaussian(seed=seed), alpha)
    assert here.id != Point.origin().id
    assert here.id != Point.along(Gaussian(seed=seed), -alpha).id
    assert here.id != Point.along(Gaussian(seed=seed, normalisation="unit"), alpha).id
    assert here.id != Point.along(Gaussian(seed=(seed + 1) % 2**63), alpha).id


def test_ids_are_frozen() -> None:
    """Runs on disk are keyed by these: if one changes, every old run is lost."""
    assert Point.origin().id == "4f53cda18c2baa0c0354bb5f9a3ecbe5"
    assert Point.along(Gaussian(seed=3), 0.01).id == "e8d3182ef4ae6a59901f9930e3b21840"


def test_a_step_of_zero_is_no_step_and_a_direction_occurs_once() -> None:
    assert Point.along(Gaussian(seed=0), 0.0) == Point.origin()
    with pytest.raises(InputError, match="one direction twice"):
        Point(steps=(Step(direction=Gaussian(seed=0), alpha=1.0), Step(direction=Gaussian(seed=0), alpha=2.0)))


@pytest.mark.parametrize("alpha", [float("nan"), float("inf")])
def test_a_step_is_finite(alpha: float) -> None:
    with pytest.raises(ValueError, match="finite"):
        Point.along(Gaussian(seed=0), alpha)


def test_directions_as_written_on_the_command_line() -> None:
    assert [d.seed for d in parse_directions("gaussian:4")] == [4]
    assert [d.seed for d in parse_directions("gaussian:0-3")] == [0, 1, 2, 3]
    assert parse_directions("gaussian:5,7-8") == gaussian([5, 7, 8])
    with pytest.raises(UnknownName, match="gaussian"):
        parse_directions("uniform:1")
    for wrong in ("gaussian", "gaussian:", "gaussian:a", "gaussian:2-1", "gaussian:1-"):
        with pytest.raises(InputError, match="no list of seeds"):
            parse_directions(wrong)


def test_there_is_a_direction() -> None:
    with pytest.raises(InputError, match="no seed"):
        gaussian(0)
    with pytest.raises(ValueError, match="greater than or equal to 0"):
        gaussian([-1])


@given(st.recursive(st.none() | st.booleans() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
                    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=10))  # fmt: skip
def test_one_value_has_one_text(value: object) -> None:
    import json

    assert json.loads(canonical_json(value)) == value
    assert content_hash(value) == content_hash(json.loads(canonical_json(value)))


def test_numbers_that_are_none_are_not_written() -> None:
    with pytest.raises(ValueError, match="JSON"):
        canonical_json(float("nan"))


def test_a_damaged_record_is_our_error() -> None:
    for text in ("", "{", '{"steps": 3}', '{"stepz": []}'):
        with pytest.raises(RunError, match="a record of kind Point"):
            Point.parse(text)
