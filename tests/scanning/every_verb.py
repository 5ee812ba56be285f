"""A small question by every verb that scores."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import corrie
from corrie.models.model import Model


def answer(verb: str, model: Model, tasks: list[Any], tuned: Path, core: Path, engine: str) -> Any:
    """A small question by a verb."""
    two = corrie.gaussian(2)
    match verb:
        case "scan":
            found = corrie.scan(model, tasks, directions=two, alpha="0:0.1:2", engine=engine)
            return found.curve("toy")
        case "plane":
            return corrie.plane(model, tasks, (two[0], two[1]), alpha="0:0.1:2", engine=engine).to_json()
        case "fraction":
            return corrie.fraction(model, tasks, sigma=0.001, at_least=0.5, confidence=0.5, engine=engine)
        case "certify":
            terms: Any = {"subspace": "adapter:q_proj:1", "sigma": 0.05, "draws": 4, "selection_draws": 2, "rows": 2}
            return corrie.certify(model, tasks, engine=engine, **terms).text()
        case "certify weights":
            return corrie.certify(model, tasks, sigma=0.05, draws=2, selection_draws=2, engine=engine).text()
        case "generalise":
            terms = {"subspace": "core:all:1", "sigma": 0.25, "draws": 2}
            return corrie.generalise(model, core, tasks, engine=engine, **terms).to_json()
        case "diff":
            terms = {"tasks": tasks, "alpha": "0:1:2", "directions": 0}
            return corrie.diff(model, tuned, engine=engine, **terms).to_json()
        case "retract":
            return corrie.retract(model, tuned, tasks, tolerance=0.3, engine=engine).to_json()
        case "certify_inputs":
            return corrie.certify_inputs(model, tasks[0], draws=2, selection=1, engine=engine).to_json()
    raise ValueError(verb)


VERBS = ("scan", "plane", "fraction", "certify", "certify weights", "generalise", "diff", "retract", "certify_inputs")
