"""What a run found, as plain data: the JSON of ``corrie show RUN --json``."""

from __future__ import annotations

from typing import Any

from corrie.analysis.landscape import Landscape
from corrie.analysis.path_scores import path_scores


def summary(landscape: Landscape, retention: float | None = None, confidence: float = 0.95) -> dict[str, Any]:
    """Every capability's score and basin, and what the run was of.

    Numbers are finite or null; where one is null, ``status`` says why.

    Args:
        landscape: what to sum up.
        retention: the share of the score above chance that must be kept (default: what the scan asked for).
        confidence: of the intervals.

    Returns:
        ``{"capabilities": [{capability, task, score, chance, examples, directions, missing, basin: {status, sigma,
        sigma_low, sigma_high, l2, …}}, …], "model": {…}, "directions": […], "retention": …, "confidence": …}``; along
        paths also ``"paths": [{direction, task, alpha: […], score: […], distance: […]}, …]``.

    >>> from corrie.testing.cliff_run import cliff_run
    >>> found = summary(Landscape.from_store(cliff_run(directions=2, examples=10)))["capabilities"][0]
    >>> found["capability"], found["score"], found["directions"], found["basin"]["indicative"]
    ('language', 0.6, 2, True)
    """
    model = landscape.model
    paths = {"paths": [line.to_json() for line in path_scores(landscape)]} if landscape.is_path else {}
    return {
        **paths,
        "capabilities": [
            {
                "capability": basin.capability,
                "task": basin.task,
                "score": basin.score,
                "chance": basin.chance,
                "examples": basin.examples,
                "directions": basin.directions,
                "missing": landscape.missing(basin.task),
                "basin": basin.to_json(),
                "says": str(basin),
            }
            for basin in landscape.basins(retention, confidence)
        ],
        "model": {**model.model_dump(mode="json"), "rms": model.rms},
        "directions": [direction.id for direction in landscape.directions],
        "retention": landscape.retention if retention is None else retention,
        "confidence": confidence,
    }
