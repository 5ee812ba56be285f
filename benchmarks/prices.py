"""What one block costs: drawing a direction, setting a point, scoring ten examples, in forwards of 512 tokens.

    python benchmarks/prices.py [--task knowledge ...] [--repeats 5]

SmolLM2-135M-Instruct, float32, one thread, medians of CPU time. The counts beside them (numbers that move, distinct
tokens of a block) are what a model of the cost would be made of.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from statistics import median

import torch

import corrie
from corrie.records.point import Point
from corrie.weights.perturbed import moving


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--task", nargs="*", default=["knowledge", "reasoning", "code"])
    options.add_argument("--repeats", type=int, default=5)
    options = options.parse_args()
    torch.set_num_threads(1)
    model = corrie.load("smollm2-135m-instruct")
    ids = torch.randint(0, 49152, (1, 512))
    tokens: list[int] = []
    model.module.register_forward_pre_hook(
        lambda module, args, given: tokens.append(given["input_ids"].numel()), with_kwargs=True
    )

    def forward() -> None:
        with torch.no_grad():
            model.module(input_ids=ids, logits_to_keep=1)

    forward()
    unit = median(timed(forward) for _ in range(options.repeats))
    print(json.dumps({"forward of 512 tokens": "1", "cpu_seconds": round(unit, 3)}), flush=True)
    drawn, laid = [], []
    with moving(model.selection, model.sources) as weights:
        for direction in corrie.gaussian(options.repeats):
            both = timed(lambda d=direction: weights.to(Point.along(d, 0.01)))
            laid.append(timed(lambda d=direction: weights.to(Point.along(d, 0.02))))
            drawn.append(both - laid[-1])
    numbers = {"numbers": model.selection.dimension}
    print(json.dumps({"drawing a direction": round(median(drawn) / unit, 3), **numbers}), flush=True)
    print(json.dumps({"setting a point": round(median(laid) / unit, 3), **numbers}), flush=True)
    for task in corrie.tasks(*options.task):
        task.score(model.reader(), 0, 10)
        tokens.clear()
        taken = [
            timed(lambda b=block, t=task: t.score(model.reader(), 10 * b, 10 * b + 10))
            for block in range(1, 1 + options.repeats)
        ]
        said = {f"scoring ten of {task.identity.name}": round(median(taken) / unit, 3)}
        print(json.dumps({**said, "distinct tokens": round(sum(tokens) / options.repeats)}), flush=True)


def timed(way: Callable[[], object]) -> float:
    """CPU seconds."""
    started = time.process_time()
    way()
    return time.process_time() - started


if __name__ == "__main__":
    main()
