"""Does moving factors between a model's weights make it stand more noise, and by as much as is foretold?

    python benchmarks/balance.py smollm2-135m-instruct

The model is balanced by text that it writes itself (corrie.widening.balance). Then both models are moved by the same
Gaussian noise, as large on every weight, and asked on a text that was not used how far they are from the unmoved model;
and once more by noise in proportion to each tensor's own typical weight, which no factor of a whole tensor can change.
"""

from __future__ import annotations

import argparse
import copy
import math
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor

import corrie
from corrie.weights.selection import named_parameters
from corrie.widening.balance import balanced
from corrie.widening.divergence import divergence_of
from corrie.widening.equivalents import rescalings_of
from corrie.widening.own_writing import own_writing
from corrie.widening.sensitivity import sensitivity
from corrie.widening.texts import windows_of

TEXT = Path(__file__).parent.parent / "docs" / "theory.md"
WINDOWS, WINDOW, READINGS = 4, 64, 32


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", nargs="?", default="smollm2-135m-instruct")
    parser.add_argument("--sigma", type=float, nargs="+", default=[0.004, 0.008])
    parser.add_argument("--draws", type=int, default=3)
    asked = parser.parse_args()
    model = corrie.load(asked.model)
    module, began = model.module, time.process_time()
    rows = own_writing(model, 2 * WINDOWS * 8, WINDOW)
    print(f"its own text: {time.process_time() - began:.0f} CPU-seconds")
    began = time.process_time()
    balance = copy.deepcopy(module)
    weights = named_parameters(balance)
    rescalings = rescalings_of(balance, model.text_config, rows[:WINDOWS])
    costs = sensitivity(balance, weights, rows, size=WINDOWS, readings=READINGS)
    print(f"which rescalings, and what noise on each weight costs: {time.process_time() - began:.0f} CPU-seconds")
    began = time.process_time()
    factors, found = balanced(rescalings, weights, costs)
    for rescaling, its in zip(rescalings, factors, strict=True):
        rescaling.apply(weights, its)
    print(f"factors: {time.process_time() - began:.0f} CPU-seconds\n{found}")
    text = windows_of(model, [TEXT], 96)[:6]
    with torch.no_grad():
        unmoved = torch.log_softmax(module(text, use_cache=False).logits.float(), dim=-1)
    print(f"at rest: KL {divergence_at_noise(balance, unmoved, text, lambda _: 0.0, 0):.2g} nats a token\n")
    print("| noise | KL, as it was | balanced | radius, √ of the ratio |\n|---|---|---|---|")
    for sigma in asked.sigma:
        relative = sigma / model.identity.rms
        for words, of in (
            (f"σ = {sigma:g} on every weight", lambda _, sigma=sigma: sigma),
            (
                f"{100 * relative:.2g} % of each tensor's own",
                lambda t, relative=relative: relative * float(t.square().mean().sqrt()),
            ),
        ):
            told = [
                sum(divergence_at_noise(m, unmoved, text, of, seed) for seed in range(asked.draws)) / asked.draws
                for m in (module, balance)
            ]
            print(f"| {words} | {told[0]:.4f} | {told[1]:.4f} | {math.sqrt(told[0] / told[1]):.2f} |", flush=True)


@torch.no_grad()
def divergence_at_noise(
    module: torch.nn.Module, unmoved: Tensor, text: Tensor, size: Callable[[Tensor], float], seed: int
) -> float:
    """KL of a model at noise from ``unmoved``; ``size`` is σ for a tensor. Its weights are as before afterwards."""
    dice = torch.Generator().manual_seed(seed)
    kept = {name: tensor.clone() for name, tensor in named_parameters(module).items()}
    for tensor in named_parameters(module).values():
        tensor.add_(torch.randn(tensor.shape, generator=dice), alpha=size(tensor))
    told = float(divergence_of(module(text, use_cache=False).logits, unmoved))
    for name, tensor in named_parameters(module).items():
        tensor.copy_(kept[name])
    return told


if __name__ == "__main__":
    main()
