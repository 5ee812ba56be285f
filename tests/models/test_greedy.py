"""Written greedily in batches: what is shared is read once, keys grow in place, rows that have ended leave, and every
text is the one that its prompt gets alone."""

from __future__ import annotations

import random
from typing import Any

import pytest
import torch

from corrie.models.engine import choose_engine
from corrie.models.greedy import Batch, Written, write_greedily
from corrie.testing.families import tiny_module
from corrie.testing.toy_models import toy_module

SHARING = ["mistral", "gemma3_text", "gpt2", "bloom"]


def prompts(count: int, shared: int, seed: int = 0) -> list[tuple[int, ...]]:
    """With a common beginning, and 1 to 12 tokens of their own."""
    dice = random.Random(seed)

    def some(length: int) -> tuple[int, ...]:
        return tuple(dice.randrange(5, 250) for _ in range(length))

    beginning = some(shared)
    return [beginning + some(1 + (5 * row) % 12) for row in range(count)]


@torch.no_grad()
def alone(module: Any, prompt: tuple[int, ...], most: int, ends: frozenset[int]) -> Written:
    """The whole row again at every token."""
    ids = list(prompt)
    while len(ids) < len(prompt) + most:
        token = int(module(input_ids=torch.tensor([ids]), use_cache=False).logits[0, -1].argmax())
        if token in ends:
            return Written(tuple(ids[len(prompt) :]), True, True)
        ids.append(token)
    return Written(tuple(ids[len(prompt) :]), False, True)


@pytest.mark.parametrize("family", SHARING)
def test_what_all_begin_with_is_read_once(family: str) -> None:
    module: Any = tiny_module(family)
    assert choose_engine(module).share
    asked = prompts(6, 6)
    lengths: list[tuple[int, int]] = []
    handle = module.get_input_embeddings().register_forward_hook(lambda _, __, out: lengths.append(out.shape[:2]))
    try:
        found = write_greedily(module, asked, 4, frozenset(), share=True)
    finally:
        handle.remove()
    assert lengths[:2] == [(1, 6), (6, 11)]
    assert found == [alone(module, prompt, 4, frozenset()) for prompt in asked]


@pytest.mark.parametrize("own", [0, 1])
def test_prompts_that_differ_in_their_last_token_alone(own: int) -> None:
    """Or not at all: nothing but one column is left to be read."""
    module: Any = toy_module()
    asked = [(5, 6, 7, 8 + own * row) for row in range(4)]
    assert write_greedily(module, asked, 4, frozenset(), share=True) == [
        alone(module, prompt, 4, frozenset()) for prompt in asked
    ]


def test_a_beginning_that_a_window_has_let_go_is_read_by_every_row() -> None:
    module = tiny_module("mistral")
    asked = prompts(4, 20)
    assert not Batch(module, asked, share=True).shares
    assert write_greedily(module, asked, 4, frozenset(), share=True) == [
        alone(module, prompt, 4, frozenset()) for prompt in asked
    ]


@pytest.mark.parametrize("family", ["falcon_mamba", "recurrent_gemma", "mamba2", "bart"])
def test_a_state_is_not_shared(family: str) -> None:
    assert not choose_engine(tiny_module(family)).share


@pytest.mark.parametrize("family", ["gemma3_text", "bloom"])
def test_prompts_of_about_the_same_length_are_read_together(family: str) -> None:
    module: Any = tiny_module(family)
    asked = [prompt + (7,) * (row % 3 * 9) for row, prompt in enumerate(prompts(17, 6))]
    sizes: list[tuple[int, ...]] = []
    handle = module.get_input_embeddings().register_forward_hook(lambda _, __, out: sizes.append(out.shape[:2]))
    try:
        found = write_greedily(module, asked, 4, frozenset(), share=True)
    finally:
        handle.remove()
    assert [rows for rows, _ in sizes[:4]] == [1, 8, 9, 17]
    assert sizes[1][1] < sizes[2][1]
    assert found == [alone(module, prompt, 4, frozenset()) for prompt in asked]


@pytest.mark.parametrize("groups", [1, 3])
def test_rows_that_have_ended_leave(groups: int) -> None:
    module: Any = toy_module()
    asked = prompts(10, 5)
    free = [alone(module, prompt, 8, frozenset()).ids for prompt in asked]
    ends = frozenset({free[row][row % 7] for row in range(0, 10, 2)})
    rows: list[int] = []
    handle = module.get_input_embeddings().register_forward_hook(lambda _, __, out: rows.append(out.shape[0]))
    try:
        found = write_greedily(module, asked, 8, ends, share=True, groups=groups)
    finally:
        handle.remove()
    assert found == [alone(module, prompt, 8, ends) for prompt in asked] * groups
    assert len({len(written.ids) for written in found}) > 3, "they end at different places"
    assert rows[1:] == sorted(rows[1:], reverse=True)
    assert rows[1] == 10 * groups > rows[-1] >= 2 * groups


def test_rows_leave_a_window_that_slides_and_a_model_without_keys() -> None:
    module: Any = tiny_module("gemma3_text")
    asked = prompts(9, 3)
    ends = frozenset({alone(module, prompt, 6, frozenset()).ids[1] for prompt in asked[:6]})
    expected = [alone(module, prompt, 6, ends) for prompt in asked]
    for keep in (True, False):
        assert write_greedily(module, asked, 6, ends, keep, share=True) == expected


def test_one_of_several_rows_is_never_left_alone() -> None:
    module: Any = toy_module()
    asked = prompts(8, 4)
    texts = [alone(module, prompt, 8, frozenset()).ids for prompt in asked]
    ends = frozenset(token for text in texts[1:] for token in text[:2]) - set(texts[0])
    rows: list[int] = []
    handle = module.get_input_embeddings().register_forward_hook(lambda _, __, out: rows.append(out.shape[0]))
    try:
        found = write_greedily(module, asked, 8, ends)
    finally:
        handle.remove()
    assert found[0].ids == texts[0]
    assert rows[-1] == 2


def test_keys_grow_beyond_the_room_that_was_made() -> None:
    module = toy_module()
    asked = prompts(3, 4)
    tight, wide = (Batch(module, asked, room=room) for room in (1, 40))
    for step in range(6):
        assert torch.equal(tight.logits(), wide.logits())
        for batch in (tight, wide):
            batch.add(torch.tensor([7 + step] * 3))
