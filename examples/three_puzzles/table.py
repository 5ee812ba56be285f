"""The page's table, from the results that are there: printed, and written into the page with ``--write``.

python examples/three_puzzles/table.py --write
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from study import LIMITS, RESULTS, SEEDS, WORST

from corrie.analysis.way_out import Ratio

PAGE = Path(__file__).parents[2] / "docs" / "three-puzzles.md"
BEGIN, END = "<!-- table: made by examples/three_puzzles/table.py --write -->", "<!-- end of table -->"
ROWS = ("aligned", *(f"benign-{s}" for s in SEEDS), *(f"ten-{s}" for s in SEEDS))


def scores(card: dict[str, Any]) -> str:
    """Before → after, and the interval of the difference; bold where the capability is lost."""
    s = card["scores"]
    said = f"{s['before']:.2f} → {s['after']:.2f} [{s['low']:+.2f}, {s['high']:+.2f}]"
    return f"**{said}**" if s["verdict"] == "lost" else said


def sharpness(result: dict[str, Any], task: str) -> str:
    """Random distance over this direction's, for the same loss of score."""
    (card,) = (c for c in result["diff"]["capabilities"] if c["task"] == task)
    ratio = card["sharpness"]
    return "–" if ratio is None else Ratio.model_validate(ratio).short


def row(name: str, result: dict[str, Any]) -> str:
    """One fine-tune."""
    taught, move = result["teaching"], result["diff"]["move"]
    cards = {c["task"]: c for c in result["diff"]["capabilities"]}
    cosines = result.get("cosines", {})
    cells = [
        name,
        f"{taught['tokens']:,}",
        f"{move['distance']:.2f}",
        f"{move['sigma']:.2g}",
        *(scores(cards[task]) for task in LIMITS),
        *(sharpness(result, task) for task in ("safety", "knowledge")),
        *(f"{cosines[task]:.1g}" if cosines.get(task) is not None else "–" for task in WORST),
    ]
    return f"| {' | '.join(cells)} |"


def table() -> str:
    """All of it."""
    heads = ["fine-tune", "tokens", "L2", "σ-equivalent", *(f"{t} ({n})" for t, n in LIMITS.items())]
    heads += ["sharpness, safety", "sharpness, knowledge", *(f"cos worst of {t}" for t in WORST)]
    lines = [f"| {' | '.join(heads)} |", "|---" * len(heads) + "|"]
    for name in ROWS:
        file = RESULTS / f"{name}.json"
        if file.is_file():
            lines.append(row(name, json.loads(file.read_text("utf-8"))))
    return "\n".join(lines)


def main() -> None:
    made = table()
    print(made)
    if "--write" in sys.argv:
        before, _, rest = PAGE.read_text("utf-8").partition(BEGIN)
        PAGE.write_text(f"{before}{BEGIN}\n\n{made}\n\n{END}{rest.partition(END)[2]}", "utf-8")


if __name__ == "__main__":
    main()
