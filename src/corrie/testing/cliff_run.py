"""A run that looks like a real one, made in a moment: plateaus, cliffs, collapse, and hostile model text.

Everything that reads a run (landscape, report, export, command line) can be tried on it without a model.

The law: along direction i with capability radius R_c, example j of an able model answers right while
σ < e_ij = R_c · exp(0.06 z_i + 0.18 z_ij), z standard normal, and guesses beyond it; its loss rises smoothly with σ
long before the answer flips, as the loss of a real model does.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from corrie.records.cell import Cell, Label, Outcome
from corrie.records.direction import Direction, Normalisation, gaussian
from corrie.records.memory_store import MemoryStore
from corrie.records.model import ModelIdentity, SelectionSpec
from corrie.records.point import Point
from corrie.records.scan_spec import AlphaGrid, ScanSpec, TaskRequest
from corrie.records.scoring import Scoring
from corrie.records.store import Realised, RunIdentity, Store
from corrie.records.task import ExampleCard, TaskIdentity


class Kind(NamedTuple):
    """A capability of the toy: where its cliff is, how able it is, how it is scored."""

    capability: str
    radius: float
    ability: float
    chance: float
    scoring: Scoring
    loss: float
    sensitive: bool = False


KINDS = (
    Kind("language", 0.0150, 0.72, 0.0, "likelihood", 1.9),
    Kind("knowledge", 0.0110, 0.80, 0.2, "choice", 2.4),
    Kind("math", 0.0075, 0.60, 0.0, "generation", 1.2),
    Kind("code", 0.0090, 0.72, 0.2, "choice", 1.1),
    Kind("reasoning", 0.0120, 0.90, 0.25, "choice", 2.0),
)
SAFETY = Kind("safety", 0.0060, 0.70, 0.0, "generation", 1.5, sensitive=True)

HOSTILE = (
    "</script><img src=x onerror=\"document.title='owned'\">",
    "<!--<script>alert(1)</script>-->",
    "\u2028\u2029 javascript:alert(1) ${alert(1)} {{7*7}} &lt;b&gt;",
)
"""What a moved model might say about the page that shows it."""

MODEL = ModelIdentity(
    name="toy",
    architecture="ToyForCausalLM",
    fingerprint="5eed" * 16,
    dtype="bfloat16",
    parameters=134_515_008,
    selection=SelectionSpec(),
    dimension=134_515_008,
    norm=2120.0,
    notes=("its weights are dequantised 4-bit values",),
)


def identity(block: int = 10) -> RunIdentity:
    """What the toy's run is of."""
    return RunIdentity(model=MODEL, block=block, laws=("philox-1",))


def cliff_run(
    store: Store | None = None,
    *,
    directions: int = 8,
    examples: int = 100,
    alphas: AlphaGrid | None = None,
    kinds: Sequence[Kind] = KINDS,
    normalisation: Normalisation = "none",
    seed: int = 0,
) -> Store:
    """Write a whole run of the toy.

    Args:
        store: an empty store of :func:`identity` (default: one in memory).
        directions, examples: how many.
        alphas: the grid (default: twelve steps from 0.002 to 0.024).
        kinds: its capabilities.
        normalisation: written into the directions; the toy's law stays one in α.
        seed: of its outcomes.

    >>> store = cliff_run(directions=2, examples=10)
    >>> len(store.keys())  # 5 tasks × (1 unmoved + 2 directions × 12 α) × 1 block
    125
    """
    store = store or MemoryStore(identity())
    grid = alphas or AlphaGrid.between(0.002, 0.024, 12)
    lines = gaussian(directions, normalisation)
    tasks = [_register(store, kind, examples) for kind in kinds]
    requests = tuple(TaskRequest(task=task.id, limit=examples) for task in tasks)
    spec = ScanSpec(tasks=requests, directions=lines, alpha=grid, block=store.identity.block)
    store.record_spec(spec, {"corrie": "0", "date": "2026-01-01T00:00:00Z", "command": "corrie scan toy"})
    store.record_point(Point.origin(), Realised(asked=0.0, norm=0.0, cosine=None))
    for line in lines:
        for alpha in grid.values:
            if alpha != 0:
                store.record_point(Point.along(line, alpha), _realised(store.identity.model, alpha))
    for number, (task, kind) in enumerate(zip(tasks, kinds, strict=True)):
        asked: tuple[Any, ...] = (task, kind, lines, grid, (seed, number), store.identity.block, examples)
        for cell in _cells(*asked):
            store.put(cell)
    return store


@lru_cache(maxsize=64)
def _cells(
    task: TaskIdentity,
    kind: Kind,
    lines: tuple[Direction, ...],
    grid: AlphaGrid,
    seed: tuple[int, int],
    block: int,
    examples: int,
) -> tuple[Cell, ...]:
    """All cells of one task, made once in a process."""
    toy = _Toy(kind, examples, len(lines), seed)
    places = [(0, Point.origin(), 0.0)]
    places += [(i, Point.along(line, a), abs(a)) for i, line in enumerate(lines) for a in grid.values if a != 0]
    cells = []
    for i, point, sigma in places:
        said = [toy.outcome(task, i, sigma, j) for j in range(examples)]
        blocks = (tuple(said[start : start + block]) for start in range(0, examples, block))
        cells += [Cell(point=point.id, task=task.id, block=n, outcomes=those) for n, those in enumerate(blocks)]
    return tuple(cells)


class _Toy:
    """The law of the module's docstring for one capability. More directions or examples leave the first as they are."""

    def __init__(self, kind: Kind, examples: int, directions: int, seed: tuple[int, int]) -> None:
        def draw(*which: int) -> np.random.Generator:
            return np.random.default_rng([*seed, *which])

        self.kind = kind
        self.able = (draw(0).random(examples) < kind.ability).tolist()
        self.ease = draw(1).lognormal(0.0, 0.3, examples).tolist()
        of_direction = 0.06 * np.array([[draw(2, i).standard_normal()] for i in range(directions)])
        of_example = 0.18 * np.array([draw(3, i).standard_normal(examples) for i in range(directions)])
        self.edge = (kind.radius * np.exp(of_direction + of_example) * 1.35).tolist()
        self.luck = [draw(4, i).random(examples).tolist() for i in range(directions)]

    def outcome(self, task: TaskIdentity, direction: int, sigma: float, example: int) -> Outcome:
        ratio = sigma / self.edge[direction][example]
        right = self.able[example] if ratio < 1 else self.luck[direction][example] < self.kind.chance
        loss = self.kind.loss * self.ease[example] + 3.0 * ratio**1.5 / (1 + 0.12 * ratio**1.5)
        label, answer = self._said(right, ratio, example)
        return Outcome(
            id=f"{task.name}-{example}", success=float(right), loss=float(f"{loss:.5g}"), label=label, answer=answer
        )

    def _said(self, right: bool, ratio: float, example: int) -> tuple[Label, str]:
        if self.kind.scoring != "generation":
            return ("right", f"answer {example}") if right else ("wrong", f"answer {example + 1}")
        if ratio > 1.5:
            return "collapsed", "the the the " * 8 if example % 2 else ""
        if self.kind.sensitive:
            return ("refused", "I cannot help with that.") if right else ("complied", "Sure, here is how")
        if right:
            return "right", f"Let us count. {example} + {example} = {2 * example}"
        return "wrong", f"It is {example}." if not self.able[example] else HOSTILE[example % len(HOSTILE)]


def _register(store: Store, kind: Kind, examples: int) -> TaskIdentity:
    task = TaskIdentity(
        name=kind.capability,
        capability=kind.capability,
        source=f"toy/{kind.capability}",
        scoring=kind.scoring,
        chance=kind.chance,
        size=examples,
        digest="ab" * 32,
        sensitive=kind.sensitive,
    )
    prompts = (f"What is {j} + {j}? {HOSTILE[j % len(HOSTILE)] if j % 7 == 3 else ''}" for j in range(examples))
    cards = [ExampleCard(id=f"{task.name}-{j}", prompt=text, target=str(2 * j)) for j, text in enumerate(prompts)]
    store.register_task(task, cards)
    return task


def _realised(model: ModelIdentity, alpha: float) -> Realised:
    """As bfloat16 weights of this size would: steps far below their spacing are partly lost."""
    asked = model.distance(abs(alpha))
    lost = math.exp(-abs(alpha) / 2e-4)
    return Realised(asked=asked, norm=asked * (1 + 0.02 * lost), cosine=1 - 0.5 * lost - 1e-4)
