"""Two fine-tunes of SmolLM2 on the same lesson, a gentle one and a rough one, for ``corrie diff`` to tell apart.

    python examples/three_puzzles/gate.py WORK
    corrie diff smollm2-135m-instruct WORK/gentle -t knowledge -t code --quick --to WORK/run
    corrie diff smollm2-135m-instruct WORK/rough -t knowledge -t code --quick --to WORK/run

The lesson is forty excerpts of the standard library; only the learning rate differs, a hundredfold.
"""

from __future__ import annotations

import sys
from pathlib import Path

from lessons import benign_lesson
from teaching import Teaching, teach

import corrie

NAME = "smollm2-135m-instruct"
GENTLE = Teaching(rate=3e-5, steps=20, batch=4)
ROUGH = Teaching(rate=3e-3, steps=20, batch=4)


def main(work: Path) -> None:
    """Make the two checkpoints, unless they are there."""
    for name, how in (("gentle", GENTLE), ("rough", ROUGH)):
        if not (work / name).exists():
            model = corrie.load(NAME)
            found = teach(model, benign_lesson(work, 0), how, 0, work / name)
            print(f"{name}: moved by L2 {found['distance']:.1f}, loss {found['begin']:.2f} → {found['end']:.2f}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
