"""The study's picture, from the results that are there.

python examples/go_study/pictures.py          # docs/images/go-study.png
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from ladder import SIZES
from plan import TRIED
from table import Line, Runs, is_adamw, length, mean, results, share

matplotlib.use("Agg")
from matplotlib import pyplot
from matplotlib.axes import Axes
from matplotlib.axis import Axis

PICTURE = Path(__file__).parents[2] / "docs" / "images" / "go-study.png"
COLOURS = {
    "adamw": "#333333",
    "go": "#1b7f5c",
    "sam": "#c1542b",
    "ivon": "#b08a00",
    "local": "#3f7fb5",
    "dropout": "#7a6aa8",
}
TARGET_RADIUS, TARGET_LOSS = 5.0, 0.02
AROUND = ("adamw", "sam", "go-0.04", "go-0.08", "adamw-t10", "sam-t10", "go-0.08-t10", "go-0.16-t10")
"""What is drawn of the smallest size where lines would cover each other."""

CROWDED = [f"go-{name}" for name in ("0.2-x3-t10-pairs", "0.17-x3-t10", "0.24-x3-t10", "0.12-x3-t4", "default-t10")]
CROWDED += [f"go-0.24-x3-t10-{name}" for name in ("fade", "late", "mixed")]
"""Points that stand too near others for a name."""


def colour(recipe: dict[str, Any]) -> str:
    """One for each kind of recipe."""
    return COLOURS["dropout" if recipe["dropout"] else recipe["kind"]]


def main() -> None:
    found = results()
    smallest = next(iter(found))
    figure, ((around, against), (sizes, forgetting)) = pyplot.subplots(2, 2, figsize=(12, 9), dpi=90)
    drawn = {name: found[smallest][name] for name in AROUND if name in found[smallest]}
    _around(around, smallest, drawn)
    _against(against, smallest, found[smallest])
    _sizes(sizes, found)
    _forgetting(forgetting, smallest, drawn)
    for axis in (around, against, sizes, forgetting):
        axis.spines[["top", "right"]].set_visible(False)
    figure.tight_layout()
    PICTURE.parent.mkdir(exist_ok=True)
    figure.savefig(PICTURE)
    print(f"{PICTURE.name}: {PICTURE.stat().st_size // 1000} kB")


def _around(axis: Axes, size: str, recipes: dict[str, Runs]) -> None:
    for name, runs in recipes.items():
        curve = runs[0]["curve"]
        rise = np.array(curve["loss"]) - curve["loss"][0]
        axis.plot(curve["sigma"][1:], rise[1:], _dash(runs), color=colour(runs[0]["recipe"]), marker=".", label=name)
    axis.axhline(0.1, color="#999999", linewidth=0.8, linestyle=":")
    axis.set(xscale="log", yscale="log", ylim=(0.01, 3), xlabel="σ", ylabel="loss above the model's own (nats)")
    _plain(axis.xaxis, (0.01, 0.02, 0.05, 0.1, 0.2))
    _plain(axis.yaxis, (0.01, 0.1, 1))
    axis.set_title(f"Loss around the weights, {size} (dashed: ten times the tokens)", fontsize=10)
    axis.legend(fontsize=7)


def _against(axis: Axes, size: str, recipes: dict[str, Runs]) -> None:
    line = Line.of(recipes, "loss_radius", "sigma")
    axis.plot(line.losses, line.values, "-o", color=COLOURS["adamw"], label="AdamW, 0.25 to 10 times the tokens")
    bound = np.array(line.losses) + TARGET_LOSS
    axis.plot(bound, TARGET_RADIUS * np.array(line.values), ":", color="#1b7f5c", label="target: five times, +0.02")
    for name, runs in recipes.items():
        if is_adamw(runs[0]):
            continue
        point = mean(runs, "loss"), mean(runs, "loss_radius", "sigma")
        scaled, long = runs[0]["recipe"]["scale"] != 1, length(runs[0]) > 1
        filling = {"markerfacecolor": "none"} if scaled else {}
        also = name in TRIED or name in CROWDED
        axis.plot(*point, "s" if long else "o", color=colour(runs[0]["recipe"]), markersize=3 if also else 5, **filling)
        if not also:
            axis.annotate(name, point, fontsize=6, xytext=(4, 2), textcoords="offset points")
    axis.set(xlabel="validation loss (nats)", ylabel="loss radius: σ at +0.1 nat", yscale="log")
    _plain(axis.yaxis, (0.02, 0.05, 0.1, 0.2))
    axis.set_title(f"What a radius costs, {size} (squares: longer; hollow: rescaled; small: also tried)", fontsize=10)
    axis.legend(fontsize=7, loc="lower right")


def _sizes(axis: Axes, found: dict[str, dict[str, Runs]]) -> None:
    right = axis.twinx()
    for recipe in ("adamw", "go-0.04", "sam"):
        here = {size: recipes[recipe] for size, recipes in found.items() if recipe in recipes}
        x = [runs[0]["parameters"] for runs in here.values()]
        of_this = colour(next(iter(here.values()))[0]["recipe"])
        axis.plot(x, [mean(r, "loss_radius", "sigma") for r in here.values()], "-o", color=of_this, label=recipe)
        right.plot(x, [100 * share(r) for r in here.values()], "--^", color=of_this, alpha=0.5)
    axis.set(xscale="log", xlabel="parameters", ylabel="loss radius: σ at +0.1 nat (solid)", ylim=(0, None))
    right.set(ylabel="… in % of a typical weight (dashed)", ylim=(0, None))
    right.spines["top"].set_visible(False)
    _plain(axis.xaxis, tuple(1e6 * float(size.removesuffix("M")) for size in found))
    axis.set_xticklabels([*found])
    axis.set_title(f"Size: {SIZES[next(iter(found))].tokens / 1e6:g} M tokens each", fontsize=10)
    axis.legend(fontsize=7)


def _forgetting(axis: Axes, size: str, recipes: dict[str, Runs]) -> None:
    for name, runs in recipes.items():
        looks = runs[0]["fine_tune"]
        rise = [look["prose"] - looks[0]["prose"] for look in looks]
        code = [look["code"] for look in looks]
        axis.plot(code, rise, _dash(runs), color=colour(runs[0]["recipe"]), marker=".", label=name)
        axis.annotate(name, (code[-1], rise[-1]), fontsize=6, xytext=(4, 2), textcoords="offset points")
    axis.invert_xaxis()
    axis.set(xlabel="code loss (falls while fine-tuning)", ylabel="rise of the prose loss (nats)")
    axis.set_title(f"Forgetting, {size}, seed 0 (dashed: ten times the tokens)", fontsize=10)


def _dash(runs: Runs) -> str:
    return "--" if length(runs[0]) > 1 else "-"


def _plain(axis: Axis, ticks: tuple[float, ...]) -> None:
    """These ticks and no others, written as plain numbers."""
    axis.set_ticks(ticks, [f"{t:g}" for t in ticks])
    axis.set_ticks([], minor=True)


if __name__ == "__main__":
    main()
