"""What does a sliding window cost? Ten questions of `knowledge` on a random Gemma 3 of 270 M against SmolLM2-135M.

    python benchmarks/windows.py [--repeats 3]

Both read the same text through SmolLM2's tokenizer, in float32 on one thread; CPU time in one process. The large
model's log-likelihoods are held against a row per option.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time

import torch
from scoring import Listening, row_per_option

import corrie
from corrie.models.load import from_module
from corrie.models.model import Model


def gemma(vocabulary: int) -> torch.nn.Module:
    """The shape of Gemma 3 270 M: window 512, five layers of six slide."""
    from transformers import Gemma3ForCausalLM, Gemma3TextConfig

    config = Gemma3TextConfig(
        vocab_size=vocabulary, hidden_size=640, intermediate_size=2048, num_hidden_layers=18, num_attention_heads=4,
        num_key_value_heads=1, head_dim=256, sliding_window=512, query_pre_attn_scalar=256,
    )  # fmt: skip
    torch.manual_seed(0)
    return Gemma3ForCausalLM(config).eval()


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--repeats", type=int, default=3)
    options = options.parse_args()
    torch.set_num_threads(1)
    small = corrie.load("smollm2-135m-instruct")
    large = from_module(gemma(len(small.tokenizer)), small.tokenizer, name="random-gemma3")
    listening = Listening(small)
    corrie.tasks("knowledge")[0].score(listening, 0, 10)

    def scores(model: Model) -> list[float]:
        reader = model.reader()
        return [r.log_likelihood for qs, shared in listening.asked for q in reader.read(qs, shared) for r in q]

    engine = str(large.engine)  # the question is put to the model once, not at every point
    times: dict[str, list[float]] = {"gemma3": [], "smollm2": []}
    for _ in range(options.repeats):
        for name, model in (("gemma3", large), ("smollm2", small)):
            before = time.process_time()
            scores(model)
            times[name].append(time.process_time() - before)
    ours = scores(large)
    theirs = row_per_option(large, [q for questions, _ in listening.asked for q in questions])
    medians = {name: statistics.median(found) for name, found in times.items()}
    result = {
        "engine": engine,
        "gemma3_over_smollm2": round(medians["gemma3"] / medians["smollm2"], 2),
        "largest_difference_nats": max(abs(a - b) for a, b in zip(ours, theirs, strict=True)),
    }
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
