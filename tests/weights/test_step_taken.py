"""What weights took of a step, from its three sums."""

import math

import pytest
import torch

from corrie.errors import PrecisionWarning
from corrie.weights.laying import Taken
from corrie.weights.step_taken import all_taken, step_taken


def test_lengths_and_cosine_are_those_of_the_vectors() -> None:
    step, moved = torch.randn(2, 50, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    taken = Taken(float(step @ step), float(moved @ moved), float(step @ moved))
    with pytest.warns(PrecisionWarning, match=r"a: a step of L2 norm .* rounds it away"):
        found = step_taken(taken, "a", torch.bfloat16)
    assert found.asked == pytest.approx(float(step.norm()))
    assert found.norm == pytest.approx(float(moved.norm()))
    assert found.cosine == pytest.approx(float(torch.cosine_similarity(step, moved, dim=0)))


def test_a_step_of_nothing_has_no_direction() -> None:
    assert step_taken(Taken(0.0, 0.25, 0.0), "a", torch.float32).cosine is None


def test_sums_of_many_tensors_lose_no_digit() -> None:
    parts = [Taken(0.1, 0.2, 1e16)] + [Taken(0.1, 0.2, 1.0)] * 9 + [Taken(0.1, 0.2, -1e16)]
    assert all_taken(parts) == Taken(math.fsum([0.1] * 11), math.fsum([0.2] * 11), 9.0)
