"""What is lost by giving up an interval that is out of reach? Whole simulated scans, to the end and given up.

    python benchmarks/giving_up.py [--runs 30]

In the worlds whose intervals stay wide; both ways with the same seeds, to a factor of 2 at retention 0.8
(:class:`corrie.testing.simple_plan.SimplePlan`).
"""

from __future__ import annotations

import argparse
import json

import numpy as np

from corrie.stats.dose_response import DoseResponse
from corrie.testing.simple_plan import SimplePlan
from corrie.testing.worlds import WORLDS, World

RETENTION, AWAY = 0.8, 1.5


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--runs", type=int, default=30)
    runs = options.parse_args().runs
    for name in ("two cliffs", "shoulder"):
        world, pairs = WORLDS[name], []
        for seed in range(runs):
            given_up, whole = (one(world, SimplePlan(gives_up=way), seed) for way in (True, False))
            if given_up.evaluations < whole.evaluations:
                pairs.append((given_up, whole))
        said = {
            "given up": len(pairs),
            "of": runs,
            "intervals that hold": sum(holds(world, given_up) for given_up, _ in pairs),
            "would have become narrow": sum(whole.radius(RETENTION).ratio <= 2 for _, whole in pairs),
            "outcomes saved": sum(whole.evaluations - given_up.evaluations for given_up, whole in pairs),
        }
        print(json.dumps({"world": name, **said}), flush=True)


def one(world: World, plan: SimplePlan, seed: int) -> DoseResponse:
    """A scan of a run of this world, its range shifted by chance."""
    away = float(np.random.default_rng([178, seed]).uniform(-AWAY, AWAY))
    found = plan.run(world.run(np.random.default_rng([177, seed])), away)
    assert found is not None
    return found


def holds(world: World, found: DoseResponse) -> bool:
    radius = found.radius(RETENTION)
    return radius.low <= world.radius(RETENTION) <= radius.high


if __name__ == "__main__":
    main()
