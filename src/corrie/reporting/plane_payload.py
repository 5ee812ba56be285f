"""The numbers behind the pictures of a plane, as plain data for the page's script."""

from __future__ import annotations

from typing import Any

import numpy as np

from corrie.analysis.plane import Plane, unit_of
from corrie.analysis.plane_grid import interpolate
from corrie.reporting.palette import SERIES

FINE = 81
"""Points along each side of a skewed plane's contour picture."""


def plane_payload(plane: Plane) -> dict[str, Any]:
    """Grid, geometry, marks, and every task's scores and losses; numbers with six digits, None for NaN.

    On a square plane contours are drawn over (α, β); on a skewed one over places in L2 distance, from values between
    the points. Surfaces stand at L2 places wherever these are known.
    """
    lies = plane.geometry
    a, b = np.meshgrid(plane.alpha, plane.beta, indexing="ij")
    x, y = (a, b) if lies is None else lies.place(a, b)
    flat = _Flat(plane)
    return {
        "square": lies is None or lies.is_square,
        "known": lies is not None,
        "ratio": 1.0 if lies is None else lies.second / lies.first,
        "axes": [_axis(plane, 0), _axis(plane, 1)],
        "alpha": _plain(plane.alpha),
        "beta": _plain(plane.beta),
        "x": _rows(x),
        "y": _rows(y),
        "flat": {"x": _plain(flat.x), "y": _plain(flat.y), "outline": flat.outline},
        "marks": [{"name": m.name, **_at(plane, flat, m.alpha, m.beta)} for m in plane.marks],
        "tasks": [_task(plane, flat, number) for number in range(len(plane.tasks))],
    }


def _task(plane: Plane, flat: _Flat, number: int) -> dict[str, Any]:
    task = plane.tasks[number]
    score, loss = plane.score(task.name), plane.loss(task.name)
    ways = []
    for start, end in plane.paths:
        a, b, height = plane.along(task.name, start, end)
        x, y = (a, b) if plane.geometry is None else plane.geometry.place(a, b)
        ways.append({"x": _plain(x), "y": _plain(y), "z": _plain(height)})
    heights = [plane.along(task.name, m, m, count=1)[2] for m in plane.marks]
    return {
        "name": task.name,
        "tone": number % len(SERIES),
        "score": _rows(score),
        "flat": {"score": _rows(flat.over(score)), "loss": _rows(flat.over(loss)) if np.isfinite(loss).any() else None},
        "level": _number(task.chance + plane.retention * (plane.unmoved(task.name) - task.chance)),
        "ways": ways,
        "heights": [_number(float(h[0])) for h in heights],
    }


class _Flat:
    """Where contours are drawn: on the grid itself, or on a fine one in L2 distance around a skewed plane."""

    def __init__(self, plane: Plane) -> None:
        self.skewed = plane.geometry is not None and not plane.geometry.is_square
        self._plane = plane
        self.x, self.y = plane.alpha, plane.beta
        if plane.geometry is not None and self.skewed:
            x, y = plane.geometry.place(*np.meshgrid(plane.alpha, plane.beta, indexing="ij"))
            self.x, self.y = np.linspace(x.min(), x.max(), FINE), np.linspace(y.min(), y.max(), FINE)

    def over(self, values: np.ndarray) -> np.ndarray:
        """Values at (x, y), x along the first axis; beside the plane those of its edge, which the page covers."""
        lies = self._plane.geometry
        if lies is None or not self.skewed:
            return values
        x, y = np.meshgrid(self.x, self.y, indexing="ij")
        b = y / (lies.second * np.sqrt(1 - lies.cosine**2))
        a = (x - b * lies.second * lies.cosine) / lies.first
        alpha, beta = self._plane.alpha, self._plane.beta
        return interpolate(alpha, beta, values, np.clip(a, alpha[0], alpha[-1]), np.clip(b, beta[0], beta[-1]))

    @property
    def outline(self) -> list[list[float | None]]:
        """The corners of a skewed plane, in order; none where the plane fills its picture."""
        lies, plane = self._plane.geometry, self._plane
        if lies is None or not self.skewed:
            return []
        places = (lies.place(plane.alpha[i], plane.beta[j]) for i, j in ((0, 0), (-1, 0), (-1, -1), (0, -1)))
        return [[_number(float(x)), _number(float(y))] for x, y in places]


def _axis(plane: Plane, which: int) -> dict[str, Any]:
    """What an axis is called in words, and how far one step goes."""
    direction, lies = plane.directions[which], plane.geometry
    length = None if lies is None else (lies.first, lies.second)[which]
    return {
        "says": direction.way,
        "unit": unit_of(direction.normalisation),
        "length": _number(length),
    }


def _at(plane: Plane, flat: _Flat, alpha: float, beta: float) -> dict[str, Any]:
    lies = plane.geometry
    x, y = (alpha, beta) if lies is None else lies.place(alpha, beta)
    on_page = {"x": _number(float(x)), "y": _number(float(y))}
    return {**on_page, "flat": on_page if flat.skewed else {"x": alpha, "y": beta}}


def _rows(values: np.ndarray) -> list[list[float | None]]:
    """Row by row as Plotly has them: the second axis first."""
    return [_plain(row) for row in values.T]


def _plain(values: np.ndarray) -> list[float | None]:
    return [_number(v) for v in values.tolist()]


def _number(value: float | None) -> float | None:
    """Six digits; None for what JSON cannot say."""
    return None if value is None or not np.isfinite(value) else float(f"{value:.6g}")
