"""Make small run folders, one of each kind, with whichever version of corrie is installed:

python tests/data/runs/make.py tests/data/runs/VERSION
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Any

import corrie
from corrie.capabilities import graded_choice
from corrie.records.model import SelectionSpec
from corrie.testing.toy_models import save_toy, toy_model
from corrie.testing.toy_tasks import toy_choice


class World:
    """What the questions are about: a toy model with few tensors that move, a task, and two fine-tunes."""

    def __init__(self, place: Path) -> None:
        selection = SelectionSpec(include=("*q_proj*", "*down_proj*"))
        self.model = toy_model(selection=selection)
        self.tasks: Any = [(toy_choice(self.model, size=20), 10)]
        self.tuned = save_toy(place / "tuned", seed=1)
        self.core = corrie.smoothed(self.model, ("core:all:1", 1.0)).save(place / "core", seed=3)

    def ask(self, kind: str, to: Path, **how: Any) -> Any:
        """The question of a kind, in a run folder."""
        model, tasks, two = self.model, self.tasks, corrie.gaussian(2)
        small: dict[str, Any]
        match kind:
            case "scan":
                return corrie.scan(model, tasks, directions=two, alpha="0:0.4:3", to=to, **how)
            case "plane":
                return corrie.plane(model, tasks, (two[0], two[1]), alpha="-0.4:0.4:3", to=to, **how)
            case "path":
                path = corrie.toward(model, self.tuned)
                return corrie.scan(model, tasks, directions=[path], alpha="0:1:3", to=to, **how)
            case "fraction":
                return corrie.fraction(model, tasks, sigma=0.001, at_least=0.5, confidence=0.9, to=to, **how)
            case "certificate":
                small = {"subspace": "adapter:q_proj:1", "sigma": 0.05, "draws": 20, "selection_draws": 4}
                return corrie.certify(model, tasks, distance=0.01, to=to, **small, **how)
            case "graded":
                graded: Any = [(graded_choice.graded(tasks[0][0]), 10)]
                small = {"subspace": "adapter:q_proj:1", "sigma": 0.05, "draws": 20, "selection_draws": 4}
                return corrie.certify(model, graded, distance=0.01, to=to, **small, **how)
            case "generalisation":
                small = {"subspace": "core:all:1", "sigma": 0.25, "draws": 4, "confidence": 0.9}
                return corrie.generalise(model, self.core, tasks, to=to, **small, **how)
            case "inputs":
                small = {"draws": 10, "selection": 3, "to": to}
                tokens = corrie.certify_inputs(model, tasks[0], kernel="absorbing:0.5", **small, **how)
                return tokens, corrie.certify_inputs(model, tasks[0], kernel="embedding:0.05", **small, **how)
            case "diff":
                small = {"alpha": "0:1:3", "directions": 2, "worst": "search", "to": to}
                return corrie.diff(model, self.tuned, tasks=tasks, **small, **how)
            case "retraction":
                return corrie.retract(model, self.tuned, tasks, tolerance=0.3, to=to, **how)
        raise ValueError(kind)


KINDS = ("scan", "plane", "path", "fraction", "certificate", "graded", "generalisation", "inputs", "diff", "retraction")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as work:
        world = World(Path(work))
        for kind in KINDS:
            world.ask(kind, Path(sys.argv[1]) / kind)
