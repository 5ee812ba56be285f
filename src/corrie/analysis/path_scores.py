"""What happens on the way to where a path leads: one line of scores for each direction and task.

Paths are no sample of directions, so nothing is averaged over them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from corrie.analysis.landscape import Landscape


@dataclass(frozen=True, slots=True)
class PathScores:
    """Scores of one task along one path.

    direction  its id
    says       the same with the names of what it is between
    alphas     steps in order, 0 (the unmoved model) among them
    scores     mean over the task's examples at each; None where nothing was scored
    distances  L2 norm of the step the weights took; None where no step was taken

    >>> print(PathScores("d", "d (small → chat)", "math", (0.0, 1.0), (0.7, 0.5), (0.0, 2.0)))
    math along d (small → chat): 0.70 at α = 0, 0.50 at α = 1
    """

    direction: str
    says: str
    task: str
    alphas: tuple[float, ...]
    scores: tuple[float | None, ...]
    distances: tuple[float | None, ...]

    def at(self, alpha: float) -> float | None:
        """The score at a step, None if it is not known."""
        return dict(zip(self.alphas, self.scores, strict=True)).get(alpha)

    def to_json(self) -> dict[str, Any]:
        """As plain data."""
        return {
            "direction": self.direction,
            "task": self.task,
            "alpha": list(self.alphas),
            "score": list(self.scores),
            "distance": list(self.distances),
        }

    def __str__(self) -> str:
        known = [f"{s:.2f} at α = {a:g}" for a, s in zip(self.alphas, self.scores, strict=True) if s is not None]
        return f"{self.task} along {self.says}: {', '.join(known) or 'not scored yet'}"


def path_scores(landscape: Landscape) -> tuple[PathScores, ...]:
    """One entry for each direction and task, in the order in which they were asked for."""
    found: list[PathScores] = []
    curves = {task.name: landscape.curve(task.name) for task in landscape.tasks}
    for row, direction in enumerate(landscape.directions):
        for name, curve in curves.items():
            steps = landscape.taken.at(curve.alphas).distance[row]
            distances = np.where(curve.alphas == 0, 0.0, steps)
            found.append(
                PathScores(
                    direction=direction.id,
                    says=str(direction),
                    task=name,
                    alphas=tuple(curve.alphas.tolist()),
                    scores=_plain(curve.score.each[row]),
                    distances=_plain(distances),
                )
            )
    return tuple(found)


def _plain(values: np.ndarray) -> tuple[float | None, ...]:
    return tuple(None if value != value else value for value in values.tolist())
