"""A direction for every block, or one for two? What whole simulated scans take, at the prices of a real model.

    python benchmarks/directions.py [--runs 25]

Prices in forwards of 512 tokens, SmolLM2-135M (benchmarks/prices.py): drawing a direction, setting a point, scoring
a block of ten. Each run is a scan to a factor of 2 at retention 0.8 (:class:`corrie.testing.simple_plan.SimplePlan`),
both ways with the same seeds.
"""

from __future__ import annotations

import argparse
import json
from statistics import mean

import numpy as np

from corrie.testing.simple_plan import SimplePlan
from corrie.testing.worlds import WORLDS

DRAW, SET = 0.46, 0.05
SCORE = {"knowledge": (0.38,), "knowledge, reasoning and code": (0.38, 0.96, 1.50)}
AWAY = 1.5
"""How far, in log σ, a scan's range may lie off."""


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--runs", type=int, default=25)
    runs = options.parse_args().runs
    for name in ("middle", "directions differ by 20 %"):
        for together in (1, 2):
            scans = [one(name, together, seed) for seed in range(runs)]
            outcomes, directions, holds = (mean(each) for each in zip(*scans, strict=True))
            price = {
                tasks: round(outcomes / 10 * sum(SET + score for score in scores) + directions * DRAW, 1)
                for tasks, scores in SCORE.items()
            }
            said = {"world": name, "blocks along a direction": together, "outcomes": outcomes}
            print(json.dumps({**said, "directions": directions, "intervals that hold": holds, "forwards": price}))


def one(name: str, together: int, seed: int) -> tuple[int, int, bool]:
    """Outcomes, directions, and whether the interval holds the radius."""
    world = WORLDS[name]
    away = float(np.random.default_rng([78, seed]).uniform(-AWAY, AWAY))
    found = SimplePlan(together=together).run(world.run(np.random.default_rng([77, seed])), away)
    assert found is not None
    radius = found.radius(0.8)
    return found.evaluations, found.directions, radius.low <= world.radius(0.8) <= radius.high


if __name__ == "__main__":
    main()
