"""Answers end at their stop strings, and what is cut there is what would have been cut of the whole."""

from __future__ import annotations

import random
from collections.abc import Sequence
from itertools import product
from typing import Any

import pytest
import torch
from tokenizers import Tokenizer, decoders, models
from transformers import PreTrainedTokenizerFast

from corrie.models.encoding import Encoder
from corrie.models.engine import choose_engine
from corrie.models.greedy import write_greedily
from corrie.models.reader import ModelReader
from corrie.models.reading import Writing
from corrie.models.rows import row_readers
from corrie.models.stops import Stops, stopping
from corrie.testing.families import tiny_module
from corrie.testing.toy_models import Architecture, byte_tokenizer, toy_model

PROMPTS = ["short", "a somewhat longer prompt", "x", "and one more of middling length", "?", "six"]
LIMIT = 24


@pytest.mark.parametrize(
    ("text", "stops", "left"),
    [
        ("a|b;c", Stops(("|", ";")), "a"),
        ("a;b|c", Stops(("|", ";")), "a"),
        ("abc", Stops(("|",)), "abc"),
        ("\nabc\nd", Stops(("\n",)), "\nabc"),
        ("\nabc\nd", Stops(("\n",), inside=False), ""),
        ("4\n\nQ: e", Stops(("\n\n", "Q"), inside=False), "4"),
        ("abc", Stops(()), "abc"),
    ],
)
def test_a_text_is_cut_before_the_first_of_them(text: str, stops: Stops, left: str) -> None:
    assert stops.cut(text) == left


@pytest.mark.parametrize("inside", [True, False])
@pytest.mark.parametrize("strings", [("b",), ("ab", "b"), ("b", "abb"), ("  ", "b a"), ("aba", "bb"), ("a b", " ")])
def test_reached_is_said_as_soon_as_it_is_sure_and_not_before(strings: tuple[str, ...], inside: bool) -> None:
    """Every text of six letters, at every length: once it is reached the cut is that of all its continuations, and
    where it is not, some continuation is cut otherwise."""
    stops = Stops(strings, inside)
    texts = ["".join(letters) for letters in product("ab ", repeat=6)]
    for length in range(1, 4):
        cuts: dict[str, set[str]] = {}
        for text in texts:
            cuts.setdefault(text[:length], set()).add(stops.cut(text))
        for begun, found in cuts.items():
            assert stops.reached(begun) == (found == {stops.cut(begun)} and stops.cut(begun) != begun), begun


def pieces_with_bytes() -> PreTrainedTokenizerFast:
    """Words, and bytes for everything else, as Llama 2's vocabulary has it."""
    vocabulary = {"<unk>": 0, "▁a": 1, "b": 2, "▁": 3, ".": 4, **{f"<0x{byte:02X}>": 5 + byte for byte in range(256)}}
    inside = Tokenizer(models.BPE(vocab=vocabulary, merges=[], unk_token="<unk>", byte_fallback=True))
    inside.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )
    return PreTrainedTokenizerFast(tokenizer_object=inside)


def words_that_are_joined() -> PreTrainedTokenizerFast:
    """WordPiece, with spaces before punctuation taken away."""
    words = ["[UNK]", "do", "n", "'", "t", "##s", "s", ".", ",", "?", "ve", "it", "n't"]
    inside = Tokenizer(models.WordPiece(vocab={word: i for i, word in enumerate(words)}, unk_token="[UNK]"))
    inside.decoder = decoders.WordPiece(cleanup=True)
    return PreTrainedTokenizerFast(tokenizer_object=inside, clean_up_tokenization_spaces=True)


@pytest.mark.parametrize("make", [byte_tokenizer, pieces_with_bytes, words_that_are_joined])
def test_a_settled_text_is_how_every_longer_one_begins(make: Any) -> None:
    tokenizer = make()
    encoder = Encoder(tokenizer, None)
    dice = random.Random(0)
    few = [3, *range(5, 9), 15, 5 + 0xE4, 5 + 0xB8, 5 + 0xAD, 10 + 0xE4]
    for _ in range(60):
        ids = [dice.choice([dice.randrange(len(tokenizer)), dice.choice(few) % len(tokenizer)]) for _ in range(12)]
        whole = encoder.decode(ids, special=False)
        settled = [encoder.settled(ids[:length]) for length in range(1, 13)]
        assert all(whole.startswith(text) for text in settled)
    assert max(map(len, settled)) > 0


def test_a_run_of_bytes_is_settled_when_it_is_over() -> None:
    encoder = Encoder(pieces_with_bytes(), None)
    lines, half, word = [5 + 10, 5 + 10], [5 + 0xE4], [1]
    assert encoder.decode([1, *lines], special=False) == "a\n\n"
    assert encoder.decode([1, *lines, *half], special=False) == "a" + 3 * "\N{REPLACEMENT CHARACTER}"
    assert encoder.settled([1, *lines]) == "a"
    assert encoder.settled([1, *lines, *word]) == "a\n\n a"
    reached = stopping(Stops(("\n\n",)), encoder)
    assert reached is not None
    assert [reached(ids) for ids in ([1, *lines], [1, *lines, *half], [1, *lines, *word])] == [False, False, True]


@pytest.fixture(params=["llama", "gpt2", "qwen2"])
def written(request: pytest.FixtureRequest) -> tuple[ModelReader, list[Writing]]:
    architecture: Architecture = request.param
    reader = toy_model(architecture).reader()
    return reader, reader.write(PROMPTS, LIMIT)


def some_stops(texts: Sequence[str]) -> tuple[str, ...]:
    """Two letters of the midst of every second text: each spans two tokens of a tokenizer of bytes."""
    return tuple(text[5 + row : 7 + row] for row, text in enumerate(texts) if row % 2 == 0 and len(text) > 7 + row)


def test_less_is_written_and_the_cut_is_the_same(written: tuple[ModelReader, list[Writing]]) -> None:
    reader, whole = written
    stops = Stops(some_stops([w.text for w in whole]))
    ended = reader.write(PROMPTS, LIMIT, stops=stops)
    assert [stops.cut(w.text) for w in ended] == [stops.cut(w.text) for w in whole]
    assert all(a.text == b.text[: len(a.text)] and a.tokens <= b.tokens for a, b in zip(ended, whole, strict=True))
    assert sum(w.tokens for w in ended) < sum(w.tokens for w in whole) - 20
    assert any(w.ended for w in ended)


@pytest.mark.parametrize("family", ["mistral", "gemma3_text", "bloom", "falcon_mamba"])
def test_in_every_way_of_writing(family: str) -> None:
    """With keys, with states, read again at every token, one by one and in groups."""
    module: Any = tiny_module(family)
    how = choose_engine(module)
    dice = random.Random(0)
    asked = [tuple(dice.randrange(5, 250) for _ in range(3 + row)) for row in range(6)]
    batches = [asked] if how.together else [[prompt] for prompt in asked]
    plain = [w for batch in batches for w in write_greedily(module, batch, 8, frozenset(), how.keep)]
    last = {written.ids[:length] for row, written in enumerate(plain) for length in [2 + row] if row < 4}

    def reached(ids: Sequence[int]) -> bool:
        return tuple(ids) in last

    expected = [w.ids[: next((n for n in range(9) if w.ids[:n] in last), 8)] for w in plain]
    assert {len(ids) for ids in expected} > {2, 8}
    for keep in {how.keep, False}:
        for batch in batches:
            rows: list[int] = []
            handle = module.get_input_embeddings().register_forward_hook(lambda _, __, out, r=rows: r.append(len(out)))
            try:
                found = write_greedily(module, batch, 8, frozenset(), keep, share=how.share, reached=reached, groups=2)
            finally:
                handle.remove()
            ids = [written.ids for written in found]
            places = [asked.index(prompt) for prompt in batch]
            assert ids == [expected[place] for place in places] * 2
            assert not how.share or rows[-1] < 2 * len(batch)


def test_rows_of_a_batch_end_by_themselves_at_their_own_place() -> None:
    model = toy_model()
    reader = ModelReader(model.module, model.encoder, model.engine, model.end_tokens, rows=2)
    whole = reader.write_rows(PROMPTS, LIMIT)
    stops = Stops(some_stops([w.text for w in whole[0]]))
    for alone, row in zip(row_readers(reader, 2), whole, strict=True):
        found = alone.write(PROMPTS, LIMIT, stops=stops)
        assert [stops.cut(w.text) for w in found] == [stops.cut(w.text) for w in row]
        assert sum(w.tokens for w in found) < sum(w.tokens for w in row)


def test_without_stop_strings_nobody_is_asked() -> None:
    assert stopping(Stops(()), Encoder(byte_tokenizer(), None)) is None


def test_numbers_that_are_none_are_seen_up_to_the_stop() -> None:
    model = toy_model()
    with torch.no_grad():
        model.module.model.norm.weight.fill_(float("nan"))
    (writing,) = model.reader().write(["ab"], 5, stops=Stops(("a",)))
    assert (writing.text, writing.finite, writing.ended) == ("", False, False)
