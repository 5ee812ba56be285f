"""Basins of several runs in one picture: for each capability a bar for each run, radius, interval, single edges."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING

from corrie.analysis.basin import Basin
from corrie.analysis.basin_words import MARKS
from corrie.analysis.comparison import Comparison
from corrie.reporting.figure import WIDTH, write_figure
from corrie.reporting.palette import tone

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

AXES = {"sigma": "σ, noise per weight", "l2": "L2 distance", "relative": "share of a typical weight"}


def save_comparison(comparison: Comparison, out: Path | str) -> Path:
    """Write the figure, whole or not at all.

    Args:
        comparison: what to draw.
        out: a file whose name ends in .pdf, .png or .svg.

    Raises:
        UnknownName: another kind of file.
        InputError: matplotlib is not installed.
        StorageError: the disk refuses.
    """
    return write_figure(lambda: draw(comparison), out)


def draw(comparison: Comparison) -> Figure:
    """The figure itself: capabilities from the widest basin of the first run (above) to the narrowest."""
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

    tasks = list(comparison.nested(0)) + [t for t in comparison.tasks if t not in comparison.nested(0)]
    runs = len(comparison.names)
    figure = Figure(figsize=(WIDTH, 0.9 + len(tasks) * (0.16 + 0.2 * runs)), layout="constrained")
    axes = figure.add_subplot()
    thick = 0.8 / runs
    for row, task in enumerate(tasks):
        for run in range(runs):
            place = row + 0.4 - thick * (run + 0.5)
            basin, scale = comparison.basins[run].get(task), comparison.scales[run]
            if basin is None:
                axes.annotate(
                    "not measured", (0, place), xytext=(4, 0), textcoords="offset points", va="center", size=6
                )
            else:
                _bar(axes, basin, scale, place, thick, run)
    axes.set_yticks(range(len(tasks)), tasks)
    axes.set_ylim(-0.55, len(tasks) - 0.45)
    axes.tick_params(axis="y", length=0)
    axes.set_xlim(left=0.0)
    axes.set_xlabel(AXES[comparison.unit])
    axes.set_title("basins side by side")
    handles = [Line2D([], [], color=tone(i).light, linewidth=4, label=n) for i, n in enumerate(comparison.names)]
    figure.legend(handles=handles, loc="outside lower center", ncols=min(runs, 3), frameon=False)
    return figure


def _bar(axes: Axes, basin: Basin, scale: float, place: float, thick: float, run: int) -> None:
    """Radius, interval and single edges, in the comparison's unit."""
    colour = tone(run).light
    edges = [edge * scale for _, edge in basin.edges if edge is not None]
    axes.plot(edges, [place] * len(edges), "|", color=colour, alpha=0.8, markersize=4, markeredgewidth=0.6)
    if math.isnan(basin.limit) or basin.sigma_low is None or basin.sigma_high is None:
        _note(axes, basin.words.none, place, colour)
        return
    end = 0.0 if basin.status == "before_first_step" else basin.limit * scale
    far = basin.sigma_high if math.isfinite(basin.sigma_high) else basin.tried[1] if basin.tried else basin.limit
    reach = [[max(0.0, end - basin.sigma_low * scale)], [max(0.0, far * scale - end)]]
    axes.barh(place, end, height=0.9 * thick, color=colour, alpha=0.3, linewidth=0)
    axes.errorbar(
        end, place, xerr=reach, fmt=MARKS[basin.status], color=colour, markersize=3.5, linewidth=1.0, capsize=2
    )


def _note(axes: Axes, said: str, place: float, colour: str) -> None:
    """Words where there is no bar."""
    axes.annotate(said, (0, place), xytext=(4, 0), textcoords="offset points", va="center", size=6, color=colour)
