"""Scores along paths as a table for a terminal."""

from __future__ import annotations

from rich.markup import escape
from rich.table import Table

from corrie.analysis.landscape import Landscape
from corrie.analysis.path_scores import path_scores


def paths_table(landscape: Landscape) -> Table:
    """One row for each path and task: the score at every step, from the model (α = 0) to where it leads (α = 1).

    Args:
        landscape: along paths.
    """
    lines = path_scores(landscape)
    alphas = sorted({alpha for line in lines for alpha in line.alphas})
    table = Table(
        title=escape(f"{landscape.model.name}, {landscape.model.dtype}: scores along each path"),
        caption="α = 0 is the unmoved model, α = 1 where the path leads; L2 is the distance there",
        title_justify="left",
        caption_justify="left",
        box=None,
        pad_edge=False,
        header_style="bold",
    )
    table.add_column("Path")
    table.add_column("Capability")
    for alpha in alphas:
        table.add_column(f"α = {alpha:g}", justify="right")
    table.add_column("L2", justify="right")
    for line in lines:
        end = dict(zip(line.alphas, line.distances, strict=True)).get(1.0)
        scores = (line.at(alpha) for alpha in alphas)
        cells = ("–" if score is None else f"{score:.3f}" for score in scores)
        table.add_row(escape(line.says), escape(line.task), *cells, "–" if end is None else f"{end:.4g}")
    return table
