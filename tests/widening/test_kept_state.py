"""Stopped after any step and resumed, a run ends in the same weights."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

from corrie.errors import RunError
from corrie.widening import kept_state
from corrie.widening.course import Course
from corrie.widening.descent import SmoothedDescent
from corrie.widening.kept_state import KeptState


def made(course: Course) -> tuple[nn.Sequential, SmoothedDescent]:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(3, 8), nn.Tanh(), nn.Linear(8, 1))
    return model, SmoothedDescent(dict(model.named_parameters()), course)


def follow(model: nn.Module, run: SmoothedDescent, until: int) -> None:
    text = torch.linspace(-1, 1, 12).view(4, 3)
    while run.done < until:
        run.step(lambda: (model(text) - 1).square().mean())


@pytest.mark.parametrize("stopped", [1, 4])
def test_a_run_that_was_stopped_ends_in_the_same_weights(tmp_path: Path, stopped: int) -> None:
    course = Course(steps=6, sigma=0.1, rate=0.05, pairs=2, anchor=0.5)
    whole, uninterrupted = made(course)
    follow(whole, uninterrupted, 6)
    first, run = made(course)
    follow(first, run, stopped)
    KeptState(tmp_path).write(run)
    second, resumed = made(course)
    assert KeptState(tmp_path).read(resumed)
    assert (resumed.done, resumed.seconds) == (stopped, run.seconds)
    follow(second, resumed, 6)
    assert resumed.losses == uninterrupted.losses
    for one, two in zip(whole.parameters(), second.parameters(), strict=True):
        assert torch.equal(one, two)


def test_nothing_kept_is_nothing_resumed(tmp_path: Path) -> None:
    _, run = made(Course(steps=2, sigma=0.1, rate=0.05))
    state = KeptState(tmp_path)
    assert not state.read(run)
    (tmp_path / ".state.safetensors.partial-killed").touch()
    state.remove()
    assert not list(tmp_path.iterdir())


def test_a_state_of_another_course_is_refused(tmp_path: Path) -> None:
    _, run = made(Course(steps=2, sigma=0.1, rate=0.05))
    KeptState(tmp_path).write(run)
    _, other = made(Course(steps=3, sigma=0.1, rate=0.05))
    with pytest.raises(RunError, match="another course"):
        KeptState(tmp_path).read(other)


def test_it_is_due_by_the_clock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    state = KeptState(tmp_path)
    assert not state.is_due
    monkeypatch.setattr(kept_state, "PAUSE", 0.0)
    assert state.is_due
