"""What does it cost to set a point? Against a 512-token forward pass, and against the ways of others.

    python benchmarks/moving.py [--repeats 5]

Everything on one thread, float32, SmolLM2-135M-Instruct. *regenerate twice* is what evolution-strategy and
zeroth-order codes do: draw the noise with a seeded generator and add it, then draw it again and subtract it.
"""

from __future__ import annotations

import argparse
import json

import torch
from ratio import medians

import corrie
from corrie.records.direction import Gaussian
from corrie.records.point import Point
from corrie.weights.perturbed import moving
from corrie.weights.realise import realise

ALPHAS = 20


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--repeats", type=int, default=5)
    options = options.parse_args()
    torch.set_num_threads(1)
    model = corrie.load("smollm2-135m-instruct")
    ids = torch.arange(512)[None]
    tensors = {n: p.data for n, p in model.selection.tensors.items()}
    pristine = {n: t.clone() for n, t in tensors.items()}
    direction = realise(Gaussian(seed=0), pristine)
    generator = torch.Generator()

    def forward() -> None:
        with torch.no_grad():
            model.module(input_ids=ids, logits_to_keep=1)

    def one_pass() -> None:
        for name, tensor in tensors.items():
            torch.add(pristine[name], direction.tensors[name], alpha=1e-3, out=tensor)

    def regenerate_twice() -> None:
        for sign in (1.0, -1.0):
            generator.manual_seed(0)
            for tensor in tensors.values():
                tensor.add_(torch.randn(tensor.shape, generator=generator), alpha=sign * 1e-3)

    with moving(model.selection) as weights:
        step = iter(range(1, 10**6))

        def set_point() -> None:
            weights.to(Point.along(Gaussian(seed=0), 1e-6 * next(step)))

        times = medians(
            {
                "forward": forward,
                "set": set_point,
                "draw": lambda: realise(Gaussian(seed=1), {n: pristine[n] for n in list(pristine)}),
                "one_pass": one_pass,
                "twice": regenerate_twice,
            },
            options.repeats,
        )
        weights.to(Point.along(Gaussian(seed=0), 1.0))
    point = times["set"] + times["draw"] / ALPHAS
    print(
        json.dumps(
            {
                "set_over_forward": round(times["set"] / times["forward"], 4),
                "draw_over_forward": round(times["draw"] / times["forward"], 3),
                f"point_over_forward_at_{ALPHAS}_alpha": round(point / times["forward"], 4),
                "set_over_one_add": round(times["set"] / times["one_pass"], 2),
                "regenerate_twice_over_point": round(times["twice"] / point, 1),
            },
            indent=2,
        )
    )


if __name__ == "__main__":
    main()
