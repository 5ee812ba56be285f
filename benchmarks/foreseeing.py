"""How well is it foreseen how many outcomes a scan will take? Simulated scans of several tasks at once.

    python benchmarks/foreseeing.py [--runs 480] [--scans 400]

Single tasks of all worlds, in turn, are scanned to a factor of 2 at retention 0.8
(:class:`corrie.testing.simple_plan.SimplePlan`, giving up what is out of reach); after each round
:meth:`corrie.stats.dose_response.Rounds.expected` says how many outcomes there will have been. Four of these runs make
a scan: after each of its rounds, from a seventh of the work on, is what is said to be left within a third of what is?
"""

from __future__ import annotations

import argparse
import json
import math

import numpy as np

from corrie.stats.dose_response import Rounds
from corrie.testing.simple_plan import SimplePlan
from corrie.testing.worlds import WORLDS

TASKS, AWAY, BEGUN = 4, 1.5, 1 / 7

Said = list[tuple[int, int]]
"""Outcomes after each round of a task, and how many were expected in the end."""


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--runs", type=int, default=480)
    options.add_argument("--scans", type=int, default=400)
    asked = options.parse_args()
    runs = [said for seed in range(asked.runs) if (said := one(seed))]
    draws = np.random.default_rng(180)
    ratios = [
        r for _ in range(asked.scans) for r in said_over_left([runs[i] for i in draws.integers(0, len(runs), TASKS)])
    ]
    logs = np.log(ratios)
    found = {
        "tasks": len(runs),
        "moments": len(ratios),
        "within a third": round(float(np.mean(np.abs(np.array(ratios) - 1) <= 1 / 3)), 3),
        "said over left, median": round(math.exp(np.median(logs)), 3),
        "standard deviation of its logarithm": round(float(logs.std()), 3),
    }
    print(json.dumps(found))


def one(seed: int) -> Said:
    """A run of one task; nothing where its score cannot be told from chance."""
    rng = np.random.default_rng([179, seed])
    world = list(WORLDS.values())[seed % len(WORLDS)]
    plan = SimplePlan(Rounds(0.001, 0.08, most=1280), gives_up=True)
    rounds = plan.follow(world.run(rng), float(rng.uniform(-AWAY, AWAY)))
    return [(found.evaluations, plan.rounds.expected(found)) for found in rounds]


def said_over_left(tasks: list[Said]) -> list[float]:
    """After each round of a scan of these tasks, a round of each that is open at a time."""
    whole = sum(said[-1][0] for said in tasks)
    ratios = []
    for number in range(max(map(len, tasks)) - 1):
        open_ = [said for said in tasks if number < len(said) - 1]
        left = sum(said[-1][0] - said[number][0] for said in open_)
        if left < (1 - BEGUN) * whole:
            ratios.append(sum(said[number][1] - said[number][0] for said in open_) / left)
    return ratios


if __name__ == "__main__":
    main()
