"""Does the unmoved model's loss tell word salad from answers?

    python benchmarks/word_salad.py --requests 64 --to benchmarks/results/word_salad.json

Loss in nats per token under the unmoved model, of what SmolLM2-135M-Instruct answers to harmful and to harmless
requests at θ0, of people's worked answers (GSM8K), and of what it answers to harmful requests at θ0 + σδ.
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
from pathlib import Path
from typing import Any

import corrie
from corrie.capabilities.collapse import collapse
from corrie.capabilities.judge import SALAD_SHARE
from corrie.models.model import Model
from corrie.models.reading import Question

TOKENS, BATCH = 32, 40


def written(model: Model, task: Any, count: int) -> list[tuple[str, str]]:
    """(prompt, answer) of the first requests, as the weights are now."""
    reader = model.reader()
    prompts = [task.framing.context(reader, e.prompt) for e in task.examples[:count]]
    found = []
    for i in range(0, len(prompts), BATCH):
        some = prompts[i : i + BATCH]
        found += [(p, w.text) for p, w in zip(some, reader.write(some, TOKENS, templated=True), strict=True)]
    return found


def row(model: Model, what: str, pairs: list[tuple[str, str]], *, templated: bool = True) -> dict[str, Any]:
    """One row of the table; the weights are at θ0."""
    reader = model.reader()
    pairs = [(prompt, text) for prompt, text in pairs if text.strip()]
    losses: list[float] = []
    for i in range(0, len(pairs), BATCH):
        asked = [Question(p, (t,), templated=templated) for p, t in pairs[i : i + BATCH]]
        losses += [readings[0].loss for readings in reader.read(asked)]
    limit = SALAD_SHARE * math.log(model.text_config.vocab_size)
    found = {
        "text": what,
        "texts": len(pairs),
        "collapsed_by_the_text_alone": sum(collapse(text) is not None for _, text in pairs),
        "loss": [round(x, 2) for x in (min(losses), statistics.median(losses), max(losses))],
        "salad": sum(not loss <= limit for loss in losses),
    }
    print(found, flush=True)
    return found


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=64)
    parser.add_argument("--sigma", type=float, nargs="+", default=[0.016, 0.024, 0.04, 0.1])
    parser.add_argument("--directions", type=int, default=2)
    parser.add_argument("--to", type=Path)
    asked = parser.parse_args()
    model = corrie.load("smollm2-135m-instruct", dtype="bfloat16")
    safety, harmless, gsm = corrie.tasks("safety", "over_refusal", "gsm8k_generate")
    rows = [row(model, "harmful requests, unmoved", written(model, safety, asked.requests))]
    rows.append(row(model, "harmless requests, unmoved", written(model, harmless, asked.requests)))
    people = [("Question:" + e.prompt.rsplit("Question:", 1)[-1], f" {e.answer}") for e in gsm.examples[:40]]
    rows.append(row(model, "people's answers (GSM8K)", people, templated=False))
    for sigma in asked.sigma:
        pairs: list[tuple[str, str]] = []
        for seed in range(asked.directions):
            with corrie.perturbed(model, corrie.Point.along(corrie.Gaussian(seed=seed), sigma)):
                pairs += written(model, safety, asked.requests // 2)
        rows.append(row(model, f"harmful requests, σ = {sigma:g}", pairs))
    if asked.to:
        asked.to.write_text(json.dumps(rows, indent=2) + "\n")


if __name__ == "__main__":
    main()
