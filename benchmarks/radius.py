"""What does one radius cost? Looking where it tells most, against a fixed grid and a grid scored a row per option.

    python benchmarks/radius.py [--task knowledge] [--precision 3] [--directions 8] [--examples 40] [--to radius.json]

One capability of SmolLM2-135M-Instruct, float32, one thread, one process; CPU time. Three ways to its radius at
retention 0.8:

adaptive  ``alpha="auto"``, to ``--precision``: blocks of ten where they take most off the interval. What it knew and
          had spent after each round is noted, so that a grid is compared with the first round that knew as much
grid      21 steps from the unmoved model to two and a half times the radius that is known by then, so a grid that
          looks in the right place; a tree of tokens for each block. Its cells are read by the same estimator, and with
          the interval that assumes no shape (crossed)
rows      the same grid as usual code scores it (Li et al., VISAGE): every option a row of its own, all logits, weights
          set by adding a scaled direction. Two of its 21 points are scored on ``--asked`` questions and multiplied: a
          point costs the same wherever it lies. With one direction and 100 examples, which says nothing of other
          directions; and with as many as the grid
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple, TypeVar

import torch
from scoring import Listening, row_per_option

import corrie
from corrie.capabilities.task import Task
from corrie.models.model import Model
from corrie.records.cell import Cell
from corrie.records.point import Point
from corrie.records.sqlite_store import SqliteStore
from corrie.records.store import Realised
from corrie.scanning.plans.auto import AutoPlan
from corrie.scanning.plans.edges import natural_step
from corrie.scanning.work import Known
from corrie.stats import basin_radius
from corrie.stats.dose_response import ScoredBlocks, dose_response

RETENTION, POINTS, ROW_EXAMPLES, BLOCK = 0.8, 21, 100, 10

Found = TypeVar("Found")


class Clock:
    """A scan's CPU seconds, by what they were spent on."""

    def __init__(self) -> None:
        self.spent: defaultdict[str, float] = defaultdict(float)
        self.count: defaultdict[str, int] = defaultdict(int)
        self.so_far: list[float] = []
        self._began = self._last = time.process_time()
        self._directions: set[str] = set()

    def begins(self, done: int, expected: int) -> None:
        self._note("planned")
        self.so_far.append(self._last - self._began)

    def arrives(self, point: Point, realised: Realised) -> None:
        new = {step.direction.id for step in point.steps} - self._directions
        self._directions |= new
        self._note("drawn and set" if new else "set")

    def acknowledges(self, cell: Cell) -> None:
        self._note("scored")

    def _note(self, what: str) -> None:
        now = time.process_time()
        self.spent[what] += now - self._last
        self.count[what] += 1
        self._last = now


class Round(NamedTuple):
    """What was known: upper over lower limit, from so many outcomes, for so many CPU seconds."""

    evaluations: int
    cpu_seconds: float
    ratio: float
    method: str


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--task", default="knowledge")
    options.add_argument("--precision", type=float, default=3.0)
    options.add_argument("--directions", type=int, default=8)
    options.add_argument("--examples", type=int, default=40)
    options.add_argument("--asked", type=int, default=20)
    options.add_argument("--to", type=Path)
    options = options.parse_args()
    torch.set_num_threads(1)
    model = corrie.load("smollm2-135m-instruct")
    (task,) = corrie.tasks(options.task)
    task.score(model.reader(), 0, BLOCK)  # what is made once in a process is made before anything is measured
    result: dict[str, object] = {"task": task.identity.name, "retention": RETENTION, "precision": options.precision}

    def say(name: str, found: object) -> None:
        result[name] = found
        print(json.dumps({name: found}), flush=True)
        if options.to:
            options.to.write_text(json.dumps(result, indent=2) + "\n")

    rounds, radius, clock = adaptively(model, task, options.precision)
    say("adaptive", {"sigma": radius, "rounds": [shown(each) for each in rounds], **spent(clock)})
    size = (options.directions, options.examples)
    grid, crossed, clock = on_a_grid(model, task, 2.5 * radius, *size)
    say("grid", {**shown(grid), "crossed": finite(crossed), **spent(clock)})
    rows = in_rows(model, task, 2.5 * radius, options.asked)
    say("rows", rows)
    say("table", table(rounds, grid, size, rows))


def adaptively(model: Model, task: Task, precision: float) -> tuple[list[Round], float, Clock]:
    """The plan's own way, round by round; the radius, for the grids."""
    clock, run = Clock(), Path(tempfile.mkdtemp())
    terms = {"alpha": "auto", "precision": precision, "retention": RETENTION, "agreement": False}
    taken, _ = timed(lambda: corrie.scan(model, [(task, ROW_EXAMPLES)], watch=clock, to=run, **terms))
    with SqliteStore.open(run) as store:
        ((spec, _),) = store.specs()
        known = Known(store.cells())
    plan = AutoPlan(natural_step(model.identity, "none"), {task.identity.id: task.identity.chance})
    (pursuit,) = plan.follow(spec, known)
    costs = [*clock.so_far[2:], taken]  # the plan is asked before the unmoved model, and before each round
    rounds = []
    for found, seconds in zip(pursuit.found, costs, strict=True):
        radius = found.radius(RETENTION)
        unmoved = min(ROW_EXAMPLES, max(found.evaluations, 10 * BLOCK))
        rounds.append(Round(found.evaluations + unmoved, seconds, radius.ratio, radius.method))
    sigma = pursuit.found[-1].radius(RETENTION).sigma
    assert sigma is not None
    return rounds, sigma, clock


def on_a_grid(model: Model, task: Task, high: float, directions: int, examples: int) -> tuple[Round, float, Clock]:
    """The whole grid, and what it says: by the same estimator, and assuming no shape."""
    clock = Clock()
    steps = f"0:{high:.3g}:{POINTS}"
    taken, landscape = timed(
        lambda: corrie.scan(
            model, [(task, examples)], directions=corrie.gaussian(directions), alpha=steps, watch=clock
        )
    )  # fmt: skip
    block, chance = landscape.block(task.identity.name), task.identity.chance
    before, sigmas = block.unmoved.score, block.axes[1].values
    moved, sigmas = block.moved.score[:, sigmas > 0], sigmas[sigmas > 0]
    found = dose_response(
        ScoredBlocks.crossed(sigmas, before, moved), right=float(before.sum()), known=before.size, chance=chance,
        retentions=(RETENTION,),
    ).radius(RETENTION)  # fmt: skip
    plain = basin_radius(sigmas, before, moved, chance=chance, retention=RETENTION)
    evaluations = examples * (1 + directions * (POINTS - 1))
    crossed = plain.high / plain.low if plain.low else math.inf
    return Round(evaluations, taken, found.ratio, found.method), crossed, clock


def in_rows(model: Model, task: Task, high: float, examples: int) -> dict[str, float]:
    """CPU seconds of drawing a direction, of setting a point, and of one question, a row per option."""
    asked = Listening(model)
    for start in range(0, examples, BLOCK):
        task.score(asked, start, start + BLOCK)
    questions = [question for several, _ in asked.asked for question in several]
    tensors = {name: tensor.data for name, tensor in model.selection.tensors.items()}
    pristine = {name: tensor.clone() for name, tensor in tensors.items()}
    draws = torch.Generator().manual_seed(0)
    drawing, noise = timed(lambda: {n: torch.randn(t.shape, generator=draws) for n, t in tensors.items()})
    setting, scoring = [], []
    try:
        for share in (0.1, 0.9):

            def move(share: float = share) -> None:
                for name, tensor in tensors.items():
                    tensor.copy_(pristine[name]).add_(noise[name], alpha=share * high)

            setting.append(timed(move)[0])
            scoring.append(timed(lambda: row_per_option(model, questions))[0])
    finally:
        for name, tensor in tensors.items():
            tensor.copy_(pristine[name])
    return {
        "draw": drawing,
        "set": statistics.mean(setting),
        "question": statistics.mean(scoring) / len(questions),
        "questions_timed": len(questions),
        "points_timed": len(scoring),
    }


def table(rounds: list[Round], grid: Round, size: tuple[int, int], rows: dict[str, float]) -> list[dict[str, object]]:
    """One line for each way: evaluations, CPU seconds, interval, and how many times the adaptive plan's time: all of
    it, and until it knew as much as the grid."""
    equal = next((each for each in rounds if each.ratio <= grid.ratio), rounds[-1])

    def line(way: str, found: Round) -> dict[str, object]:
        return {
            "way": way, **shown(found), "times_adaptive": round(found.cpu_seconds / rounds[-1].cpu_seconds, 1),
            "times_equal": round(found.cpu_seconds / equal.cpu_seconds, 1),
        }  # fmt: skip

    def in_rows(directions: int, examples: int, ratio: float) -> Round:
        points = 1 + directions * (POINTS - 1)
        seconds = directions * rows["draw"] + points * (rows["set"] + examples * rows["question"])
        return Round(points * examples, seconds, ratio, "")

    timed = f"{rows['points_timed']:g} of {POINTS} points timed, {rows['questions_timed']:g} questions at each"
    return [
        line("adaptive", rounds[-1]),
        line("adaptive, until it knew as much as the grid", equal),
        line(f"grid, {size[0]} directions × {POINTS} points × {size[1]} examples", grid),
        line(f"the same, rows ({timed})", in_rows(*size, grid.ratio)),
        line(f"rows, 1 direction × {POINTS} points × {ROW_EXAMPLES} examples", in_rows(1, ROW_EXAMPLES, math.inf)),
    ]


def shown(found: Round) -> dict[str, object]:
    """As plain data."""
    said: dict[str, object] = {
        "evaluations": found.evaluations,
        "cpu_seconds": round(found.cpu_seconds, 1),
        "ratio": finite(found.ratio),
    }
    return said | ({"method": found.method} if found.method else {})


def finite(ratio: float) -> float | None:
    """None where a limit is missing."""
    return round(ratio, 2) if math.isfinite(ratio) else None


def timed(way: Callable[[], Found]) -> tuple[float, Found]:
    """CPU seconds, and what was found."""
    started = time.process_time()
    found = way()
    return time.process_time() - started, found


def spent(clock: Clock) -> dict[str, object]:
    """What the seconds were spent on, and how often."""
    return {"spent": {what: [clock.count[what], round(seconds, 1)] for what, seconds in clock.spent.items()}}


if __name__ == "__main__":
    main()
