"""What several processes take together: stated, and refused before they are there."""

from __future__ import annotations

import pytest
import torch

from corrie.errors import InputError
from corrie.models import footprint
from corrie.models.model import Model
from corrie.scanning.crowd import LIBRARIES, Crowd, Takes
from corrie.testing.toy_models import toy_model

CPU, GPU = torch.device("cpu"), torch.device("cuda", 0)


@pytest.fixture(scope="module")
def model() -> Model:
    return toy_model()


def size(model: Model) -> int:
    return sum(p.numel() * 4 for p in model.module.parameters())


def with_room(monkeypatch: pytest.MonkeyPatch, room: int | None) -> None:
    monkeypatch.setattr(footprint, "available_memory", lambda device: room)


def test_a_worker_takes_the_model_what_moves_it_and_what_its_engine_holds(
    model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_room(monkeypatch, None)
    one = size(model)
    unmoved = {"model": one, "libraries": LIBRARIES}
    assert Crowd.of(model, Takes(moves=False), 3).each == {CPU: unmoved}
    moved = {**unmoved, "pristine copy": one, "a direction": one, "keys": 7}
    assert Crowd.of(model, Takes(beside={"keys": 7}), 3).each == {CPU: moved}


def test_all_together_are_refused_where_each_alone_would_fit(model: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    need = LIBRARIES + 3 * size(model)
    with_room(monkeypatch, 2 * need)
    Crowd.of(model, Takes(), 2).check("2 workers")
    with pytest.raises(InputError, match=r"3 workers: each takes .*, together 1\.2 GB, .* Try: --workers 2"):
        Crowd.of(model, Takes(), 3).check("3 workers")
    with_room(monkeypatch, need // 2)
    with pytest.raises(InputError, match=r"one: each takes .* Try: --dtype bfloat16, --draw again"):
        Crowd.of(model, Takes(), 1).check("one")
    with_room(monkeypatch, None)
    Crowd.of(model, Takes(), 1000).check("where nobody knows, nothing is refused")


def test_directions_are_drawn_again_where_a_share_of_the_room_keeps_none(
    model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker keeps one that takes no more than half of what is left; the room is shared by all."""
    with_room(monkeypatch, 8 * size(model))
    assert "a direction" in Crowd.of(model, Takes(), 2).each[CPU]
    assert "one tensor of a direction" in Crowd.of(model, Takes(), 3).each[CPU]


def test_a_gpu_is_one_workers_and_a_processors_memory_is_everybodys() -> None:
    parts = {"model": 4_000_000_000}
    Crowd(8, {GPU: parts}, {GPU: 5_000_000_000}).check("8 workers")
    with pytest.raises(InputError, match=r"together 32 GB, and 5 GB are available\. Try: --workers 1"):
        Crowd(8, {CPU: parts}, {CPU: 5_000_000_000}).check("8 workers")
    with pytest.raises(InputError, match=r"each takes 4 GB on cuda:0 \(model 4 GB\), and 3 GB are available"):
        Crowd(8, {GPU: parts}, {GPU: 3_000_000_000}).check("8 workers")
    assert str(Crowd(1, {CPU: parts}, {CPU: None})) == "Memory of 1 worker: each about 4 GB on cpu (model 4 GB)."
