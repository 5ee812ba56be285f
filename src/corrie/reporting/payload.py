"""The numbers behind a report's figures, as plain data for the page's script."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from corrie.analysis.basin import Basin
from corrie.analysis.curve import Lines
from corrie.analysis.fitted_curve import FittedCurve
from corrie.analysis.landscape import Landscape
from corrie.reporting.palette import DASHES, MARKERS, SERIES

MOST_LINES = 40
"""Lines of single directions that a figure draws."""


def payload(landscape: Landscape, basins: Sequence[Basin]) -> dict[str, Any]:
    """Curves, basins and realised steps of one run; numbers with six digits, None for NaN and infinity."""
    model = landscape.model
    return {
        "raw": landscape.is_raw,
        "path": landscape.is_path,
        "root": math.sqrt(model.dimension),
        "rms": model.rms,
        "tasks": [_task(landscape, basin, number) for number, basin in enumerate(basins)],
        "steps": _steps(landscape),
    }


def _task(landscape: Landscape, basin: Basin, number: int) -> dict[str, Any]:
    curve = landscape.curve(basin.task)
    return {
        "name": basin.words.task,
        "tone": number % len(SERIES),
        "dash": DASHES[number // len(SERIES) % len(DASHES)],
        "marker": MARKERS[number % len(MARKERS)],
        "alphas": _plain(curve.alphas),
        "directions": list(curve.directions[:MOST_LINES]),
        "count": len(curve.directions),
        "band": curve.band,
        "unmoved": _number(curve.unmoved),
        "chance": curve.chance,
        "level": _number(basin.chance + basin.retention * (curve.unmoved - basin.chance)),
        "retention": basin.retention,
        "score": _lines(curve.score),
        "loss": _lines(curve.loss) if np.isfinite(curve.loss.mean).any() else None,
        "retained": _plain(curve.retained) if basin.status not in ("absent", "unmeasured") else None,
        "fit": _fit(landscape, basin),
        "composition": {label: _plain(share) for label, share in curve.composition.items()},
        "basin": {
            "status": basin.status,
            "says": basin.words.none,
            "sign": basin.words.sign,
            "sigma": _number(basin.sigma),
            "low": _number(basin.sigma_low),
            "high": _number(basin.sigma_high),
            "tried": _plain(np.array(basin.tried)) if basin.tried else None,
            "edges": [_number(edge) for _, edge in basin.edges if edge is not None],
        },
    }


def _fit(landscape: Landscape, basin: Basin) -> dict[str, Any] | None:
    """The fitted score with its band, and the outcomes that it was fitted to; None where there is no curve."""
    curve = FittedCurve.of(landscape.block(basin.task), basin)
    if curve is None:
        return None
    told = {name: _plain(getattr(curve, name)) for name in ("sigma", "low", "middle", "high", "points", "score")}
    return {**told, "outcomes": _plain(curve.outcomes), "scattered": curve.scattered}


def _steps(landscape: Landscape) -> dict[str, Any]:
    """Over the directions at each α: the middle and the ends of cosine and of norm over asked norm."""
    steps = landscape.steps.where(landscape.steps.alpha != 0, drop=True)
    told: dict[str, Any] = {"alphas": _plain(steps.alpha.values)}
    for name, values in (("cosine", steps.cosine), ("ratio", steps.distance / steps.asked)):
        told[name] = {end: _plain(getattr(values, end)("direction").values) for end in ("min", "mean", "max")}
    return told


def _lines(lines: Lines) -> dict[str, Any]:
    return {
        "mean": _plain(lines.mean),
        "low": _plain(lines.low),
        "high": _plain(lines.high),
        "each": [_plain(line) for line in lines.each[:MOST_LINES]],
    }


def _plain(values: np.ndarray) -> list[float | None]:
    return [_number(value) for value in values.tolist()]


def _number(value: float | None) -> float | None:
    """Six digits; None for what JSON cannot say."""
    return None if value is None or not math.isfinite(value) else float(f"{value:.6g}")
