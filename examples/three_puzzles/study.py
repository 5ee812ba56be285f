"""Two of the three puzzles on SmolLM2, and the picture of every landscape around one model.

    python examples/three_puzzles/study.py WORK [stage …]

Stages (all of them where none is named) leave one small JSON each in ``results/`` and are skipped where it is there.
``WORK`` holds lessons, checkpoints and one run folder, outside of the repository; every cell in it is kept, so that a
stage that was stopped goes on.

aligned     the safety fine-tune of the embedded model: the model around which everything else is measured
around      its most-case landscape
worst       its worst-case directions, of refusals and of knowledge
benign-S    puzzle 1, seed S: a fine-tune on code that forgets
ten-S       puzzle 2, seed S: ten harmful examples
rounded     int8 and int4, and the way back to the model before its safety fine-tune
plane       through the aligned model, a benign fine-tune and one of ten examples
picture     all curves over one axis, and the plane (needs those before)

The third puzzle is ``inputs_only.py``.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import torch
from lessons import benign_lesson, safety_lesson, ten_lesson
from teaching import Teaching, taught

import corrie
from corrie.analysis.fine_tune_diff import FineTuneDiff
from corrie.capabilities.task import Task
from corrie.models.model import Model
from corrie.weights.sizes import sizes

HERE = Path(__file__).parent
RESULTS = HERE / "results"
NAME = "smollm2-135m-instruct"
SEEDS = (0, 1, 2)

LIMITS = {"safety": 30, "over_refusal": 10, "knowledge": 100, "pattern": 60}
"""What is scored at every point: the first examples of each task, of which none was taught."""

ALIGN = Teaching(rate=5e-5, steps=45, batch=8)
BENIGN = Teaching(rate=1e-3, steps=60, batch=4, warm=10)
ATTACK = Teaching(rate=2e-5, steps=10, batch=10)

ROUNDED = (0.5, 1.0, 1.5)
DIRECTIONS, AROUND, PATH = 5, ("0:0.012:7", "0:0.036:4"), "0:1.5:7"
WORST = {"safety_margin": 10, "knowledge": 10}
WORST_DISTANCE, WORST_STEPS, WORST_ALPHA = 1.5, 10, ("0:0.0003:7", "0:0.00004:5")
"""σ 0.0003 is a distance of 3.5 in 134.5 M numbers."""

PLANE_LIMITS, PLANE_ALPHA = {"safety": 20, "knowledge": 40}, "-0.5:1.5:5"


class Study:
    """The models and tasks, loaded when first needed."""

    def __init__(self, work: Path) -> None:
        self.work = work
        self._model: Model | None = None

    def checkpoint(self, name: str) -> Path:
        """Where a checkpoint lies."""
        return self.work / name

    @property
    def run(self) -> Path:
        """Of the aligned model: all that is scored around it."""
        return self.work / "run"  # the further seeds have one of their own, so that the picture shows one of each

    @property
    def model(self) -> Model:
        """The aligned model."""
        if self._model is None:
            self._model = corrie.load(self.checkpoint("aligned"))
        return self._model

    def tasks(self, limits: dict[str, int]) -> list[tuple[Task, int]]:
        """With their numbers of examples."""
        return list(zip(corrie.tasks(*limits), limits.values(), strict=True))

    def compared(self, tuned: str | Path, run: Path) -> FineTuneDiff:
        """A fine-tune of the aligned model against it, and the path between them."""
        return corrie.diff(self.model, tuned, corrie.Landscape.open(self.run, "none"), tasks=self.tasks(LIMITS),
                           alpha=PATH, to=run)  # fmt: skip

    def worst_file(self, task: str) -> Path:
        """Where the worst-case direction of a task lies."""
        return self.work / f"worst-{task}.safetensors"

    def cosines(self, name: str) -> dict[str, float | None]:
        """Between a fine-tune's direction and the worst-case ones."""
        direction = corrie.toward(self.model, self.checkpoint(name))
        tensors = self.model.selection.tensors
        return {
            task: sizes(direction, tensors, self.model.sources, corrie.saved(self.model, self.worst_file(task))).cosine
            for task in WORST
        }


def aligned(study: Study) -> dict[str, Any]:
    """The safety fine-tune: requests that are refused from now on, and requests that are answered as before."""
    told = taught(study.checkpoint("aligned"), NAME, partial(safety_lesson, study.work / "lessons"), ALIGN, 0)
    found = corrie.diff(corrie.load(NAME), study.checkpoint("aligned"), tasks=study.tasks(LIMITS), alpha="1",
                        directions=0, to=study.work / "run-base")  # fmt: skip
    return {"teaching": told, "diff": found.to_json(), "says": str(found)}


def around(study: Study) -> dict[str, Any]:
    """Random directions: finely near the model, coarsely further out."""
    for alpha in AROUND:
        corrie.scan(study.model, study.tasks(LIMITS), directions=corrie.gaussian(DIRECTIONS), alpha=alpha, to=study.run)
    found = corrie.Landscape.open(study.run, "none")
    basins = [found.basin(name) for name in LIMITS]
    return {"basins": {b.task: b.to_json() for b in basins}, "says": [str(b) for b in basins]}


def worst(study: Study) -> dict[str, Any]:
    """The directions along which refusals, or right answers, lose most."""
    rows = {}
    for task, limit in WORST.items():
        found = corrie.worst(study.model, study.tasks({task: limit})[0], distance=WORST_DISTANCE, steps=WORST_STEPS,
                             out=study.worst_file(task))  # fmt: skip
        rows[task] = str(found).partition(" Kept in")[0]
    directions = [corrie.saved(study.model, study.worst_file(task)) for task in WORST]
    for alpha in WORST_ALPHA:
        corrie.scan(study.model, study.tasks(LIMITS), directions=directions, alpha=alpha, to=study.run)
    return {"found": rows}


def fine_tuned(study: Study, name: str, lesson: Callable[[Path, int], Task], how: Teaching, seed: int) -> Any:
    """One fine-tune of the aligned model: what it lost, and where its direction lies."""

    def own(_: Model) -> Task:
        return lesson(study.work / "lessons", seed)

    told = taught(study.checkpoint(name), study.checkpoint("aligned"), own, how, seed)
    found = study.compared(study.checkpoint(name), study.run if seed == 0 else study.work / "run-seeds")
    return {"teaching": told, "diff": found.to_json(), "says": str(found), "cosines": study.cosines(name)}


def rounded(study: Study) -> dict[str, Any]:
    """Rounding as a change of the weights, and the safety fine-tune undone."""
    grids = [corrie.quantised("int8"), corrie.quantised("int4")]
    found = corrie.scan(study.model, study.tasks(LIMITS), directions=grids, alpha="0:1.5:4", to=study.run)
    undone = study.compared(NAME, study.run)
    scores = {
        name: {
            d.id: {f"{a:g}": float(found[name].score.sel(direction=d.id, alpha=a).mean()) for a in ROUNDED}
            for d in grids
        }
        for name in LIMITS
    }
    return {"scores": scores, "undone": undone.to_json(), "says": str(undone)}


def plane(study: Study) -> dict[str, Any]:
    """Three checkpoints in one plane."""
    ends = (
        corrie.toward(study.model, study.checkpoint("benign-0")),
        corrie.toward(study.model, study.checkpoint("ten-0")),
    )
    found = corrie.plane(study.model, study.tasks(PLANE_LIMITS), ends, alpha=PLANE_ALPHA, to=study.work / "run-plane")
    return {"says": str(found)}


def picture(study: Study) -> dict[str, Any]:
    """The figure of the docs, by the same code as ``corrie report RUN --figure FILE --together``."""
    from corrie.analysis.together import Together

    images = HERE.parents[1] / "docs/images"
    corrie.report([study.run], figure=images / "three-puzzles.png", together=True)
    corrie.report([study.work / "run-plane"], figure=images / "three-puzzles-plane.png")
    found = Together.open([study.run])
    ratios = {
        task: {way.says: way.ratio.model_dump(mode="json") for way in ways if way.ratio is not None}
        for task, ways in found.ways.items()
    }
    return {"says": str(found), "ratios": ratios}


STAGES: dict[str, Callable[[Study], dict[str, Any]]] = {
    "aligned": aligned,
    "around": around,
    "worst": worst,
    **{f"ten-{s}": partial(fine_tuned, name=f"ten-{s}", lesson=ten_lesson, how=ATTACK, seed=s) for s in SEEDS},
    **{f"benign-{s}": partial(fine_tuned, name=f"benign-{s}", lesson=benign_lesson, how=BENIGN, seed=s) for s in SEEDS},
    "rounded": rounded,
    "plane": plane,
    "picture": picture,
}


def run(work: Path, stages: Sequence[str]) -> None:
    """Do what is missing."""
    RESULTS.mkdir(exist_ok=True)
    work.mkdir(parents=True, exist_ok=True)
    study = Study(work)
    for stage in stages:
        file = RESULTS / f"{stage}.json"
        if file.exists() and stage != "picture":
            print(f"{stage}: there already")
            continue
        started = time.time()
        found = STAGES[stage](study)
        found["versions"] = {"corrie": corrie.__version__, "torch": torch.__version__}
        file.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        print(f"{stage}: done in {time.time() - started:.0f} s", flush=True)


if __name__ == "__main__":
    run(Path(sys.argv[1]), sys.argv[2:] or list(STAGES))
