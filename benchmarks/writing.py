"""How fast are answers written? Block by block, and by the rule of a new run, in tokens a CPU-second.

    python benchmarks/writing.py [--examples 40] [--tokens 48] [--threads 2] [--repeats 3]

The requests of ``safety`` through SmolLM2-135M-Instruct's chat template, in float32. Both ways write the same prompts;
texts may differ where two tokens are nearly equally likely (``design/written-batches.md``), and how many do is said.
"""

from __future__ import annotations

import argparse
import json

import torch
from ratio import medians

import corrie
from corrie.capabilities.safety import RequestTask
from corrie.models.reading import Writing
from corrie.records.scan_spec import AlphaGrid
from corrie.scanning.scan import Scan

BLOCK = 10


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--examples", type=int, default=40)
    options.add_argument("--tokens", type=int, default=48)
    options.add_argument("--threads", type=int, default=2)
    options.add_argument("--repeats", type=int, default=3)
    options = options.parse_args()
    torch.set_num_threads(options.threads)
    model = corrie.load("smollm2-135m-instruct")
    (task,) = corrie.tasks("safety")
    assert isinstance(task, RequestTask)
    ready = Scan.of(model, [(task, options.examples)], directions=(), alpha=AlphaGrid.between(0, 0, 1), batch="auto")
    rule = ready.batch or BLOCK
    prompts = [task.framing.context(model.reader(), e.prompt) for e in task.examples[: options.examples]]

    found: dict[int, list[Writing]] = {}

    def write(size: int) -> None:
        reader = model.reader()
        batches = [prompts[start : start + size] for start in range(0, len(prompts), size)]
        found[size] = [w for batch in batches for w in reader.write(batch, options.tokens, templated=True)]

    times = medians({"blocks": lambda: write(BLOCK), "rule": lambda: write(rule)}, options.repeats)
    tokens = sum(w.tokens for w in found[rule])
    result = {
        "batch": rule,
        "tokens": tokens,
        "tokens_a_cpu_second": {name: round(tokens / seconds, 1) for name, seconds in times.items()},
        "times_faster": round(times["blocks"] / times["rule"], 2),
        "texts_that_differ": sum(a.text != b.text for a, b in zip(found[BLOCK], found[rule], strict=True)),
    }
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
