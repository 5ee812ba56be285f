"""What passes into vLLM's loaders, and what comes out, without vLLM."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor

from corrie.errors import ModelError
from corrie.models.greedy import Written
from corrie.models.vllm.copy import _Passing, _written

OWN = {name: torch.full((2,), float(number)) for number, name in enumerate("abcde")}
NAMES = {name: f"stored.{name}" for name in "abcd"}
"""The last is in memory alone."""


def passed(tensors: Any) -> tuple[dict[str, float], Exception | None]:
    passing = _Passing(tensors, OWN, NAMES)
    found = [(name, float(tensor[0])) for name, tensor in passing]
    assert [name for name, _ in found] == list(NAMES.values())
    return dict(found), passing.problem


def test_what_moves_is_put_among_what_stays_in_the_models_order() -> None:
    found, problem = passed(iter([("b", torch.full((2,), 9.0)), ("d", torch.full((2,), 8.0))]))
    assert found == {"stored.a": 0.0, "stored.b": 9.0, "stored.c": 2.0, "stored.d": 8.0}
    assert problem is None
    assert passed(())[0] == {"stored.a": 0.0, "stored.b": 1.0, "stored.c": 2.0, "stored.d": 3.0}


@pytest.mark.parametrize("come", [0, 2, 4])
def test_an_error_at_any_place_is_kept_and_the_rest_stay(come: int) -> None:
    def failing() -> Iterator[tuple[str, Tensor]]:
        for name in "abcd"[:come]:
            yield name, torch.full((2,), 9.0)
        raise ModelError("no more")

    found, problem = passed(failing())
    assert list(found.values()) == [9.0] * come + [float(n) for n in range(come, 4)]
    assert isinstance(problem, ModelError)


def test_a_tensor_out_of_order_does_not_pass_in_silence() -> None:
    _, problem = passed(iter([("c", OWN["c"]), ("a", OWN["a"])]))
    assert "a comes where the model has no such tensor" in str(problem)


def answer(ids: list[int], reason: str, likely: list[float]) -> Any:
    said = [{token: SimpleNamespace(logprob=value)} for token, value in zip(ids, likely, strict=True)]
    return SimpleNamespace(token_ids=ids, finish_reason=reason, logprobs=said)


@pytest.mark.parametrize(
    ("ids", "reason", "likely", "expected"),
    [
        ([5, 6], "length", [-1.0, -2.0], Written((5, 6), False, True)),
        ([5, 6], "stop", [-1.0, -2.0], Written((5,), True, True)),
        ([6], "stop", [-1.0], Written((), True, True)),
        ([5, 6, 7], "length", [-1.0, float("nan"), -1.0], Written((5,), False, False)),
        ([5], "stop", [float("inf")], Written((), False, False)),
    ],
)
def test_what_is_written_is_read_as_the_plain_engine_would_say_it(
    ids: list[int], reason: str, likely: list[float], expected: Written
) -> None:
    assert _written(answer(ids, reason, likely)) == expected
