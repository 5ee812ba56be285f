"""The same function at another scale has another radius: how much of a radius in σ is scale?

Every norm undoes the scale of what it reads. So all matrices times k, with all gains of norms divided by k, is the same
function: the stream that layers add to is k times as large, its norms give 1/k of what they gave, and the next matrix
makes k of it again. No prediction changes; noise of the same σ is k times smaller beside the matrices, and k times
larger beside the gains.

    python examples/go_study/rescaling.py 0.17M:adamw:0 2 4        # a cell, and factors k

The cell is trained where its weights are not kept already.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import torch
from corpus import corpora
from ladder import SIZES, build
from measuring import radius, validation
from safetensors.torch import load_file
from study import RESULTS, shortened, train, weights_file
from torch import nn


@torch.no_grad()
def rescale(model: nn.Module, factor: float) -> None:
    """The same function, its matrices ``factor`` times as large."""
    for parameter in model.parameters():
        parameter.mul_(factor if parameter.dim() > 1 else 1 / factor)


def main() -> None:
    parser = argparse.ArgumentParser(description="The radius of one function at several scales.")
    parser.add_argument("cell")
    parser.add_argument("factors", nargs="+", type=float)
    parser.add_argument("--work", type=Path, default=Path("runs/go_study"))
    parser.add_argument("--results", type=Path, default=RESULTS, help="folder of the file that is written")
    options = parser.parse_args()
    torch.set_num_threads(1)
    here = corpora(options.work)
    weights = weights_file(options.cell, options.work)
    if not weights.is_file():
        train(options.cell, here, options.work)
    found = []
    for factor in options.factors:
        model = build(SIZES[options.cell.split(":")[0]], 0)
        model.load_state_dict(load_file(weights), strict=False)
        rescale(model.eval(), factor)
        measured = {"factor": factor, **validation(model, here, "prose"), **radius(model, here)}
        found.append(measured)
        basin, by_loss = measured["basin"], measured["loss_radius"]
        print(
            f"{options.cell}, matrices × {factor:g}: loss {measured['loss']:.3f}, basin radius {basin['sigma']:.4f}, "
            f"σ at +0.1 nat {by_loss['sigma']:.4f}, {100 * by_loss['sigma'] / measured['rms']:.1f} % of a weight",
            flush=True,
        )
    options.results.mkdir(parents=True, exist_ok=True)
    file = options.results / f"rescaled-{options.cell.replace(':', '_')}.json"
    file.write_text(json.dumps(shortened(found), indent=1) + "\n")


if __name__ == "__main__":
    main()
