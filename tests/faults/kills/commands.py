"""A small command line of every command that writes, and what it needs, made once."""

from __future__ import annotations

from pathlib import Path
from typing import Any


def make_world(place: Path) -> dict[str, Path]:
    """A toy, a fine-tune of it, a task, a certificate with an adapter in its subspace, and two runs."""
    import corrie
    from corrie.testing.toy_models import byte_tokenizer, save_toy, toy_model, toy_module
    from corrie.testing.toy_tasks import save_toy_task
    from corrie.weights.noise import gaussian_noise
    from corrie.weights.selection import named_parameters

    place.mkdir(parents=True)
    toy = save_toy(place / "toy")
    model = toy_model()
    task = save_toy_task(place / "letters.jsonl", model)
    module: Any = toy_module()
    import torch

    for name, parameter in named_parameters(module).items():
        moved = gaussian_noise(99, name, parameter.numel())
        parameter.data += 0.3 * torch.from_numpy(moved).reshape(parameter.shape)
    module.save_pretrained(place / "tuned")
    byte_tokenizer().save_pretrained(place / "tuned")
    (made,) = corrie.tasks(str(task))
    loaded = corrie.load(toy)
    terms: Any = {"subspace": "core:all:1", "sigma": 0.05, "draws": 60, "selection_draws": 5, "seeds": 500}
    corrie.certify(loaded, [(made, 10)], **terms, to=place / "certified")
    (certificate,) = (place / "certified").glob("certificate-*.json")
    adapter = corrie.smoothed(model, ("core:all:1", 1.0)).save(place / "adapter", seed=1)
    small = corrie.smoothed(model, ("core:all:1", 0.02)).save(place / "small", seed=1)
    for name, first in (("one", 0), ("two", 10)):
        seeds = range(first, first + 6)
        corrie.scan(loaded, [(made, 20)], directions=corrie.gaussian(seeds=seeds), alpha="0:0.4:6", to=place / name)
    return {
        "toy": toy,
        "tuned": place / "tuned",
        "task": task,
        "certificate": certificate,
        "adapter": adapter,
        "small": small,
        "one": place / "one",
        "two": place / "two",
    }


def command_lines(world: dict[str, Path]) -> dict[str, list[str]]:
    """Name → words. Whatever is written lies in the working folder."""
    toy, tuned, task, one, two = (str(world[name]) for name in ("toy", "tuned", "task", "one", "two"))
    certificate, adapter, small = (str(world[name]) for name in ("certificate", "adapter", "small"))
    run = ["--to", "run"]
    terms = ["--sigma", "0.02", "--draws", "40", "--selection-draws", "6"]
    return {
        "scan": ["scan", toy, "-t", f"{task}:20", "--direction", "gaussian:0-1", "--alpha", "0:0.4:8", *run],
        "plane": ["plane", toy, "-t", f"{task}:10", "--alpha", "0:0.2:4", *run],
        "fraction": ["fraction", toy, "-t", f"{task}:20", "--sigma", "0.0001", "--at-least", "0.8",
                     "--confidence", "0.8", *run],
        "certify": ["certify", toy, "-t", f"{task}:20", "--subspace", "adapter:q_proj:1", *terms, *run],
        "generalise": ["generalise", toy, small, "-t", f"{task}:40", "--subspace", "core:all:1", "--sigma", "0.05",
                       "--draws", "40", "--confidence", "0.9", *run],
        "inputs": ["inputs", toy, "-t", f"{task}:10", "--kernel", "embedding:0.05", "--draws", "20", *run],
        "diff": ["diff", toy, tuned, "-t", f"{task}:20", *run],
        "retract": ["retract", toy, tuned, "-t", f"{task}:20", "--tolerance", "0.3", "--out", "out", *run],
        "protect": ["protect", toy, "-t", f"{task}:20", "--out", "out", *terms, "--prompts", "10"],
        "widen": ["widen", toy, "-t", f"{task}:10", "--factor", "1", "--steps", "12", "--windows", "2", "--window", "8",
                  "--written", "4", "--most", "16", "--out", "out"],
        "draw": ["draw", certificate, adapter, "--model", toy, "--count", "8", "--seed", "7", "--out", "out"],
        "project": ["project", adapter, "--certificate", certificate, "--model", toy, "--radius", "0.5",
                    "--out", "out"],
        "worst": ["worst", toy, "-t", f"{task}:20", "--distance", "0.5", "--steps", "10",
                  "--out", "worst.safetensors"],
        "report": ["report", one, two, "--out", "report.html", "--figure", "figure.svg"],
        "export": ["export", one, "--out", "table.csv"],
        "compare": ["compare", one, two, "--figure", "figure.svg"],
    }  # fmt: skip
