"""A plane as a figure for a paper: for every capability its contours from above and its surface.

Places are drawn where they are: distances on the page are L2 distances wherever the two axes are not of very different
length, and on a skewed plane the angle between its directions is the true one.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from corrie.analysis.basin import percent
from corrie.analysis.plane import Mark, Plane, unit_of
from corrie.errors import InputError
from corrie.reporting.figure import WIDTH, unit_axis, write_figure
from corrie.reporting.palette import tone

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LEVELS = tuple(np.linspace(0.0, 1.0, 11))
INK, SOFT, SEA = "#1b1d21", "#8a8f96", "#f3f3f1"
SLIM = 3.0
"""Beyond this ratio of its sides a plane is stretched: both axes then have scales of their own."""


def save_plane_figure(plane: Plane, out: Path | str) -> Path:
    """Write the figure, whole or not at all. The same plane gives the same bytes.

    Args:
        plane: what to draw.
        out: a file whose name ends in .pdf, .png or .svg.

    Raises:
        UnknownName: another kind of file.
        InputError: matplotlib is not installed, or nothing was scored yet.
        StorageError: the disk refuses.
    """
    if not any(np.isfinite(plane.score(task.name)).any() for task in plane.tasks):
        raise InputError(f"figure {out}", found="nothing on this plane was scored yet", advice="corrie plane")
    return write_figure(lambda: draw(plane), out)


def draw(plane: Plane) -> Figure:
    """The figure itself, for those who want to change it before saving."""
    from matplotlib.figure import Figure

    rows = len(plane.tasks)
    figure = Figure(figsize=(WIDTH, 3.0 * rows + 0.25), layout="constrained")
    grid = figure.add_gridspec(rows, 2, width_ratios=[1.0, 1.0])
    for number, task in enumerate(plane.tasks):
        flat = figure.add_subplot(grid[number, 0])
        _contours(flat, plane, task.name, number)
        _surface(figure.add_subplot(grid[number, 1], projection="3d"), plane, task.name, number)
    figure.supxlabel(_legend(plane), fontsize=7, color="#4d535c", x=0.01, ha="left")
    return figure


def _legend(plane: Plane) -> str:
    said = [f"Black line: {percent(plane.retention)} of the score above chance is kept."]
    if len(plane.marks) > 1:
        said.append("Dashed: the straight way from one circle to another.")
    said.append("White lines: steps of 0.1 in the score.")
    return " ".join(said)


def _ramp(number: int) -> Any:
    """From the sea to the task's own colour."""
    from matplotlib.colors import LinearSegmentedColormap

    return LinearSegmentedColormap.from_list(f"task {number}", [SEA, tone(number).light])


def _places(plane: Plane) -> tuple[np.ndarray, np.ndarray]:
    """Where the points of the grid are drawn: in step sizes on a square plane, in L2 distance on a skewed one."""
    a, b = np.meshgrid(plane.alpha, plane.beta, indexing="ij")
    if plane.geometry is None or plane.geometry.is_square:
        return a, b
    return plane.geometry.place(a, b)


def _place(plane: Plane, alpha: Any, beta: Any) -> tuple[Any, Any]:
    if plane.geometry is None or plane.geometry.is_square:
        return alpha, beta
    return plane.geometry.place(alpha, beta)


def _contours(axes: Axes, plane: Plane, name: str, number: int) -> None:
    """From above: filled contours of the score, the level that must be kept, marks and the straight ways between."""
    x, y = _places(plane)
    score, task = plane.score(name), plane.task(name)
    shown = axes.contourf(x, y, np.ma.masked_invalid(score), LEVELS, cmap=_ramp(number), extend="neither")
    shown.set_edgecolor("face")
    axes.contour(x, y, np.ma.masked_invalid(score), LEVELS, colors="white", linewidths=0.4, alpha=0.7)
    level = task.chance + plane.retention * (plane.unmoved(name) - task.chance)
    known = score[np.isfinite(score)]
    if known.size and known.min() < level <= known.max():
        axes.contour(x, y, np.ma.masked_invalid(score), [level], colors=INK, linewidths=1.1)
    for start, end in plane.paths:
        (x0, y0), (x1, y1) = _place(plane, start.alpha, start.beta), _place(plane, end.alpha, end.beta)
        axes.plot([x0, x1], [y0, y1], color=INK, linewidth=0.7, linestyle=(0, (4, 2)))
    _marks(axes, plane)
    axes.figure.colorbar(shown, ax=axes, label="score", ticks=[0, 0.25, 0.5, 0.75, 1], shrink=0.8, pad=0.02)
    axes.set_title(name, pad=6)
    _frame(axes, plane, x, y)


def _marks(axes: Axes, plane: Plane) -> None:
    from matplotlib.patheffects import withStroke

    low, high = axes.get_xlim()
    for number, mark in enumerate(plane.marks):
        x, y = _place(plane, mark.alpha, mark.beta)
        axes.plot([x], [y], "o", color="white", markeredgecolor=INK, markersize=4.5, markeredgewidth=1.0)
        right = x > low + 0.6 * (high - low)
        axes.annotate(
            mark.name,
            (float(x), float(y)),
            xytext=(2 if right else -2, 6 if number else -12),  # the model's own name stands below
            textcoords="offset points",
            ha="right" if right else "left",
            color=INK,
            fontsize=7.5,
            path_effects=[withStroke(linewidth=2.2, foreground="white", alpha=0.85)],
        )


def _frame(axes: Axes, plane: Plane, x: np.ndarray, y: np.ndarray) -> None:
    """What the axes are, in their own units and in L2; distances to scale where that leaves something to see."""
    first, second = (f"{d.way} ({unit_of(d.normalisation)})" for d in plane.directions)
    lies = plane.geometry
    if lies is None or lies.is_square:
        axes.set_xlabel(f"α {first}")
        axes.set_ylabel(f"β {second}")
        if lies is not None:
            unit_axis(axes, lies.first, "L2 distance", "top", 0)
            _right_axis(axes, lies.second)
        scale = 1.0 if lies is None else lies.second / lies.first
    else:
        for line in (*zip(x, y, strict=True), *zip(x.T, y.T, strict=True)):
            axes.plot(*line, color="white", linewidth=0.25, alpha=0.6)
        axes.set_xlabel(f"L2 distance {plane.directions[0].way}")
        axes.set_ylabel(f"L2 distance across, {plane.directions[1].way}")
        scale = 1.0
    axes.locator_params(nbins=5)
    sides = (x.max() - x.min()), (y.max() - y.min()) * scale
    if lies is not None and 1 / SLIM <= sides[0] / sides[1] <= SLIM:
        axes.set_aspect(scale)


def _right_axis(axes: Axes, factor: float) -> None:
    axis = axes.secondary_yaxis("right", functions=(lambda v: np.asarray(v) * factor, lambda v: np.asarray(v) / factor))
    axis.set_ylabel("L2 distance")


def _surface(axes: Any, plane: Plane, name: str, number: int) -> None:
    """The same as a landscape, the marks standing on it and the straight ways lying on it."""
    axes.computed_zorder = False  # marks and ways lie on the surface: they are drawn after it
    x, y = _places(plane)
    score = plane.score(name)
    axes.plot_surface(
        x, y, score, cmap=_ramp(number), vmin=0, vmax=1, rstride=1, cstride=1, linewidth=0.2, edgecolor="#ffffff80"
    )
    for start, end in plane.paths:
        a, b, height = plane.along(name, start, end)
        axes.plot(*_place(plane, a, b), height + 0.01, color=INK, linewidth=0.9, zorder=10)
    for mark in plane.marks:
        _stand(axes, plane, name, mark)
    axes.set_zlim(0, 1.05)
    axes.set_zlabel("score", labelpad=-6)
    axes.set_xlabel("α" if plane.geometry is None or plane.geometry.is_square else "L2", labelpad=-8)
    axes.set_ylabel("β" if plane.geometry is None or plane.geometry.is_square else "L2", labelpad=-8)
    axes.tick_params(labelsize=6, pad=-3)
    axes.locator_params(axis="x", nbins=4)
    axes.locator_params(axis="y", nbins=4)
    axes.view_init(elev=38, azim=-60)
    axes.set_box_aspect((1, 1, 0.6), zoom=1.05)
    for axis in (axes.xaxis, axes.yaxis, axes.zaxis):
        axis.pane.set_facecolor("white")
        axis.pane.set_edgecolor("#dddddd")


def _stand(axes: Any, plane: Plane, name: str, mark: Mark) -> None:
    from matplotlib.patheffects import withStroke

    _, _, height = plane.along(name, mark, mark, count=1)
    if not np.isfinite(height[0]):
        return
    x, y = _place(plane, mark.alpha, mark.beta)
    place = (float(x), float(y), float(height[0]) + 0.02)
    axes.scatter(*place, color="white", edgecolor=INK, s=16, depthshade=False, zorder=11)
    halo = [withStroke(linewidth=2.0, foreground="white", alpha=0.85)]
    axes.text(*place[:2], place[2] + 0.07, mark.name, fontsize=7, color=INK, ha="center", zorder=12, path_effects=halo)
