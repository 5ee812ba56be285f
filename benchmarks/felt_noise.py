"""How far noise of one size on every weight moves models from themselves, and how far they are from the first at rest.

    python benchmarks/felt_noise.py smollm2-135m-instruct runs/balanced runs/wide

KL in nats a token on 576 tokens of docs/theory.md, the mean over three draws, the same for every model. To second order
it is in proportion to the square of σ, so the root of a ratio is that of the radii.
"""

from __future__ import annotations

import argparse
import math

import torch
from balance import TEXT, divergence_at_noise

import corrie
from corrie.widening.divergence import divergence_of
from corrie.widening.texts import windows_of


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="+")
    parser.add_argument("--sigma", type=float, nargs="+", default=[0.004, 0.008])
    parser.add_argument("--draws", type=int, default=3)
    asked = parser.parse_args()
    first, of_first = None, {}
    print("| model | at rest, from the first | " + " | ".join(f"σ = {s:g}, radius" for s in asked.sigma) + " |")
    print("|---|---|" + "---|" * len(asked.sigma))
    for name in asked.models:
        model = corrie.load(name)
        text = windows_of(model, [TEXT], 96)[:6]
        with torch.no_grad():
            logits = model.module(text, use_cache=False).logits
        unmoved = torch.log_softmax(logits.float(), dim=-1)
        first = unmoved if first is None else first
        cells = [f"{float(divergence_of(logits, first)):.3g}"]
        for sigma in asked.sigma:
            told = [
                divergence_at_noise(model.module, unmoved, text, lambda _, s=sigma: s, seed)
                for seed in range(asked.draws)
            ]
            mean = sum(told) / asked.draws
            cells.append(f"{mean:.4f}, {math.sqrt(of_first.setdefault(sigma, mean) / mean):.2f} ×")
        print(f"| {model.identity.name} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
