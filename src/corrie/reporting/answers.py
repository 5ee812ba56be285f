"""A few examples' own answers along the lines: what the model said as it was moved."""

from __future__ import annotations

from typing import Any

import numpy as np

from corrie.analysis.landscape import Landscape
from corrie.records.cell import CellKey, Outcome
from corrie.records.direction import Direction
from corrie.records.point import Point
from corrie.records.store import Store
from corrie.records.task import TaskIdentity

_EXAMPLES = 4
DIRECTIONS = 2
LONGEST = 1200
"""Characters of an answer or a prompt that a report carries."""


def answers(store: Store, landscape: Landscape, *, show_sensitive: bool = False) -> list[dict[str, Any]]:
    """What the report's slider shows, for each task with something to show.

    Of every task a few examples are taken that tell most: of those that the unmoved model masters the one lost first,
    one in the middle and the one that holds longest along the first direction; and one that it fails.

    Args:
        store: the run's cells.
        landscape: the same run.
        show_sensitive: give the texts of tasks whose prompts are harmful requests, too.

    Returns:
        For each task: name, whether its texts are withheld, directions, alphas, and examples with id, prompt, target
        and for each direction one entry per α: ``[label, score, answer]`` (None where nothing was scored).
    """
    shown = []
    keys = store.keys()
    for task in landscape.tasks:
        grid = landscape[task.name]
        chosen = telling(grid.unmoved_score.values, grid.score.values)
        if not chosen:
            continue
        lines = landscape.directions[:DIRECTIONS]
        alphas = np.unique(np.append(grid.alpha.values, 0.0)).tolist()
        withheld = task.sensitive and not show_sensitive
        cards = store.cards(task.id)
        examples = []
        for index in chosen:
            card = cards[index] if index < len(cards) else None
            entries = [[_entry(store, keys, task, line, alpha, index, withheld) for alpha in alphas] for line in lines]
            examples.append(
                {
                    "id": str(grid.example.values[index]),
                    "prompt": "" if withheld or card is None else _end(card.prompt),
                    "target": "" if withheld or card is None else card.target[:LONGEST],
                    "lines": entries,
                }
            )
        shown.append(
            {
                "task": task.name,
                "withheld": withheld,
                "directions": [line.id for line in lines],
                "alphas": alphas,
                "examples": examples,
            }
        )
    return shown


def telling(unmoved: np.ndarray, moved: np.ndarray) -> list[int]:
    """Which examples to show: mastered and lost first, in the middle, last; and one that was never mastered.

    Args:
        unmoved: scores of the unmoved model, shape (examples,).
        moved: scores over (direction, α, example).

    >>> moved = np.array([[[1, 1, 1, 0], [0, 1, 1, 0], [0, 0, 1, 0]]], float)
    >>> telling(np.array([1.0, 1.0, 1.0, 0.0]), moved)
    [0, 1, 2, 3]
    """
    known = np.isfinite(unmoved)
    first = moved[0] if moved.shape[0] else np.empty((0, unmoved.size))
    held = np.where(np.isfinite(first), first, 0.0).sum(0)
    good = sorted(np.flatnonzero(known & (unmoved > 0.5)), key=lambda i: (held[i], i))
    bad = np.flatnonzero(known & (unmoved <= 0.5))
    picked = [good[i] for i in (0, len(good) // 2, len(good) - 1)] if good else []
    return list(dict.fromkeys(int(i) for i in (*picked, *bad)))[:_EXAMPLES]


def _entry(
    store: Store, keys: set[CellKey], task: TaskIdentity, line: Direction, alpha: float, index: int, withheld: bool
) -> list[Any] | None:
    block, offset = divmod(index, store.identity.block)
    key = CellKey(Point.along(line, alpha).id, task.id, block)
    if key not in keys:
        return None
    outcomes: tuple[Outcome, ...] = store.get(key).outcomes
    outcome = outcomes[offset]
    return [outcome.label, outcome.success, "" if withheld else outcome.answer[:LONGEST]]


def _end(prompt: str) -> str:
    """The end of a prompt: that is where the question is."""
    return prompt if len(prompt) <= LONGEST else "… " + prompt[-LONGEST:]
