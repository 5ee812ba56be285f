"""The study's driver: trains and measures one cell after another, each leaves one small JSON file when it is done.

    python examples/go_study/study.py                          # the whole plan; what is there already is skipped
    python examples/go_study/study.py 0.17M:go-0.08:0 …        # single cells, size:recipe:seed

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
from ladder import SIZES, WINDOW
from measuring import measure
from plan import PLAN
from recipes import RECIPES
from safetensors.torch import save_file
from training import pretrain

import corrie

RESULTS = Path(__file__).parent / "results"


def result_file(cell: str, folder: Path = RESULTS) -> Path:
    """Where a cell's result is kept."""
    return folder / f"{cell.replace(':', '_')}.json"


def run(cell: str, here: Corpora, work: Path, device: str = "cpu") -> None:
    """Train and measure one cell, and write its file."""
    size_name, recipe_name, seed_text = cell.split(":")
    size, recipe, seed = SIZES[size_name], RECIPES[recipe_name], int(seed_text)
    begin = time.process_time()
    batches = partial(here.batches, "prose", batch=size.batch, seed=seed)
    model = pretrain(size, recipe, seed, batches, device)
    trained = time.process_time()
    result = {
        "size": size.name,
        "recipe": dataclasses.asdict(recipe),
        "seed": seed,
        "tokens_per_pass": size.batch * WINDOW,
        "steps": round(size.steps * recipe.longer) // recipe.passes,
        **measure(model, here, size, seed),
        "cpu_seconds": {"training": trained - begin, "measuring": time.process_time() - trained},
        "versions": {"corrie": corrie.__version__, "torch": torch.__version__},
        "device": device if device != "cpu" else f"cpu, {torch.get_num_threads()} thread",
    }
    folder = work / "weights"
    folder.mkdir(parents=True, exist_ok=True)
    save_file({n: p.detach() for n, p in model.named_parameters()}, folder / f"{cell.replace(':', '_')}.safetensors")
    file = result_file(cell)
    file.parent.mkdir(exist_ok=True)
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
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    here = corpora(options.work)
    for cell in options.cells or PLAN:
        if not result_file(cell).is_file():
            run(cell, here, options.work)


if __name__ == "__main__":
    main()
