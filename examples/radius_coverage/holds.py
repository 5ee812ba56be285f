"""How often do a radius' intervals hold? Whole simulated scans, plan included, in worlds whose radius is known.

    python examples/radius_coverage/holds.py --runs 2000 --to examples/radius_coverage/results
    python examples/radius_coverage/holds.py --table --to examples/radius_coverage/results

One JSON file a world; runs that are there are not run again, so it may be stopped and continued. Run k of a world has
the seed (salt, world, k). The middle of its cliff lies anywhere in
the range that the first round looks at, uniformly in log σ.
"""

from __future__ import annotations

import argparse
import json
import math
import re
import time
import zlib
from pathlib import Path

import numpy as np

from corrie.testing.simple_plan import SimplePlan
from corrie.testing.worlds import WORLDS

RETENTIONS = (0.95, 0.8, 0.5)
CHUNK = 20
SALT = 20261128
"""Constants were settled on runs with other seeds."""


def one(name: str, number: int) -> list:
    """[evaluations, method, [low, high] for each retention], limits as log of their share of the truth."""
    world = WORLDS[name]
    rng = np.random.default_rng([SALT, zlib.crc32(name.encode()), number])
    plan = SimplePlan()
    place = rng.uniform(math.log(plan.rounds.low), math.log(plan.rounds.high))
    found = plan.run(world.run(rng), offset=math.log(world.centre) - float(place))
    if found is None:
        return [0, "absent", []]
    ends = []
    for retention in RETENTIONS:
        radius, truth = found.radius(retention), world.radius(retention)
        low = math.log(radius.low / truth) if radius.low > 0 else None
        high = math.log(radius.high / truth) if math.isfinite(radius.high) else None
        ends.append([None if end is None else round(end, 3) for end in (low, high)])
    return [found.evaluations, found.method, ends]


def summary(runs: list) -> str:
    """One row: refused, absent, evaluations, then for each retention how often it holds and its median width."""
    seen = [run for run in runs if run[1] != "absent"]
    refused = sum(run[1] == "model_free" for run in seen)
    row = [f"{len(runs)}", f"{len(runs) - len(seen)}", f"{refused}"]
    row.append(f"{np.median([run[0] for run in seen]):.0f}" if seen else "–")
    for i in range(len(RETENTIONS)):
        ends = [run[2][i] for run in seen]
        low = [e[0] is not None and e[0] > 0 for e in ends]
        high = [e[1] is not None and e[1] < 0 for e in ends]
        width = [math.exp(e[1] - e[0]) if None not in e else math.inf for e in ends]
        if ends:
            held = 100 * (1 - (sum(low) + sum(high)) / len(ends))
            row.append(f"{held:.1f} ({sum(low)}/{sum(high)}) ×{np.median(width):.2f}")
    return " | ".join(row)


def main() -> None:
    """Run or print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=2000)
    parser.add_argument("--world", action="append")
    parser.add_argument("--table", action="store_true")
    parser.add_argument("--to", type=Path, required=True)
    asked = parser.parse_args()
    asked.to.mkdir(parents=True, exist_ok=True)
    names = asked.world or list(WORLDS)
    files = {name: asked.to / f"{re.sub('[^a-z0-9]+', '-', name.lower()).strip('-')}.json" for name in names}
    known = {name: json.loads(f.read_text()) if f.exists() else [] for name, f in files.items()}
    while not asked.table:
        behind = min(names, key=lambda name: len(known[name]))
        start = len(known[behind])
        if start >= asked.runs:
            break
        begun = time.process_time()
        known[behind] += [one(behind, k) for k in range(start, min(start + CHUNK, asked.runs))]
        files[behind].write_text(json.dumps(known[behind], separators=(",", ":")).replace("]]],", "]]],\n") + "\n")
        print(f"{behind}: {len(known[behind])}, {time.process_time() - begun:.1f} s", flush=True)
    print("| world | runs | absent | refused | scored | " + " | ".join(f"{r:g}" for r in RETENTIONS) + " |")
    print("|" + "---|" * 8)
    for name in names:
        print(f"| {name} | {summary(known[name])} |")


if __name__ == "__main__":
    main()
