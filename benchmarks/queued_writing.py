"""What is saved where requests of a queue come in for answers that have ended, instead of one batch after the other.

    python benchmarks/queued_writing.py [-t humaneval_run:24] [--slots 8] [--most 160] [--chat]

SmolLM2-135M-Instruct in float32, one thread. The examples of a task are written in batches of as many as there are
slots, and then in one queue with these slots; the CPU-seconds of both are measured in one process, and their ratio is
what counts. Answers end at the task's stop strings, or after ``--most`` tokens. Texts that differ are counted, after
the cut.
"""

from __future__ import annotations

import argparse
import json
import time
from typing import Any

import torch
from stop_strings import Listening

import corrie
from corrie.capabilities.registry import parse_task
from corrie.models.reading import Writing, queued


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("-t", "--task", default="humaneval_run:24")
    options.add_argument("--slots", type=int, default=8)
    options.add_argument("--most", type=int, default=160)
    options.add_argument("--chat", action="store_true")
    options = options.parse_args()
    torch.set_num_threads(1)
    model = corrie.load("smollm2-135m-instruct")
    asked = parse_task(options.task)
    (task,) = corrie.tasks(asked.name, chat=options.chat)
    listening: Any = Listening(model.reader())
    task.score(listening, 0, asked.limit or 24)
    prompts, limit, templated, stops = listening.asked
    limit = min(limit, options.most)
    found: dict[str, list[Writing]] = {}
    seconds: dict[str, float] = {}
    for way, size in (("one after the other", options.slots), ("queue", len(prompts))):
        started, found[way] = time.process_time(), []
        for first in range(0, len(prompts), size):
            reader = model.reader()
            with queued(reader, options.slots):
                found[way] += reader.write(prompts[first : first + size], limit, templated, stops)
        seconds[way] = time.process_time() - started
    tokens = {way: sum(w.tokens for w in writings) for way, writings in found.items()}
    cut = {way: [w.text if stops is None else stops.cut(w.text) for w in writings] for way, writings in found.items()}
    one, queue = seconds
    rate = {way: tokens[way] / seconds[way] for way in seconds}
    print(
        json.dumps(
            {
                "requests": len(prompts),
                "slots": options.slots,
                "tokens": tokens,
                "shortest_and_longest": [f(w.tokens for w in found[queue]) for f in (min, max)],
                "cpu_seconds": {way: round(s, 1) for way, s in seconds.items()},
                "tokens_per_cpu_second": {way: round(r, 1) for way, r in rate.items()},
                "ratio": round(rate[queue] / rate[one], 2),
                "texts_that_differ": sum(a != b for a, b in zip(cut[one], cut[queue], strict=True)),
            }
        )
    )


if __name__ == "__main__":
    main()
