"""Written greedily in batches: what is shared is read once, keys grow in place, rows that have ended leave, and every
text is the one that its prompt gets alone."""

from __future__ import annotations

import random
from collections.abc import Sequence
from functools import cache
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


class Passes:
    """Rows and columns of every pass of a module."""

    def __init__(self, module: Any) -> None:
        self._module, self.sizes = module, list[tuple[int, int]]()

    def __enter__(self) -> list[tuple[int, int]]:
        def note(_: Any, __: Any, out: torch.Tensor) -> None:
            self.sizes.append((out.shape[0], out.shape[1]))

        self._hook = self._module.get_input_embeddings().register_forward_hook(note)
        return self.sizes

    def __exit__(self, *_: object) -> None:
        self._hook.remove()


def crowd(count: int, shared: int, seed: int = 0) -> list[tuple[int, ...]]:
    """Prompts of very different lengths, the longest not among the first."""
    asked = prompts(count, shared, seed)
    asked[count // 2] = prompts(1, shared, seed)[0] + asked[1] * 3
    return asked


def enough(ids: Sequence[int]) -> bool:
    """Answers end after one to nine tokens: their first token says after how many."""
    return len(ids) > ids[0] % 9


def cut(written: Written) -> Written:
    """As :func:`enough` ends it."""
    most = written.ids[0] % 9 + 1
    return Written(written.ids[:most], most <= len(written.ids), written.finite)


@pytest.mark.parametrize(
    ("family", "shared"), [("mistral", 0), ("gemma3_text", 5), ("gpt2", 0), ("bloom", 5), ("gpt_oss", 3)]
)
def test_others_come_in_for_those_that_have_ended(family: str, shared: int) -> None:
    module: Any = tiny_module(family)
    how = choose_engine(module)
    assert how.enter
    asked = crowd(13, shared)
    expected = [cut(alone(module, prompt, 9, frozenset())) for prompt in asked]
    lengths = [len(w.ids) for w in expected]
    assert len(set(lengths)) > 3, "answers of very different lengths"
    with Passes(module) as sizes:
        found = write_greedily(module, asked, 9, frozenset(), how.keep, share=how.share, slots=4, reached=enough)
    assert found == expected
    steps = [rows for rows, columns in sizes[1:] if columns == 1 and rows > 1]
    assert steps == sorted(steps, reverse=True)
    assert steps[0] == 4
    assert len(steps) < sum(max(lengths[n : n + 4]) for n in range(0, 13, 4))


@cache
def twelve() -> tuple[Any, list[tuple[int, ...]], frozenset[int], list[Written]]:
    """A module, prompts, where texts end, and every text alone."""
    module, asked = toy_module(), crowd(12, 3)
    ends = frozenset({alone(module, asked[1], 2, frozenset()).ids[1]})
    return module, asked, ends, [alone(module, prompt, 6, ends) for prompt in asked]


@pytest.mark.parametrize("slots", [1, 2, 3, 12, 40])
def test_any_number_of_slots_gives_the_texts_of_every_prompt_alone(slots: int) -> None:
    module, asked, ends, expected = twelve()
    assert any(0 < len(w.ids) < 6 for w in expected)
    assert write_greedily(module, asked, 6, ends, share=True, slots=slots) == expected


def test_others_come_in_for_every_change_of_the_weights_at_once() -> None:
    module: Any = toy_module()
    asked = crowd(9, 4)
    with Passes(module) as sizes:
        found = write_greedily(module, asked, 9, frozenset(), share=True, groups=3, slots=4, reached=enough)
    assert found == [cut(alone(module, prompt, 9, frozenset())) for prompt in asked] * 3
    assert all(rows % 3 == 0 for rows, _ in sizes)
    assert max(rows for rows, columns in sizes if columns == 1) == 12


def test_a_prompt_of_one_token_comes_in_and_one_that_is_all_shared() -> None:
    module: Any = toy_module()
    for asked in ([(5, 6, 7), (8, 9), (4,), (11,), (5, 6, 7, 8, 9), (12,)], [(5, 6, 7 + n) for n in range(7)]):
        assert write_greedily(module, asked, 9, frozenset(), share=True, slots=2, reached=enough) == [
            cut(alone(module, prompt, 9, frozenset())) for prompt in asked
        ]


@pytest.mark.parametrize("keep", [True, False])
def test_who_may_not_come_in_waits_until_all_have_ended(keep: bool) -> None:
    module: Any = toy_module()
    asked = crowd(10, 3)
    one_slotful_after_the_other = [
        written
        for first in range(0, 10, 4)
        for written in write_greedily(module, asked[first : first + 4], 9, frozenset(), keep, reached=enough)
    ]
    for enter in (True, False):
        with Passes(module) as sizes:
            found = write_greedily(module, asked, 9, frozenset(), keep, slots=4, enter=enter, reached=enough)
        assert found == one_slotful_after_the_other
        assert max(rows for rows, _ in sizes) == 4


def test_states_that_cannot_be_parted_are_written_one_slotful_after_the_other() -> None:
    module: Any = tiny_module("falcon_h1")
    how = choose_engine(module)
    assert how.together
    assert not how.enter
    asked = crowd(5, 3)
    expected = [alone(module, prompt, 4, frozenset()) for prompt in asked]
    for enter in (False, True):
        assert write_greedily(module, asked, 4, frozenset(), how.keep, slots=2, enter=enter) == expected


def test_columns_that_no_text_needs_are_let_go() -> None:
    """Else keys would grow with all that was ever written: memory holds rows of one text each."""
    module: Any = toy_module()
    asked = prompts(40, 1)
    widths: list[int] = []

    def note(_: Any, __: Any, kwargs: dict[str, Any]) -> None:
        if kwargs.get("attention_mask") is not None:
            widths.append(kwargs["attention_mask"].shape[-1])

    handle = module.register_forward_pre_hook(note, with_kwargs=True)
    try:
        found = write_greedily(module, asked, 9, frozenset(), share=True, slots=3, reached=enough)
    finally:
        handle.remove()
    assert all(w.ended for w in found)
    most = max(len(prompt) + len(w.ids) for prompt, w in zip(asked, found, strict=True))
    assert max(widths) <= most
    assert len(widths) > 2 * most, "many columns have passed"


@pytest.mark.parametrize("keep", [True, False])
def test_columns_go_while_rows_stay_in_their_places(keep: bool) -> None:
    module: Any = toy_module()
    texts = [[*range(5, 17)], [20, 21, 22], [30, 31, 32, 33]]
    batch = Batch(module, [tuple(text) for text in texts], keep, room=2)
    widths: list[int] = []

    def note(_: Any, __: Any, kwargs: dict[str, Any]) -> None:
        widths.append(kwargs["attention_mask"].shape[-1])

    for step in range(7):
        handle = module.register_forward_pre_hook(note, with_kwargs=True)
        logits = batch.logits()
        handle.remove()
        for row in (1, 2):
            with torch.no_grad():
                whole = module(input_ids=torch.tensor([texts[row]]), use_cache=False).logits[0, -1]
            torch.testing.assert_close(logits[row], whole)
        batch.add(torch.tensor([40 + step, 50 + step, 60 + step]))
        for row, text in enumerate(texts):
            text.append(40 + 10 * row + step)
        batch.trim([1, 2])
    assert widths == [12, 5, 6, 7, 8, 9, 10]


def test_a_row_without_numbers_leaves_nothing_behind_in_its_place() -> None:
    module: Any = toy_module(tied=False)
    with torch.no_grad():
        module.get_input_embeddings().weight[99] = float("nan")
    asked = [(5, 6, 7), (5, 99, 7), (8, 9), (4, 99), (12, 13), (14, 15, 16)]
    found = write_greedily(module, asked, 5, frozenset(), slots=2)
    assert [w.finite for w in found] == [True, False, True, False, True, True]
    for prompt, written in zip(asked, found, strict=True):
        if written.finite:
            assert written == alone(module, prompt, 5, frozenset())


def test_enough_is_asked_of_those_that_came_in_too() -> None:
    module: Any = toy_module()
    asked = crowd(9, 3)
    found = write_greedily(module, asked, 9, frozenset(), share=True, slots=3, reached=lambda ids: sum(ids) % 5 == 0)
    for prompt, written in zip(asked, found, strict=True):
        free = alone(module, prompt, 9, frozenset()).ids
        stops = [n for n in range(1, 10) if sum(free[:n]) % 5 == 0]
        assert written == Written(free[: stops[0]] if stops else free, bool(stops), True)
