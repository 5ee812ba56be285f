"""The frontier of new skill against certified retention, with the exchange law as a curve."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np

from corrie.stats import clopper_pearson, gaussian_shift

MARKS = ("o", "s", "^", "D", "v", "P")


def draw(frontier: dict[str, Any], file: Path) -> None:
    """Left: gain against retention. Right: what each fine-tune made of what the law allows it."""
    rows = frontier["rows"]
    names = list(dict.fromkeys(row["subspace"] for row in rows))
    figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4.6), layout="constrained")
    ratios = np.linspace(0, 2.5, 101)
    best = clopper_pearson.lower_limit(rows[0]["draws"], rows[0]["draws"], 0.99)
    for start, style in ((0.05, ":"), (0.15, "--"), (0.3, "-")):
        gain = gaussian_shift.upper(start, ratios) - start
        left.plot(
            gain, gaussian_shift.lower(best, ratios), style, color="0.55", lw=1.3, label=f"law, skill from {start:g}"
        )
    for name, mark in zip(names, MARKS, strict=False):
        own = [row for row in rows if row["subspace"] == name]
        gains = [row["skill_after"]["smoothed"] - row["skill_before"]["smoothed"] for row in own]
        shown = f"{name} (k = {own[0]['dimension']:,}, σ = {own[0]['sigma']:g})"
        left.plot(gains, [row["knowledge_share"] for row in own], mark, ms=8, label=shown)
        right.plot([row["law_allows"] for row in own], [row["skill_after"]["smoothed"] for row in own], mark, ms=8)
        right.plot([row["law_allows"] for row in own], [row["skill_after"]["point"] for row in own], mark, ms=8,
                   mfc="none", color=right.lines[-1].get_color())  # fmt: skip
    for ratio in sorted({round(row["ratio"], 2) for row in rows}):
        level = max(row["knowledge_share"] for row in rows if round(row["ratio"], 2) == ratio)
        left.annotate(f"r/σ = {ratio:g}", (-0.03, level + 0.022), fontsize=8, color="0.3")
    left.axhline(0.8, color="0.8", lw=0.8)
    left.set(xlabel="gain of the new skill, smoothed model", ylabel="certified share of knowledge above chance",
             title="Gain and guarantee trade along the exchange law")  # fmt: skip
    left.legend(fontsize=7, loc="lower left")
    top = 1.0
    right.plot([0, top], [0, top], "-", color="0.55", lw=1.3)
    right.plot([0, top], [0, top / 2], ":", color="0.55", lw=1.3)
    right.set(xlabel="what the law allows the smoothed model", ylabel="success rate of the new skill",
              title="Reached: smoothed (full marks), point model (hollow)", xlim=(0, 1), ylim=(0, 1.03))  # fmt: skip
    right.annotate("all the law allows", (0.62, 0.64), rotation=38, fontsize=7, color="0.35")
    right.annotate("half of it", (0.72, 0.37), rotation=21, fontsize=7, color="0.35")
    figure.savefig(file, dpi=110)
    plt.close(figure)
