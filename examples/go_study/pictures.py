"""The study's picture, from the results that are there.

python examples/go_study/pictures.py          # docs/images/go-study.png
"""

from __future__ import annotations

from pathlib import Path

import matplotlib
import numpy as np
from table import Runs, mean, results

matplotlib.use("Agg")
from matplotlib import pyplot
from matplotlib.axis import Axis

PICTURE = Path(__file__).parents[2] / "docs" / "images" / "go-study.png"
COLOURS = {"adamw": "#333333", "go": "#1b7f5c", "sam": "#c1542b", "dropout": "#7a6aa8", "adamw-scaled": "#999999"}


def colour(recipe: dict) -> str:
    """One for each kind of recipe."""
    if recipe["dropout"]:
        return COLOURS["dropout"]
    return COLOURS["adamw-scaled" if recipe["kind"] == "adamw" and recipe["scale"] != 1 else recipe["kind"]]


def main() -> None:
    found = results()
    figure, (left, middle, right) = pyplot.subplots(1, 3, figsize=(13, 4), dpi=90)
    smallest = next(iter(found))
    for name, runs in found[smallest].items():
        curve = runs[0]["curve"]
        style = "--" if runs[0]["recipe"]["scale"] != 1 else "-"
        rise = np.array(curve["loss"])
        left.plot(curve["sigma"][1:], rise[1:], style, color=colour(runs[0]["recipe"]), label=name, marker=".")
    left.set(xscale="log", ylim=(3.4, 6), xlabel="σ", ylabel="validation loss (nats per token)")
    _plain(left.xaxis, (0.02, 0.05, 0.1, 0.2))
    left.set_title(f"Loss around the weights, {smallest}")
    left.legend(fontsize=7)
    for size, marker in zip(found, "osD^", strict=False):
        base = found[size].get("adamw")
        for name, runs in found[size].items() if base else ():
            if name != "adamw":
                point = _against(runs, base)
                middle.plot(*point, marker, color=colour(runs[0]["recipe"]))
                middle.annotate(name, point, fontsize=6, xytext=(4, 2), textcoords="offset points")
        middle.plot([], [], marker, color="#333333", label=size)
    middle.axvspan(-0.1, 0.02, ymin=0, color="#1b7f5c", alpha=0.08)
    middle.axhline(5, color="#1b7f5c", linewidth=0.8, linestyle=":")
    middle.set(xlabel="loss above AdamW's (nats)", ylabel="basin radius (σ at +0.1 nat) over AdamW's", yscale="log")
    middle.set_ylim(0.9, 6)
    _plain(middle.yaxis, (1, 1.5, 2, 3, 5))
    middle.set_title("What the radius costs (target: top left)")
    middle.legend(fontsize=7)
    for name, runs in found[smallest].items():
        looks = runs[0]["fine_tune"]
        style = "--" if runs[0]["recipe"]["scale"] != 1 else "-"
        start = looks[0]["prose"]
        right.plot(
            [look["code"] for look in looks],
            [look["prose"] - start for look in looks],
            style,
            color=colour(runs[0]["recipe"]),
            marker=".",
            label=name,
        )
    right.invert_xaxis()
    right.set(xlabel="code loss (falls while fine-tuning)", ylabel="rise of the prose loss")
    right.set_title(f"Forgetting, {smallest}")
    right.legend(fontsize=7)
    for axis in (left, middle, right):
        axis.spines[["top", "right"]].set_visible(False)
    figure.tight_layout()
    PICTURE.parent.mkdir(exist_ok=True)
    figure.savefig(PICTURE)
    print(f"{PICTURE.name}: {PICTURE.stat().st_size // 1000} kB")


def _plain(axis: Axis, ticks: tuple[float, ...]) -> None:
    """These ticks and no others, written as plain numbers."""
    axis.set_ticks(ticks, [f"{t:g}" for t in ticks])
    axis.set_ticks([], minor=True)


def _against(runs: Runs, base: Runs) -> tuple[float, float]:
    """Loss above AdamW's, and how many times its radius, over the seeds that both have."""
    shared = {r["seed"] for r in runs} & {r["seed"] for r in base}
    ours, theirs = ([r for r in some if r["seed"] in shared] for some in (runs, base))
    return (
        mean(ours, "loss") - mean(theirs, "loss"),
        mean(ours, "loss_radius", "sigma") / mean(theirs, "loss_radius", "sigma"),
    )


if __name__ == "__main__":
    main()
