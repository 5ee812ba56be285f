"""What the unmoved model does on examples that ``make demo`` does not show: by this its tasks were chosen.

    python examples/demo/held_out.py examples/demo/sums.jsonl:100:180 math:200:300

One line a task: examples, score, chance, how far single examples lie from the score (standard deviation, as a share of
the score above chance: what is small needs few outcomes), CPU-seconds for a block of ten. The demo shows the first
hundred examples of a task, so only later ones may be asked here.
"""

from __future__ import annotations

import statistics
import sys
import time
from pathlib import Path

import corrie

SHOWN = 100


def main(asked: list[str]) -> None:
    model = corrie.load("smollm2-135m-instruct", dtype="auto")
    reader = model.reader()
    for text in asked:
        name, first, last = text.rsplit(":", 2)
        (task,) = corrie.tasks(name)
        start, stop = int(first), min(int(last), task.identity.size)
        if start < SHOWN:
            raise SystemExit(f"{text}: the demo shows the first {SHOWN} examples. Ask later ones.")
        began = time.process_time()
        scores = [o.success for o in task.score(reader, start, stop) if o.success is not None]
        seconds = 10 * (time.process_time() - began) / (stop - start)
        called = Path(name).stem
        score, chance = statistics.fmean(scores), task.identity.chance
        spread = statistics.stdev(scores) / (score - chance)
        print(
            f"{called}, examples {start} to {stop - 1}: score {score:.2f}, chance {chance:.2f}, spread {spread:.2f}, "
            f"{seconds:.2f} CPU-seconds for ten",
            flush=True,
        )


if __name__ == "__main__":
    main(sys.argv[1:])
