"""How often ``corrie diff`` passes, warns and fails, by the true loss and the number of examples.

    python benchmarks/deciding.py

One task of score 0.75 and chance 0.25, of which a tolerance of 0.1 allows a loss of 0.05; 3 % of the examples flip, or
as many as the loss takes. Each row is 2,000 simulated runs.
"""

from __future__ import annotations

from collections import Counter

import numpy as np

from corrie.analysis.kept_score import KeptScore
from corrie.analysis.paired_verdict import decided_together
from corrie.records.task import TaskIdentity
from corrie.testing.flips import CHANCE, flipped

RUNS, TOLERANCE = 2000, 0.1


def verdict(dice: np.random.Generator, lost: float, size: int) -> str:
    """What one simulated run says."""
    before, after = flipped(dice, lost, size)
    task = TaskIdentity(
        name="one", capability="one", source="simulated", scoring="choice", chance=CHANCE, size=size, digest="none"
    )
    pair = KeptScore(task, tuple(before.tolist()), TOLERANCE), tuple(after.tolist())
    return decided_together({"one": pair})["one"][0]


def main() -> None:
    print("| true loss, in tolerances | examples | kept | undecided | lost |\n|---|---|---|---|---|")
    for tolerances in (0, 1, 2, 4):
        for size in (50, 100, 200, 400):
            dice = np.random.default_rng([tolerances, size])
            said = Counter(verdict(dice, tolerances * 0.05, size) for _ in range(RUNS))
            shares = " | ".join(f"{said[v] / RUNS:.1%}" for v in ("kept", "undecided", "lost"))
            print(f"| {tolerances} | {size} | {shares} |", flush=True)


if __name__ == "__main__":
    main()
