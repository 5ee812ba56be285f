"""The study's table, from the results that are there: printed, and written into the page with ``--write``.

    python examples/go_study/table.py --write

A ratio is between means over seeds. Radii of several seeds are averaged, and their intervals' ends too: the interval is
a typical single run's. Forgetting is the rise of the prose loss while a copy is fine-tuned on code: after all steps,
and where the code loss has come down to the level that every recipe of that size has reached (linear between looks).
"""

from __future__ import annotations

import argparse
import json
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
from ladder import SIZES
from recipes import RECIPES

RESULTS = Path(__file__).parent / "results"
PAGE = Path(__file__).parents[2] / "docs" / "go-study.md"
BEGIN, END = "<!-- table: made by examples/go_study/table.py --write -->", "<!-- end of table -->"

Runs = list[dict[str, Any]]


def results() -> dict[str, dict[str, Runs]]:
    """size → recipe → its runs, one for each seed."""
    found: dict[str, dict[str, Runs]] = defaultdict(lambda: defaultdict(list))
    for file in sorted(RESULTS.glob("[0-9]*_*_*.json")):
        run = json.loads(file.read_text())
        found[run["size"]][run["recipe"]["name"]].append(run)
    order, sizes = list(RECIPES), list(SIZES)
    return {s: dict(sorted(found[s].items(), key=lambda i: order.index(i[0]))) for s in sizes if s in found}


def mean(runs: Runs, *path: str) -> float:
    """Of a number over seeds; NaN where a run has none."""
    values = []
    for run in runs:
        value: Any = run
        for key in path:
            value = value[key]
        values.append(np.nan if value is None else value)
    return float(np.mean(values))


def level(recipes: dict[str, Runs]) -> float:
    """The lowest code loss that every run of a size has reached in fine-tuning, models at another scale aside: at the
    same learning rate they go another way."""
    unscaled = [run for runs in recipes.values() for run in runs if run["recipe"]["scale"] == 1]
    return max(min(look["code"] for look in run["fine_tune"]) for run in unscaled)


def forgotten_at(run: dict[str, Any], code: float) -> float:
    """Rise of the prose loss where the code loss has come down to a level; NaN where it has not."""
    looks = run["fine_tune"]
    losses = [look["code"] for look in looks]
    if losses[0] <= code:
        return 0.0
    i = next((i for i, loss in enumerate(losses) if loss <= code), 0)
    if not i:
        return float("nan")
    share = (losses[i - 1] - code) / (losses[i - 1] - losses[i])
    return looks[i - 1]["prose"] + share * (looks[i]["prose"] - looks[i - 1]["prose"]) - looks[0]["prose"]


def table() -> str:
    """One table of markdown for each size."""
    return "\n\n".join(_size_table(size, recipes) for size, recipes in results().items())


def _size_table(size: str, recipes: dict[str, Runs]) -> str:
    first = next(iter(recipes.values()))[0]
    code = level(recipes)
    tokens = first["tokens_per_pass"] * first["steps"] * (2 if first["recipe"]["kind"] == "sam" else 1)
    lines = [
        f"**{size}**: {first['parameters']:,} parameters, {tokens:,} tokens of one-pass training; "
        f"equal code loss: {code:.2f} nats",
        "",
        "| recipe | seeds | loss | Δ loss | basin radius σ | × | σ at +0.1 nat | × | share of a weight "
        "| int8, int4: Δ loss | forgets | at equal code loss |",
        "|---|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    base = recipes.get("adamw")
    for name, runs in recipes.items():
        basin, by_loss = mean(runs, "basin", "sigma"), mean(runs, "loss_radius", "sigma")
        loss = mean(runs, "loss")
        spread = f" ± {np.std([r['loss'] for r in runs], ddof=1):.3f}" if len(runs) > 1 else ""
        difference, wider, wider_by_loss = "", "", ""
        if base and runs is not base:
            shared = {r["seed"] for r in runs} & {r["seed"] for r in base}
            ours, theirs = ([r for r in some if r["seed"] in shared] for some in (runs, base))
            difference = f"{mean(ours, 'loss') - mean(theirs, 'loss'):+.3f}"
            wider = f"{mean(ours, 'basin', 'sigma') / mean(theirs, 'basin', 'sigma'):.2f}"
            wider_by_loss = f"{mean(ours, 'loss_radius', 'sigma') / mean(theirs, 'loss_radius', 'sigma'):.2f}"
        forgets = float(np.mean([r["fine_tune"][-1]["prose"] - r["fine_tune"][0]["prose"] for r in runs]))
        equal = float(np.mean([forgotten_at(r, code) for r in runs]))
        lines.append(
            f"| {name} | {len(runs)} | {loss:.3f}{spread} | {difference} "
            f"| {_known(f'{basin:.4f}')} [{_low(runs):.3f}, {_high(runs)}] | {_known(wider)} "
            f"| {by_loss:.4f} | {wider_by_loss} "
            f"| {100 * by_loss / mean(runs, 'rms'):.0f} % "
            f"| {mean(runs, 'rounded', 'int8', 'loss_rise'):+.4f}, {mean(runs, 'rounded', 'int4', 'loss_rise'):+.4f} "
            f"| {forgets:+.3f} | {_known(f'{equal:+.3f}')} |"
        )
    return "\n".join(lines)


def _known(number: str) -> str:
    """A radius beyond the largest σ tried, and a level that was not reached, are no numbers."""
    return "–" if "nan" in number else number


def _low(runs: Runs) -> float:
    return mean(runs, "basin", "sigma_low")


def _high(runs: Runs) -> str:
    high = mean(runs, "basin", "sigma_high")
    return "∞" if np.isnan(high) else f"{high:.3f}"


def main() -> None:
    parser = argparse.ArgumentParser(description="The table of the GO study.")
    parser.add_argument("--write", action="store_true", help="put it into docs/go-study.md")
    made = table()
    print(made)
    if parser.parse_args().write:
        before, _, rest = PAGE.read_text().partition(BEGIN)
        PAGE.write_text(f"{before}{BEGIN}\n\n{made}\n\n{END}{rest.partition(END)[2]}")


if __name__ == "__main__":
    main()
