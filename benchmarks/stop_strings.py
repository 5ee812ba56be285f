"""What is saved where answers end at their stop strings, instead of being cut there afterwards: tokens and CPU-seconds.

    python benchmarks/stop_strings.py [-t humaneval_run:10 -t gsm8k_strict:10] [--chat] [--repeats 0]

SmolLM2-135M-Instruct in float32, one thread, the examples of a task in one batch. Without ``--chat`` the prompts are
the benchmark's own, and a model that has answered goes on with the next question. What is left of a text after the cut
must be the same both ways; how many are not is said. With ``--repeats 0`` each way is run once, without a turn before
that is not measured.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence
from typing import Any

import torch
from ratio import medians

import corrie
from corrie.capabilities.registry import parse_task
from corrie.models.reading import Writing
from corrie.models.stops import Stops


class Listening:
    """A reader that writes, and keeps what it was asked."""

    def __init__(self, reader: Any) -> None:
        self._reader = reader
        self.asked: tuple[list[str], int, bool, Stops | None] | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._reader, name)

    def write(
        self, prompts: Sequence[str], max_tokens: int, templated: bool = False, stops: Stops | None = None
    ) -> list[Writing]:
        """One token, for the task to judge."""
        self.asked = list(prompts), max_tokens, templated, stops
        return self._reader.write(prompts, 1, templated)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("-t", "--task", action="append", default=[])
    options.add_argument("--chat", action="store_true")
    options.add_argument("--repeats", type=int, default=0)
    options = options.parse_args()
    torch.set_num_threads(1)
    model = corrie.load("smollm2-135m-instruct")
    result = {}
    for text in options.task or ["humaneval_run:10", "gsm8k_strict:10"]:
        asked = parse_task(text)
        (task,) = corrie.tasks(asked.name, chat=options.chat)
        listening = Listening(model.reader())
        task.score(listening, 0, asked.limit or 10)  # pyright: ignore[reportArgumentType]
        assert listening.asked is not None
        prompts, limit, templated, stops = listening.asked
        assert stops is not None
        found: dict[str, list[Writing]] = {}

        def write(name: str, given: Stops | None, of: Any = found, a: Any = (prompts, limit, templated)) -> None:
            of[name] = model.reader().write(*a, stops=given)

        ways = {"cut": lambda w=write: w("cut", None), "ended": lambda w=write, s=stops: w("ended", s)}
        times = medians(ways, options.repeats) if options.repeats else {n: _seconds(way) for n, way in ways.items()}
        kept = {name: [stops.cut(w.text) for w in writings] for name, writings in found.items()}
        result[text] = {
            "tokens": {name: sum(w.tokens for w in writings) for name, writings in found.items()},
            "cpu_seconds": {name: round(seconds, 1) for name, seconds in times.items()},
            "texts_that_are_shorter": sum(a.tokens > b.tokens for a, b in zip(*found.values(), strict=True)),
            "texts_that_differ": sum(a != b for a, b in zip(kept["cut"], kept["ended"], strict=True)),
        }
        print(json.dumps({text: result[text]}), flush=True)


def _seconds(way: Any) -> float:
    started = time.process_time()
    way()
    return time.process_time() - started


if __name__ == "__main__":
    main()
