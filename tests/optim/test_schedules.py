"""Schedules of σ: their values, and their use by GO."""

from __future__ import annotations

import pytest
import torch

from corrie.errors import InputError
from corrie.optim import GO, Constant, Cosine, Ramp


def test_values():
    assert [Constant()(s) for s in (0, 7)] == [1.0, 1.0]
    assert [Ramp(4)(s) for s in (0, 1, 2, 4, 9)] == [0.0, 0.25, 0.5, 1.0, 1.0]
    assert Ramp(4, start=1.0, end=0.5)(2) == 0.75
    assert [Cosine(4)(s) for s in (0, 2, 4, 9)] == pytest.approx([1.0, 0.5, 0.0, 0.0])


@pytest.mark.parametrize("kind", [Ramp, Cosine])
def test_no_steps(kind: type):
    with pytest.raises(InputError, match="at least one step"):
        kind(0)


def test_go_follows_its_schedule_through_a_resume():
    def make() -> tuple[torch.nn.Parameter, GO]:
        weight = torch.nn.Parameter(torch.zeros(2))
        return weight, GO(torch.optim.SGD([weight], lr=0.1), sigma=2.0, schedule=Ramp(4))

    weight, go = make()
    seen = []
    for _ in range(3):
        with go.perturbed():
            seen.append(go.sigmas()[0])
            weight.sum().backward()
        go.step()
    assert seen == [0.0, 0.5, 1.0]
    _, other = make()
    other.load_state_dict(go.state_dict())
    assert other.sigmas() == [1.5]


def test_any_callable_is_a_schedule_and_a_bad_one_is_refused():
    weight = torch.nn.Parameter(torch.zeros(2))
    go = GO(torch.optim.SGD([weight], lr=0.1), sigma=1.0, schedule=lambda step: -1.0)
    with pytest.raises(InputError, match="no standard deviation"), go.perturbed():
        pass
    assert not go.is_perturbed
