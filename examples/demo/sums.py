"""Sums that a small model can do: the math task of ``make demo``.

    python examples/demo/sums.py examples/demo/sums.jsonl

The packaged arithmetic is beyond SmolLM2-135M-Instruct: of examples 200 to 299 of its fixed shuffle 0.18 are right, and
chance is 0.1. So here the first number is at most 20 and the second at most 9, and three wrong sums stand beside the
right one. No file of anybody else's is used, and every run of this script writes the same one.
"""

from __future__ import annotations

import json
import random
import sys
from pathlib import Path

SHOTS = "".join(
    f"Question: What is {a} + {b}?\nAnswer: {a + b}\n\n" for a, b in [(3, 4), (12, 5), (7, 9), (20, 6), (8, 13)]
)
APART = (-10, -5, -3, -2, -1, 1, 2, 3, 5, 10)


def main(file: Path) -> None:
    dice = random.Random(5)
    pairs = [(a, b) for a in range(1, 21) for b in range(1, 10)]
    dice.shuffle(pairs)
    lines = []
    for a, b in pairs:
        right = a + b
        wrong = dice.sample([right + d for d in APART if right + d >= 0], 3)
        line = {
            "prompt": f"{SHOTS}Question: What is {a} + {b}?\nAnswer:",
            "choices": list(map(str, [right, *wrong])),
            "answer": 0,
        }
        lines.append(json.dumps(line) + "\n")
    file.write_text("".join(lines), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
