"""What does one radius cost? Looking where it tells most, against a fixed grid and a grid scored a row per option.

    python benchmarks/radius.py [--task knowledge] [--precision 3] [--directions 8] [--examples 30] [--to radius.json]

One capability of SmolLM2-135M-Instruct, float32, one thread, one process; CPU time. Three ways to its radius at
retention 0.8:

adaptive  ``alpha="auto"``, to ``--precision``: blocks of ten where they take most off the interval
grid      21 steps from the unmoved model to two and a half times the radius that is known by then, so a grid that
          looks in the right place; a tree of tokens for each block. Its cells are read by the same estimator, for
          several choices of its directions and for fewer examples; the smallest part of it whose interval is as narrow
          counts, at the cost of drawing, setting and scoring that part
rows      the same grid as usual code scores it (Li et al., VISAGE): along one direction with all 100 examples, every
          option a row of its own, all logits, weights set by adding a scaled direction. Two of its 21 points are
          scored on ``--asked`` questions and multiplied: a point costs the same wherever it lies. One direction
          says nothing of others; so the smallest part of the grid whose interval is as narrow is priced in rows, too
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
import time
from collections import defaultdict
from collections.abc import Callable
from itertools import combinations
from pathlib import Path
from typing import NamedTuple, TypeVar

import torch
from scoring import Listening, row_per_option

import corrie
from corrie.analysis.block import Block
from corrie.capabilities.task import Task
from corrie.models.model import Model
from corrie.records.cell import Cell
from corrie.records.point import Point
from corrie.records.store import Realised
from corrie.stats import basin_radius
from corrie.stats.dose_response import ScoredBlocks, dose_response

RETENTION, POINTS, ROW_EXAMPLES, BLOCK, CHOICES = 0.8, 21, 100, 10, 7

Found = TypeVar("Found")


class Clock:
    """A scan's CPU seconds, by what they were spent on."""

    def __init__(self) -> None:
        self.spent: defaultdict[str, float] = defaultdict(float)
        self.count: defaultdict[str, int] = defaultdict(int)
        self._last = time.process_time()
        self._directions: set[str] = set()

    def begins(self, done: int, expected: int) -> None:
        self._note("planned")

    def arrives(self, point: Point, realised: Realised) -> None:
        new = {step.direction.id for step in point.steps} - self._directions
        self._directions |= new
        self._note("drawn and set" if new else "set")

    def acknowledges(self, cell: Cell) -> None:
        self._note("scored")

    def each(self, what: str) -> float:
        """Seconds of one."""
        return self.spent[what] / self.count[what]

    def _note(self, what: str) -> None:
        now = time.process_time()
        self.spent[what] += now - self._last
        self.count[what] += 1
        self._last = now


class Part(NamedTuple):
    """So many directions and examples of the grid, and upper over lower limit of what they say: the median over
    several choices of so many directions."""

    directions: int
    examples: int
    ratio: float
    crossed: float

    @property
    def evaluations(self) -> int:
        return self.examples * (1 + self.directions * (POINTS - 1))

    @property
    def shown(self) -> dict[str, float | None]:
        """As plain data; None where a limit is missing."""
        return {name: round(value, 2) if math.isfinite(value) else None for name, value in self._asdict().items()}


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--task", default="knowledge")
    options.add_argument("--precision", type=float, default=3.0)
    options.add_argument("--directions", type=int, default=8)
    options.add_argument("--examples", type=int, default=30)
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

    adaptive, radius = adaptively(model, task, options.precision)
    say("adaptive", adaptive)
    clock, parts = on_a_grid(model, task, 2.5 * radius, options.directions, options.examples)
    say("grid", {"parts": [part.shown for part in parts], **spent(clock)})
    point = in_rows(model, task, 2.5 * radius, options.asked)
    say("rows", point)
    say("table", table(adaptive, clock, parts, point))


def adaptively(model: Model, task: Task, precision: float) -> tuple[dict[str, object], float]:
    """The plan's own way; and the radius, for the grids."""
    clock = Clock()
    taken, landscape = timed(
        lambda: corrie.scan(
            model, [(task, ROW_EXAMPLES)], alpha="auto", precision=precision, retention=RETENTION, agreement=False,
            watch=clock,
        )
    )  # fmt: skip
    found = next(r for r in landscape.basin(task.identity.name).radii if r.retention == RETENTION)
    scored = landscape.block(task.identity.name)
    outcomes = sum(int((block.label >= 0).sum()) for block in (scored.moved, scored.unmoved))
    assert found.sigma is not None
    return {
        "evaluations": outcomes, "cpu_seconds": round(taken, 1), "sigma": found.sigma, "low": found.low,
        "high": found.high, "ratio": round(found.high / found.low, 2), "method": found.method, **spent(clock),
    }, found.sigma  # fmt: skip


def on_a_grid(model: Model, task: Task, high: float, directions: int, examples: int) -> tuple[Clock, list[Part]]:
    """The whole grid, and what its parts say."""
    clock = Clock()
    landscape = corrie.scan(
        model, [(task, examples)], directions=corrie.gaussian(directions), alpha=f"0:{high:.3g}:{POINTS}", watch=clock
    )
    block = landscape.block(task.identity.name)
    return clock, [
        read(block, number, size) for number in range(1, directions + 1) for size in range(BLOCK, examples + 1, BLOCK)
    ]


def read(block: Block, directions: int, examples: int) -> Part:
    """What so many directions say, with the first examples: the median of several choices."""
    before, chance = block.unmoved.score[:examples], block.task.chance
    sigmas = block.axes[1].values
    moved, sigmas = block.moved.score[:, sigmas > 0, :examples], sigmas[sigmas > 0]
    fitted, crossed = [], []
    every = list(combinations(range(len(moved)), directions))
    for chosen in every[:: -(-len(every) // CHOICES)]:
        few = moved[list(chosen)]
        if before.mean() <= chance:
            return Part(directions, examples, math.inf, math.inf)
        found = dose_response(
            ScoredBlocks.crossed(sigmas, before, few), right=float(before.sum()), known=before.size, chance=chance,
            retentions=(RETENTION,),
        ).radius(RETENTION)  # fmt: skip
        fitted.append(found.high / found.low if found.low else math.inf)
        plain = basin_radius(sigmas, before, few, chance=chance, retention=RETENTION)
        crossed.append(plain.high / plain.low if plain.low else math.inf)
    return Part(directions, examples, statistics.median_high(fitted), statistics.median_high(crossed))


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


def table(
    adaptive: dict[str, object], clock: Clock, parts: list[Part], rows: dict[str, float]
) -> list[dict[str, object]]:
    """One line for each way: evaluations, CPU seconds, interval, and how many times the adaptive plan's time."""
    taken, ratio = float(str(adaptive["cpu_seconds"])), float(str(adaptive["ratio"]))

    def line(way: str, evaluations: float, seconds: float, interval: float | None) -> dict[str, object]:
        return {
            "way": way, "evaluations": round(evaluations), "cpu_seconds": round(seconds, 1), "ratio": interval,
            "times_adaptive": round(seconds / taken, 1),
        }  # fmt: skip

    def on_grid(directions: float, examples: int) -> float:
        setting, first = clock.each("set"), clock.each("drawn and set")
        scoring = clock.each("scored") / BLOCK
        return directions * (first + (POINTS - 2) * setting) + evaluations(directions, examples) * scoring

    def evaluations(directions: float, examples: int) -> float:
        return examples * (1 + directions * (POINTS - 1))

    def in_rows(directions: float, examples: int) -> float:
        return (
            directions * (rows["draw"] + (POINTS - 1) * rows["set"])
            + evaluations(directions, examples) * rows["question"]
        )

    found = [line("adaptive", int(str(adaptive["evaluations"])), taken, ratio)]
    for kind, narrow in (("fitted", lambda p: p.ratio), ("crossed", lambda p: p.crossed)):
        part = narrowest(parts, ratio, narrow)
        if part is None:
            continue
        reached = narrow(part) <= ratio
        # where no part is as narrow, directions are added: an interval narrows with the root of their number
        more = 1.0 if reached else (math.log(narrow(part)) / math.log(ratio)) ** 2
        directions, examples = math.ceil(part.directions * more), part.examples
        said = f"{directions} directions × {POINTS} points × {examples} examples, {kind}"
        said += "" if reached else " (extrapolated)"
        shown = round(narrow(part), 2) if reached else ratio
        found.append(line(f"grid, {said}", evaluations(directions, examples), on_grid(directions, examples), shown))
        found.append(line(f"rows, {said}", evaluations(directions, examples), in_rows(directions, examples), shown))
    found.append(
        line(
            f"rows, 1 direction × {POINTS} points × {ROW_EXAMPLES} examples "
            f"({rows['points_timed']:g} of {POINTS} points timed, with {rows['questions_timed']:g} questions each)",
            evaluations(1, ROW_EXAMPLES), in_rows(1, ROW_EXAMPLES), None,
        )
    )  # fmt: skip
    return found


def narrowest(parts: list[Part], ratio: float, narrow: Callable[[Part], float]) -> Part | None:
    """The part with the fewest evaluations that is as narrow; else the one that comes nearest; None where none has two
    ends."""
    there = [part for part in parts if part.evaluations and math.isfinite(narrow(part))]
    enough = [part for part in there if narrow(part) <= ratio]
    if enough:
        return min(enough, key=lambda part: part.evaluations)
    return min(there, key=narrow) if there else None


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
