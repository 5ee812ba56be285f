"""What a run found, as plain data: the JSON of ``corrie show RUN --json``."""

from __future__ import annotations

from typing import Any

from corrie.analysis.landscape import Landscape
from corrie.analysis.order import Order
from corrie.analysis.path_scores import path_scores


def summary(landscape: Landscape, retention: float | None = None, confidence: float = 0.95) -> dict[str, Any]:
    """Every capability's score and basin, and what the run was of.

    Numbers are finite or null; where one is null, ``status`` says why.

    Args:
        landscape: what to sum up.
        retention: the share of the score above chance that must be kept (default: what the scan asked for).
        confidence: of the intervals.

    Returns:
        ``{"capabilities": [{capability, task, score, chance, examples, directions, missing, radii: [{retention, sigma,
        sigma_low, sigma_high, l2, method, …}, …], flips: {sigma, right_to_wrong, wrong_to_right, net}, evaluations,
        examples_to_see, basin: {status, sigma, sigma_low, sigma_high, l2, method, crossed: {…}, …}}, …], "order":
        {first, last, before}, "model": {…}, "directions": […], "retention": …, "confidence": …}``; along paths also
        ``"paths": [{direction, task, alpha: […], score: […], distance: […]}, …]``. ``examples_to_see``: of a capability
        that cannot be told from chance, how many would show it. ``order``: what the intervals support
        (:mod:`corrie.analysis.order`).

    >>> from corrie.testing.cliff_run import cliff_run
    >>> found = summary(Landscape.from_store(cliff_run(directions=2, examples=10)))["capabilities"][0]
    >>> found["capability"], found["score"], found["directions"], found["basin"]["indicative"]
    ('language', 0.6, 2, True)
    """
    model = landscape.model
    basins = landscape.basins(retention, confidence)
    order = Order.of(basins)
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
                "radii": basin.radii_to_json(),
                "flips": basin.flips_to_json(),
                "evaluations": basin.evaluations,
                "examples_to_see": basin.to_see if basin.status == "absent" else None,
                "basin": basin.to_json(),
                "says": str(basin),
            }
            for basin in basins
        ],
        "order": {
            "first": [basin.task for basin in order.first],
            "last": [basin.task for basin in order.last],
            "before": sorted(map(list, order.before)),
        },
        "model": {**model.model_dump(mode="json"), "rms": model.rms},
        "directions": [direction.id for direction in landscape.directions],
        "retention": landscape.retention if retention is None else retention,
        "confidence": confidence,
    }
