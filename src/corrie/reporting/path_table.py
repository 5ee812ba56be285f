"""Scores along paths as a table for a terminal."""

from __future__ import annotations

from corrie.analysis.landscape import Landscape
from corrie.analysis.path_scores import PathScores, path_scores
from corrie.reporting.sheet import Column, Sheet


def paths_table(landscape: Landscape) -> Sheet:
    """One row for each path and task: the score at every step, from the model (α = 0) to where it leads (α = 1).

    Args:
        landscape: along paths.
    """
    lines = path_scores(landscape)
    alphas = sorted({alpha for line in lines for alpha in line.alphas})
    heads = (*(f"α = {alpha:g}" for alpha in alphas), "L2")
    return Sheet(
        f"{landscape.model.name}, {landscape.model.dtype}: scores along each path",
        (
            *(Column(head, wraps="words") for head in ("Path", "Capability")),
            *(Column(head, right=True, wraps="words") for head in heads),
        ),
        tuple(_row(line, alphas) for line in lines),
        caption="α = 0 is the unmoved model, α = 1 where the path leads; L2 is the distance there",
    )


def _row(line: PathScores, alphas: list[float]) -> tuple[str, ...]:
    end = dict(zip(line.alphas, line.distances, strict=True)).get(1.0)
    scores = (line.at(alpha) for alpha in alphas)
    cells = ("–" if score is None else f"{score:.3f}" for score in scores)
    return (line.says, line.task, *cells, "–" if end is None else f"{end:.4g}")
