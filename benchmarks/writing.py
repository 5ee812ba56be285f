"""How fast are answers written? Block by block, by the rule of a new run, and by ``generate`` of transformers, block by
block, in tokens a CPU-second.

    python benchmarks/writing.py [--examples 40] [--tokens 48] [--threads 2] [--repeats 3]

The requests of ``safety`` through SmolLM2-135M-Instruct's chat template, in float32. All ways write the same prompts;
texts may differ where two tokens are nearly equally likely (``design/written-batches.md``), and how many do is said.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from typing import Any

import torch
from ratio import medians

import corrie
from corrie.capabilities.safety import RequestTask
from corrie.models.model import Model
from corrie.models.reading import Writing
from corrie.records.scan_spec import AlphaGrid
from corrie.scanning.scan import Scan

BLOCK = 10


@torch.no_grad()
def generated(model: Model, prompts: Sequence[str], most: int) -> list[str]:
    """By ``generate``, padded on the left, to the same end tokens."""
    tokenizer = model.tokenizer
    asked = [model.encoder.prompt(prompt, True, most) for prompt in prompts]
    longest = max(map(len, asked))
    ids = torch.tensor([(0,) * (longest - len(row)) + row for row in asked])
    mask = torch.tensor([(0,) * (longest - len(row)) + (1,) * len(row) for row in asked])
    module: Any = model.module
    out = module.generate(
        ids, attention_mask=mask, max_new_tokens=most, do_sample=False, eos_token_id=sorted(model.end_tokens),
        pad_token_id=min(model.end_tokens),
    )  # fmt: skip
    rows = [[t for t in row if t not in model.end_tokens] for row in out[:, longest:].tolist()]
    return [tokenizer.decode(row, skip_special_tokens=True) for row in rows]


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
    plain: list[str] = []

    def generate() -> None:
        plain.clear()
        for start in range(0, len(prompts), BLOCK):
            plain.extend(generated(model, prompts[start : start + BLOCK], options.tokens))

    def write(size: int) -> None:
        reader = model.reader()
        batches = [prompts[start : start + size] for start in range(0, len(prompts), size)]
        found[size] = [w for batch in batches for w in reader.write(batch, options.tokens, templated=True)]

    ways = {"generate": generate, "blocks": lambda: write(BLOCK), "rule": lambda: write(rule)}
    times = medians(ways, options.repeats)
    tokens = sum(w.tokens for w in found[rule])
    result = {
        "batch": rule,
        "tokens": tokens,
        "tokens_a_cpu_second": {name: round(tokens / seconds, 1) for name, seconds in times.items()},
        "times_faster": {name: round(times[name] / times["rule"], 2) for name in ("generate", "blocks")},
        "texts_that_differ": {
            "generate": sum(a != b.text for a, b in zip(plain, found[rule], strict=True)),
            "blocks": sum(a.text != b.text for a, b in zip(found[BLOCK], found[rule], strict=True)),
        },
    }
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
