"""The landscape as a figure for a paper: every capability's curve, and the basins nested below."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from corrie.analysis.basin import Basin
from corrie.analysis.basin_words import MARKS
from corrie.analysis.fitted_curve import FittedCurve
from corrie.analysis.landscape import Landscape
from corrie.analysis.whole_file import write_whole
from corrie.errors import InputError, UnknownName
from corrie.reporting.palette import tone
from corrie.reporting.visible import visible

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axes._secondary_axes import SecondaryAxis
    from matplotlib.figure import Figure

_FORMATS = ("pdf", "png", "svg")
_COLUMNS = 3
_MOST_LINES = 40
WIDTH = 7.0
"""Inches: the text width of most papers."""

STYLE: dict[Any, Any] = {
    "font.family": "sans-serif",
    "font.size": 8,
    "axes.titlesize": 8.5,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.linewidth": 0.6,
    "axes.edgecolor": "#8a8f96",
    "axes.labelcolor": "#3c4148",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.color": "#3c4148",
    "ytick.color": "#3c4148",
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "lines.solid_capstyle": "round",
    "text.parse_math": False,  # names may hold a dollar sign
    "pdf.fonttype": 42,
    "svg.hashsalt": "corrie",
}


def save_figure(
    landscape: Landscape, out: Path | str, *, retention: float | None = None, confidence: float = 0.95
) -> Path:
    """Write the figure, whole or not at all. The same landscape gives the same bytes.

    Args:
        landscape: what to draw.
        out: a file whose name ends in .pdf, .png or .svg.
        retention: the share of the score above chance that must be kept (default: what the scan asked for).
        confidence: of the intervals.

    Returns:
        ``out``.

    Raises:
        UnknownName: another kind of file.
        InputError: matplotlib is not installed, or there is no task to draw.
        StorageError: the disk refuses.

    >>> import tempfile
    >>> from corrie.testing.cliff_run import cliff_run
    >>> landscape = Landscape.from_store(cliff_run(directions=2, examples=10))
    >>> save_figure(landscape, Path(tempfile.mkdtemp()) / "basins.svg").read_text()[:5]
    '<?xml'
    """
    if not landscape.tasks:
        raise InputError(f"figure {out}", found="no task in this landscape", advice="corrie scan … -t knowledge")
    return write_figure(lambda: draw(landscape, landscape.basins(retention, confidence)), out)


def write_figure(make: Callable[[], Figure], out: Path | str) -> Path:
    """Write what ``make`` draws, in the house's style; the same drawing gives the same bytes.

    Raises:
        UnknownName: a file whose name ends in something else than .pdf, .png or .svg.
        InputError: matplotlib is not installed.
        StorageError: the disk refuses.
    """
    out = Path(out)
    kind = out.suffix.lstrip(".").lower()
    if kind not in _FORMATS:
        raise UnknownName("figure format", kind, _FORMATS)
    try:
        import matplotlib
        from matplotlib.text import Text
    except ImportError:
        raise InputError(
            "a figure", found="matplotlib is not installed", advice="pip install 'corrie[report]'"
        ) from None
    undated = {"pdf": {"CreationDate": None}, "svg": {"Date": None}}.get(kind, {})
    with matplotlib.rc_context({**STYLE}):
        figure = make()
        for said in figure.findobj(Text):
            said.set_text(visible(said.get_text()))
        return write_whole(out, lambda path: figure.savefig(path, format=kind, dpi=300, metadata=undated))


def draw(landscape: Landscape, basins: Sequence[Basin]) -> Figure:
    """The figure itself, for those who want to change it before saving."""
    from matplotlib.figure import Figure

    columns = min(_COLUMNS, len(basins))
    rows = math.ceil(len(basins) / columns)
    strip = 0.55 + 0.2 * len(basins)
    figure = Figure(figsize=(WIDTH, 1.75 * rows + strip + 0.75), layout="constrained")
    grid = figure.add_gridspec(rows + 1, columns, height_ratios=[1.75] * rows + [strip + 0.5])
    first: Axes | None = None
    for index, basin in enumerate(basins):
        axes = figure.add_subplot(grid[index // columns, index % columns], sharex=first)
        first = first or axes
        _curve(axes, landscape, basin, index)
        below = index + columns >= len(basins)
        axes.set_xlabel(_step(landscape) if below else "")
        axes.set_ylabel("score" if index % columns == 0 else "")
    _nested(figure.add_subplot(grid[rows, :]), landscape, basins)
    return figure


def _step(landscape: Landscape) -> str:
    return "σ, noise per weight" if landscape.is_raw else "α"


def _curve(axes: Axes, landscape: Landscape, basin: Basin, index: int) -> None:
    """One capability: single directions, their band, their mean, the fitted curve, both levels, the edge."""
    curve, colour = landscape.curve(basin.task), tone(index).light
    fit = FittedCurve.of(landscape.block(basin.task), basin)
    scattered = fit is not None and fit.scattered
    if fit is not None:
        shade = colour if scattered else "#8a8f96"
        axes.fill_between(fit.sigma, fit.low, fit.high, color=shade, alpha=0.18, linewidth=0)
        axes.plot(fit.sigma, fit.middle, "-" if scattered else ":", color=shade, linewidth=1.5 if scattered else 0.8)
    if fit is not None and scattered:
        axes.scatter(fit.points, fit.score, s=fit.outcomes / 2, color=colour, alpha=0.4, linewidth=0.4)
    else:
        for line in curve.score.each[:_MOST_LINES]:
            axes.plot(curve.alphas, line, color=colour, alpha=0.3, linewidth=0.5)
        axes.fill_between(curve.alphas, curve.score.low, curve.score.high, color=colour, alpha=0.18, linewidth=0)
        axes.plot(curve.alphas, curve.score.mean, color=colour, linewidth=1.5, marker="o", markersize=2.2)
    for level in (curve.unmoved, curve.chance):
        if math.isfinite(level) and level > 0:
            axes.axhline(level, color="#8a8f96", linewidth=0.6, linestyle=":")
    if basin.sigma is not None:
        axes.axvline(basin.sigma, color=colour, linewidth=0.8, linestyle="--")
    if basin.status in ("found", "before_first_step") and basin.sigma_low is not None and basin.sigma_high is not None:
        high = basin.sigma_high if math.isfinite(basin.sigma_high) else curve.alphas.max()
        axes.axvspan(basin.sigma_low, high, color=colour, alpha=0.09, linewidth=0)
    axes.set_title(basin.words.task)
    axes.set_ylim(-0.03, 1.03)


def _nested(axes: Axes, landscape: Landscape, basins: Sequence[Basin]) -> None:
    """The basins on one axis: radius, interval, edges of single directions, and the other two units."""
    order = sorted(range(len(basins)), key=lambda i: (np.nan_to_num(basins[i].limit, nan=-1.0), -i))
    for row, index in enumerate(order):
        basin, colour = basins[index], tone(index).light
        edges = [edge for _, edge in basin.edges if edge is not None]
        axes.plot(edges, [row] * len(edges), "|", color=colour, alpha=0.8, markersize=6, markeredgewidth=0.7)
        if basin.sigma_low is None or basin.sigma_high is None:
            said = "" if basin.status == "no_sigma" else basin.words.none
            axes.annotate(said, (0, row), xytext=(4, 0), textcoords="offset points", va="center", color="#8a8f96")
            continue
        end = 0.0 if basin.status == "before_first_step" else basin.limit
        axes.barh(row, end, height=0.62, color=colour, alpha=0.3, linewidth=0)
        far = basin.sigma_high if math.isfinite(basin.sigma_high) else basin.tried[1] if basin.tried else end
        reach = [[max(0.0, end - basin.sigma_low)], [max(0.0, far - end)]]
        axes.errorbar(
            end, row, xerr=reach, fmt=MARKS[basin.status], color=colour, markersize=4, linewidth=1.1, capsize=2.5
        )
    axes.set_yticks(range(len(order)), [basins[i].words.task for i in order])
    for label, index in zip(axes.get_yticklabels(), order, strict=True):
        label.set_color(tone(index).light)
        label.set_fontweight("bold")
    axes.set_ylim(-0.6, len(order) - 0.4)
    axes.tick_params(axis="y", length=0)
    axes.set_xlim(left=0.0)
    axes.set_xlabel(_step(landscape))
    axes.set_title("basins, nested" if landscape.is_raw else "edges of single directions")
    if landscape.is_raw:
        unit_axis(axes, math.sqrt(landscape.model.dimension), "L2 distance", "top", 0)
        unit_axis(axes, 100 / landscape.model.rms, "% of a typical weight", "bottom", 30)


def unit_axis(axes: Axes, factor: float, label: str, side: Literal["top", "bottom"], outward: float) -> SecondaryAxis:
    """The same axis in another unit, some points away from the figure."""

    def there(values: Any) -> Any:
        return np.asarray(values) * factor

    def back(values: Any) -> Any:
        return np.asarray(values) / factor

    axis = axes.secondary_xaxis(side, functions=(there, back))
    axis.spines[side].set_position(("outward", outward))
    axis.set_xlabel(label)
    return axis
