"""A point's reader says what the engine in this process says, whoever writes for it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from corrie.models.greedy import Written, write_greedily
from corrie.models.stops import Stops
from corrie.models.vllm.reader import VllmReader
from corrie.testing.toy_models import toy_model


def test_what_comes_after_a_stop_string_is_taken_away() -> None:
    model = toy_model()

    class StandIn:
        def write(
            self, prompts: Sequence[tuple[int, ...]], most: int, ends: frozenset[int], reached: object
        ) -> list[Written]:
            return write_greedily(model.module, prompts, most, ends)  # on to the end, whatever is reached

    copy: Any = StandIn()
    prompts = [f"{'a word ' * n}and" for n in range(8)]
    ours, plain = VllmReader(model, copy, moved=False), model.reader()
    whole = plain.write(prompts, 16)
    assert ours.write(prompts, 16) == whole
    letters = sorted({letter for writing in whole for letter in writing.text[4:8] if letter.isascii()})
    stops = Stops(tuple(letters))
    ended = plain.write(prompts, 16, stops=stops)
    assert ours.write(prompts, 16, stops=stops) == ended
    assert sum(w.tokens for w in ended) < sum(w.tokens for w in whole)
