"""The study's driver: trains and measures one cell after another, each leaves one small JSON file when it is done.

    python examples/go_study/study.py                          # the whole plan; what is there already is skipped
    python examples/go_study/study.py 0.17M:go-0.08:0 …        # single cells, size:recipe:seed
    python examples/go_study/study.py --results mine 0.17M:go-0.08:0     # measured anew, into a folder of one's own

A cell that is interrupted starts again; nothing else is lost. Weights and corpora stay in ``--work`` (not committed).
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import time
from functools import partial
from pathlib import Path

import torch
from corpus import Corpora, corpora
from ladder import SIZES, WINDOW, Size
from measuring import measure
from plan import PLAN
from recipes import RECIPES, Recipe
from safetensors.torch import save_file
from torch import nn
from training import pretrain

import corrie

RESULTS = Path(__file__).parent / "results"


def result_file(cell: str, folder: Path = RESULTS) -> Path:
    """Where a cell's result is kept."""
    return folder / f"{cell.replace(':', '_')}.json"


def train(cell: str, here: Corpora, work: Path, device: str = "cpu") -> nn.Module:
    """A cell's model; its weights are kept in ``work``."""
    size, recipe, seed = parts(cell)
    batches = partial(here.batches, "prose", batch=size.batch, seed=seed)
    model = pretrain(size, recipe, seed, batches, device)
    file = weights_file(cell, work)
    file.parent.mkdir(parents=True, exist_ok=True)
    save_file({n: p.detach() for n, p in model.named_parameters()}, file)
    return model


def parts(cell: str) -> tuple[Size, Recipe, int]:
    """What ``size:recipe:seed`` names."""
    size, recipe, seed = cell.split(":")
    return SIZES[size], RECIPES[recipe], int(seed)


def weights_file(cell: str, work: Path) -> Path:
    """Where a cell's weights are kept."""
    return work / "weights" / f"{cell.replace(':', '_')}.safetensors"


def run(cell: str, here: Corpora, work: Path, device: str = "cpu", folder: Path = RESULTS) -> None:
    """Train and measure one cell, and write its file."""
    size, recipe, seed = parts(cell)
    begin = time.process_time()
    model = train(cell, here, work, device)
    trained = time.process_time()
    result = {
        "size": size.name,
        "recipe": dataclasses.asdict(recipe),
        "seed": seed,
        "tokens_per_pass": size.batch * WINDOW,
        "steps": round(size.steps * recipe.longer) // recipe.passes,
        **measure(model, here, size, seed, recipe.scale),
        "cpu_seconds": {"training": trained - begin, "measuring": time.process_time() - trained},
        "versions": {"corrie": corrie.__version__, "torch": torch.__version__},
        "device": device if device != "cpu" else f"cpu, {torch.get_num_threads()} thread",
    }
    file = result_file(cell, folder)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(shortened(result), indent=1) + "\n")
    basin = result["basin"]
    print(
        f"{cell}: loss {result['loss']:.3f}, score {result['score']:.3f}, radius {basin['sigma']} "
        f"[{basin['sigma_low']}, {basin['sigma_high']}], loss radius {result['loss_radius']['sigma']}, "
        f"rms {result['rms']:.3f}, rounded {result['rounded']}, "
        f"fine-tune {result['fine_tune'][0]['prose']:.3f} → {result['fine_tune'][-1]['prose']:.3f}, code "
        f"{result['fine_tune'][0]['code']:.3f} → {result['fine_tune'][-1]['code']:.3f}, "
        f"{result['cpu_seconds']['training']:.0f} + {result['cpu_seconds']['measuring']:.0f} s",
        flush=True,
    )


def shortened(value: object) -> object:
    """Five significant digits are enough to keep."""
    if isinstance(value, float):
        return float(f"{value:.5g}")
    if isinstance(value, dict):
        return {k: shortened(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [shortened(v) for v in value]
    return value


def main() -> None:
    parser = argparse.ArgumentParser(description="The GO study: what is there already is skipped.")
    parser.add_argument("cells", nargs="*", help="size:recipe:seed; default: the whole plan")
    parser.add_argument("--work", type=Path, default=Path("runs/go_study"))
    parser.add_argument("--results", type=Path, default=RESULTS, help="folder of the cells' files")
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    here = corpora(options.work)
    for cell in options.cells or PLAN:
        if result_file(cell, options.results).is_file():
            print(f"{cell}: there already, {result_file(cell, options.results)}", flush=True)
        else:
            run(cell, here, options.work, folder=options.results)


if __name__ == "__main__":
    main()
