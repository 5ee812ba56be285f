"""Batches: every one once in a round, with what the teacher says of it."""

from __future__ import annotations

import pytest
import torch

from corrie.errors import InputError
from corrie.testing.toy_models import toy_module
from corrie.widening.lessons import Lessons


@pytest.fixture(scope="module")
def teacher() -> torch.nn.Module:
    return toy_module()


ROWS = torch.arange(7 * 6).view(7, 6)


def test_every_batch_comes_once_in_a_round_in_an_order_of_its_own(teacher: torch.nn.Module) -> None:
    lessons = Lessons(teacher, torch.arange(40 * 2).view(40, 2), 2)
    rounds = [[lessons.number(step) for step in range(start, start + 20)] for start in (0, 20, 40)]
    assert all(sorted(one) == list(range(20)) for one in rounds)
    assert rounds[0] != rounds[1] != rounds[2]
    assert lessons.tokens == 4


def test_what_fits_no_batch_is_left_and_fewer_than_one_are_refused(teacher: torch.nn.Module) -> None:
    assert {Lessons(teacher, ROWS, 3).number(step) for step in range(9)} == {0, 1}
    with pytest.raises(InputError, match="8 texts a step: there are 7 of 6 tokens"):
        Lessons(teacher, ROWS, 8)


def test_kept_and_asked_again_are_the_same_to_the_bit(teacher: torch.nn.Module) -> None:
    kept, asked = Lessons(teacher, ROWS, 2), Lessons(teacher, ROWS, 2, room=0)
    for number in (0, 2, 0):
        assert torch.equal(kept.unmoved(number), asked.unmoved(number))
    assert kept.unmoved(0) is kept.unmoved(0)
    assert asked.unmoved(0) is not asked.unmoved(0)
    slow = torch.log_softmax(teacher(input_ids=ROWS[2:4]).logits, dim=-1)
    assert torch.equal(kept.unmoved(1), slow)


def test_the_teacher_itself_has_no_loss_and_no_gradient(teacher: torch.nn.Module) -> None:
    loss = Lessons(teacher, ROWS, 2).loss(teacher, 0)()
    loss.backward()
    assert loss.item() == 0
    assert all(p.grad is None or torch.count_nonzero(p.grad) == 0 for p in teacher.parameters())
