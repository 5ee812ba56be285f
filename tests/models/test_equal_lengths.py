"""Rows of one length together: the numbers of every sequence alone, and how many tokens are read for them."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from corrie.models.encoding import Sequenced
from corrie.models.equal_lengths import EqualLengths
from corrie.models.likelihood import TokenScores
from corrie.models.plain import PlainEngine
from corrie.models.rope import Reach
from corrie.testing.families import tiny_module

SHARED = tuple(range(10, 32))


def questions() -> list[list[Sequenced]]:
    """Four of two lengths, each with three options of one token and one of four."""
    dice = random.Random(1)
    asked = []
    for length in (5, 9, 5, 9):
        context = SHARED[:-2] + tuple(dice.randrange(5, 250) for _ in range(length))
        options = [(token,) for token in (40, 41, 42)] + [(43, 44, 45, 46)]
        asked.append([Sequenced(context + option, len(context)) for option in options])
    return asked


@contextmanager
def passes(module: Any) -> Iterator[list[tuple[int, int]]]:
    """Rows and tokens of every pass."""
    found: list[tuple[int, int]] = []
    handle = module.get_input_embeddings().register_forward_hook(lambda _, __, out: found.append(tuple(out.shape[:2])))
    try:
        yield found
    finally:
        handle.remove()


def same(found: list[list[TokenScores]], wanted: list[list[TokenScores]]) -> bool:
    pairs = [(f, w) for fq, wq in zip(found, wanted, strict=True) for f, w in zip(fq, wq, strict=True)]
    return all(
        f.log_likelihood.tolist() == pytest.approx(w.log_likelihood.tolist(), abs=1e-4)
        and (f.greedy.tolist(), f.best.tolist()) == (w.greedy.tolist(), w.best.tolist())
        for f, w in pairs
    )


@pytest.mark.parametrize("family", ["mamba2", "gpt_neo"])
@pytest.mark.parametrize("rows", [1, 2])
def test_what_all_begin_with_is_read_once_and_options_of_one_token_share_a_row(family: str, rows: int) -> None:
    module: Any = tiny_module(family)
    engine = EqualLengths(module, rows)
    with passes(module) as read:
        found = engine.score_rows(questions(), SHARED)
    assert read == [(rows, 20), (2 * rows, 12), (2 * rows, 8)], "of 16 sequences, four rows"
    for row in found:
        assert same(row, PlainEngine(module).score(questions()))
    with passes(module) as read:
        engine.score(questions()[:1], SHARED)
    assert read == [(rows, 8)], "the beginning is known"


def test_without_the_beginning_rows_are_read_whole() -> None:
    module: Any = tiny_module("mamba")
    with passes(module) as read:
        found = EqualLengths(module, share=False).score(questions(), SHARED)
    assert read == [(2, 32), (2, 28)]
    assert same(found, PlainEngine(module).score(questions()))


def test_a_sequence_beyond_the_reach_runs_alone() -> None:
    module: Any = tiny_module("gpt_neo")
    with passes(module) as read:
        found = EqualLengths(module, reach=Reach(depth=30)).score(questions())
    assert read.count((1, 33)) == 2
    assert same(found, PlainEngine(module).score(questions()))
