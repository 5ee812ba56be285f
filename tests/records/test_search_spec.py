import math

import pytest

from corrie.errors import InputError, UnknownName
from corrie.records.scan_spec import TaskRequest
from corrie.records.search_spec import SEARCH_STEPS, SearchSpec
from corrie.testing.cliff_run import MODEL

TASK = TaskRequest(task="math-1", limit=5)


def test_the_steps_of_each_method_and_the_way_there_and_back() -> None:
    for method, steps in SEARCH_STEPS.items():
        spec = SearchSpec.of(MODEL, TASK, distance=3.0, method=method)
        assert spec.steps == steps
        assert SearchSpec.parse(spec.canonical()) == spec
    assert SearchSpec.of(MODEL, TASK, distance=3.0, steps=7, restarts=2).restarts == 2


def test_sigma_is_that_of_random_noise_as_long() -> None:
    spec = SearchSpec.of(MODEL, TASK, distance=3.0)
    assert MODEL.distance(spec.sigma) == pytest.approx(3.0)


def test_what_was_found_before_functions_were_recorded_is_found_again() -> None:
    old = SearchSpec.of(MODEL, TASK, distance=3.0)
    one, other = (old.model_copy(update={"model": MODEL.model_copy(update={"function": f * 64})}) for f in "de")
    assert one.of_any_function == old
    assert old.finds_the_same_as(one)
    assert not one.finds_the_same_as(other)
    assert not one.finds_the_same_as(SearchSpec.of(MODEL, TASK, distance=4.0))


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"distance": 0.0}, "not a length"),
        ({"distance": math.inf}, "not a length"),
        ({"steps": 0}, "is not valid"),
        ({"restarts": -1}, "is not valid"),
        ({"seed": -1}, "is not valid"),
        ({"method": "gradient", "steps": 3}, "the gradient is one step"),
        ({"method": "hessian", "restarts": 1}, "it starts at the model only"),
    ],
    ids=str,
)
def test_what_cannot_be_meant(asked, words: str) -> None:
    with pytest.raises(InputError, match=words):
        SearchSpec.of(MODEL, TASK, **{"distance": 1.0, **asked})


def test_a_method_that_there_is_not() -> None:
    with pytest.raises(UnknownName, match="Did you mean 'ascent'"):
        SearchSpec.of(MODEL, TASK, distance=1.0, method="ascend")
