"""Most-case, worst-case and fine-tuning curves of every capability in one picture, over σ-equivalent and L2."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from corrie.analysis.together import Case, Together, Way
from corrie.reporting.figure import WIDTH, unit_axis, write_figure
from corrie.reporting.palette import Tone, tone

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_COLUMNS = 3
DECADES = 8.0
"""From this ratio between the longest and the shortest step on, the axis is logarithmic."""

COLOURS: dict[Case, tuple[Tone, ...]] = {
    "most-case": (tone(0), tone(6)),
    "worst-case": (tone(1), tone(7)),
    "SFT-case": (tone(2), tone(4), Tone("#5b3fa8", "#ab97ea")),
    "other": (tone(3), tone(5)),
}
_DASHES: dict[Case, str] = {"most-case": "-", "worst-case": "--", "SFT-case": "-.", "other": ":"}
_MARKERS: dict[Case, str] = {"most-case": "o^", "worst-case": "sv", "SFT-case": "DP", "other": "X*"}


def save_together(together: Together, out: Path | str) -> Path:
    """Write the figure, whole or not at all. The same curves give the same bytes.

    Args:
        together: what to draw.
        out: a file whose name ends in .pdf, .png or .svg.

    Raises:
        UnknownName: another kind of file.
        InputError: matplotlib is not installed.
        StorageError: the disk refuses.
    """
    return write_figure(lambda: draw(together), out)


def draw(together: Together) -> Figure:
    """The figure itself, for those who want to change it before saving."""
    from matplotlib.figure import Figure

    columns = 2 if len(together.tasks) == 4 else min(_COLUMNS, len(together.tasks))
    rows = math.ceil(len(together.tasks) / columns)
    entries = max(len(ways) for ways in together.ways.values())
    figure = Figure(figsize=(WIDTH, 2.25 * rows + 0.17 * entries + 0.3), layout="constrained")
    grid = figure.add_gridspec(rows, columns)
    steps = [s for ways in together.ways.values() for way in ways for s in way.sigma[1:]]
    logarithmic = bool(steps) and max(steps) > DECADES * min(steps)
    lines: dict[str, Any] = {}
    for index, task in enumerate(together.tasks):
        axes = figure.add_subplot(grid[index // columns, index % columns])
        styles = _styles(together.ways[task.name])
        for style, way in zip(styles, together.ways[task.name], strict=True):
            lines.setdefault(way.says, _curve(axes, way, style, logarithmic))
        _ratios(axes, together.ways[task.name], styles)
        for level in {together.unmoved[task.name], task.chance} - {0.0}:
            axes.axhline(level, color="#8a8f96", linewidth=0.6, linestyle=":")
        if logarithmic:
            axes.set_xscale("log")
            axes.set_xlim(min(steps) * 0.8, max(steps) * 1.25)
        else:
            axes.set_xlim(left=0.0)
        axes.set_ylim(-0.03, 1.03)
        axes.set_title(task.name, pad=4)
        axes.set_ylabel("score" if index % columns == 0 else "")
        axes.set_xlabel("σ-equivalent, ‖αδ‖/√d")
        above = unit_axis(axes, math.sqrt(together.model.dimension), "L2 distance", "top", 0)
        for axis in (axes.xaxis, above.xaxis) if logarithmic else ():
            axis.set_major_formatter("{x:g}")
            axis.set_minor_formatter("")
    figure.legend(
        lines.values(),
        lines.keys(),
        loc="outside lower left",
        frameon=False,
        ncols=1 if entries < 5 else 2,
        fontsize=7.5,
    )
    return figure


def _styles(ways: tuple[Way, ...]) -> list[dict[str, Any]]:
    """Dash and marker say the case; colour, and then another marker, which of its ways."""
    seen: dict[Case, int] = {}
    styles = []
    for way in ways:
        number = seen[way.case] = seen.get(way.case, -1) + 1
        colours = COLOURS[way.case]
        styles.append(
            {
                "color": colours[number % len(colours)].light,
                "linestyle": _DASHES[way.case],
                "marker": _MARKERS[way.case][number // len(colours) % 2],
            }
        )
    return styles


def _curve(axes: Axes, way: Way, style: dict[str, Any], logarithmic: bool) -> Any:
    first = int(logarithmic)  # zero has no logarithm: the dotted line shows the unmoved score
    sigma = way.sigma[first:]
    for line in way.score.each if len(way.score.each) > 1 else ():
        axes.plot(sigma, line[first:], color=style["color"], alpha=0.22, linewidth=0.5)
    if len(way.score.each) > 1:
        band = (way.score.low[first:], way.score.high[first:])
        axes.fill_between(sigma, *band, color=style["color"], alpha=0.16, linewidth=0)
    there = np.isfinite(way.score.mean[first:])
    (drawn,) = axes.plot(sigma[there], way.score.mean[first:][there], linewidth=1.5, markersize=2.6, **style)
    if way.edge is not None and way.edge >= way.sigma[1]:
        axes.axvline(way.edge, color=style["color"], linewidth=0.6, linestyle=(0, (1, 2)))
    return drawn


def _ratios(axes: Axes, ways: tuple[Way, ...], styles: list[dict[str, Any]]) -> None:
    """The sharpness ratio beside each edge that was found, or was past before the first step; neighbours at different
    heights. Of a line that was not followed to its edge the sentence has it."""
    told = [(way.edge, way.ratio, style["color"], float(way.sigma[1])) for way, style in zip(ways, styles, strict=True)
            if way.edge is not None and way.ratio is not None]  # fmt: skip
    for number, (edge, ratio, colour, first) in enumerate(sorted(told, key=lambda t: max(t[0], t[3]))):
        axes.text(
            max(edge, first),
            0.03 + 0.2 * (number % 3),
            f"{ratio.short}×",
            color=colour,
            fontsize=6.5,
            rotation=90,
            horizontalalignment="center",
            verticalalignment="bottom",
            bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.8, "pad": 0.6},
        )
