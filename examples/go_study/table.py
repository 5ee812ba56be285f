"""The study's tables, from the results that are there: printed, and written into the page with ``--write``.

    python examples/go_study/table.py --write

Two tables for each size. *Radii*: beside AdamW's trained on as many tokens, and beside AdamW's at an equal validation
loss: its runs of several lengths give a line of radius over loss (:class:`Line`). *Rounding and forgetting*: the rise
of the prose loss while a copy is fine-tuned on code, after all steps, and at an equal code loss: the lowest that it and
SAM's run of the same seed and compute have both reached (linear between looks).

A ratio is between means over the seeds that both have; its ± is the standard deviation of single seeds' ratios. Radii
of several seeds are averaged, and their intervals' ends too: the interval is a typical single run's.
"""

from __future__ import annotations

import argparse
import json
from collections import defaultdict
from dataclasses import dataclass
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


def share(runs: Runs) -> float:
    """The loss radius over the root mean square of all weights."""
    return mean(runs, "loss_radius", "sigma") / mean(runs, "rms")


def length(run: dict[str, Any]) -> float:
    """Times the size's tokens."""
    return run["recipe"]["longer"]


def is_adamw(run: dict[str, Any]) -> bool:
    """Plain AdamW of any length."""
    return run["recipe"]["name"].partition("-t")[0] == "adamw"


@dataclass(frozen=True)
class Line:
    """What AdamW has at a validation loss: its runs of several lengths, one mean over seeds for each.

    Between two lengths the logarithm is linear in the loss; beyond the ends there is nothing (NaN).
    """

    losses: tuple[float, ...]
    values: tuple[float, ...]

    @classmethod
    def of(cls, recipes: dict[str, Runs], *path: str) -> Line:
        """Of a number that a run has under ``path``; without one, of the share of a weight."""
        runs = [r for r in recipes.values() if is_adamw(r[0])]
        points = sorted((mean(r, "loss"), mean(r, *path) if path else share(r)) for r in runs)
        return cls(tuple(loss for loss, _ in points), tuple(value for _, value in points))

    def at(self, loss: float) -> float:
        """Where the loss is this."""
        if len(self.losses) < 2:
            return float("nan")
        there = np.interp(loss, self.losses, np.log(self.values), left=np.nan, right=np.nan)
        return float(np.exp(there))


def beside(run: dict[str, Any], other: dict[str, Any]) -> tuple[float, float, float]:
    """The lowest code loss that both have reached in fine-tuning, and what each has forgotten of prose there."""
    code = max(min(look["code"] for look in one["fine_tune"]) for one in (run, other))
    return code, forgotten_at(run, code), forgotten_at(other, code)


def forgotten_at(run: dict[str, Any], code: float) -> float:
    """Rise of the prose loss where the code loss has come down to a level; NaN where it has not."""
    looks = run["fine_tune"]
    losses = [look["code"] for look in looks]
    if losses[0] <= code:
        return 0.0
    i = next((i for i, loss in enumerate(losses) if loss <= code), 0)
    if not i:
        return float("nan")
    part = (losses[i - 1] - code) / (losses[i - 1] - losses[i])
    return looks[i - 1]["prose"] + part * (looks[i]["prose"] - looks[i - 1]["prose"]) - looks[0]["prose"]


def table() -> str:
    """The tables in markdown."""
    return "\n\n".join(_size(size, recipes) for size, recipes in results().items())


def _size(size: str, recipes: dict[str, Runs]) -> str:
    ordered = dict(sorted(recipes.items(), key=lambda item: length(item[1][0])))  # stable: recipes keep their order
    parameters = next(iter(recipes.values()))[0]["parameters"]
    heading = f"**{size}**: {parameters:,} parameters"
    return f"{heading}. Radii:\n\n{_radii(ordered)}\n\n{heading}. Rounding and forgetting:\n\n{_afterwards(ordered)}"


def _radii(recipes: dict[str, Runs]) -> str:
    radius, weight = Line.of(recipes, "loss_radius", "sigma"), Line.of(recipes)
    lines = [
        "| recipe | tokens | seeds | loss | Δ loss | basin radius σ | × | σ at +0.1 nat | × | × at equal loss "
        "| share of a weight | × at equal loss |",
        "|---|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for name, runs in recipes.items():
        loss, by_loss, of_weight = mean(runs, "loss"), mean(runs, "loss_radius", "sigma"), share(runs)
        spread = _spread([r["loss"] for r in runs], digits=3)
        base = recipes.get("adamw" if length(runs[0]) == 1 else f"adamw-t{length(runs[0]):g}", [])
        shared = {r["seed"] for r in runs} & {r["seed"] for r in base}
        difference = wider = wider_by_loss = at_equal = share_at_equal = ""
        if runs is not base and shared:
            ours, theirs = ([r for r in some if r["seed"] in shared] for some in (runs, base))
            difference = f"{mean(ours, 'loss') - mean(theirs, 'loss'):+.3f}"
            wider = f"{mean(ours, 'basin', 'sigma') / mean(theirs, 'basin', 'sigma'):.2f}"
            by_seed = {r["seed"]: r["loss_radius"]["sigma"] for r in theirs}
            wider_by_loss = f"{mean(ours, 'loss_radius', 'sigma') / mean(theirs, 'loss_radius', 'sigma'):.2f}"
            wider_by_loss += _spread([r["loss_radius"]["sigma"] / by_seed[r["seed"]] for r in ours])
        if not is_adamw(runs[0]):
            at_equal, share_at_equal = f"{by_loss / radius.at(loss):.2f}", f"{of_weight / weight.at(loss):.2f}"
            at_equal += _spread([r["loss_radius"]["sigma"] / radius.at(r["loss"]) for r in runs])
        basin = _known(f"{mean(runs, 'basin', 'sigma'):.4f}")
        lines.append(
            f"| {name} | {_tokens(runs[0])} | {len(runs)} | {loss:.3f}{spread} | {difference} "
            f"| {basin} [{mean(runs, 'basin', 'sigma_low'):.3f}, {_high(runs)}] | {_known(wider)} "
            f"| {by_loss:.4f} | {wider_by_loss} | {_known(at_equal)} "
            f"| {100 * of_weight:.0f} % | {_known(share_at_equal)} |"
        )
    return "\n".join(lines)


def _afterwards(recipes: dict[str, Runs]) -> str:
    lines = [
        "| recipe | tokens | seeds | int8: Δ loss | int4: Δ loss | prose forgets | code loss from, to "
        "| code loss that SAM reaches too | prose forgets there | SAM's there |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for name, runs in recipes.items():
        first, last = ([r["fine_tune"][look] for r in runs] for look in (0, -1))
        forgets = mean(last, "prose") - mean(first, "prose")
        bar = recipes.get("sam" if length(runs[0]) == 1 else f"sam-t{length(runs[0]):g}", [])
        pairs = [beside(r, b) for r in runs for b in bar if b["seed"] == r["seed"] and b is not r]
        code, ours, theirs = np.mean(pairs, axis=0) if pairs else [np.nan] * 3
        lines.append(
            f"| {name} | {_tokens(runs[0])} | {len(runs)} "
            f"| {mean(runs, 'rounded', 'int8', 'loss_rise'):+.4f} | {mean(runs, 'rounded', 'int4', 'loss_rise'):+.4f} "
            f"| {forgets:+.3f} | {mean(first, 'code'):.2f}, {mean(last, 'code'):.2f} "
            f"| {_known(f'{code:.2f}')} | {_known(f'{ours:+.3f}')} | {_known(f'{theirs:+.3f}')} |"
        )
    return "\n".join(lines)


def _spread(values: list[float], digits: int = 2) -> str:
    """The standard deviation over seeds, where there are several and each has its number."""
    return f" ± {np.std(values, ddof=1):.{digits}f}" if len(values) > 1 and np.isfinite(values).all() else ""


def _tokens(run: dict[str, Any]) -> str:
    """How many tokens were trained on in passes of compute, in millions."""
    passes = 2 if run["recipe"]["kind"] == "sam" else 1
    return f"{run['tokens_per_pass'] * run['steps'] * passes / 1e6:.2g} M"


def _known(number: str) -> str:
    """A radius beyond the largest σ tried, and a level that was not reached, are no numbers."""
    return "–" if "nan" in number else number


def _high(runs: Runs) -> str:
    high = mean(runs, "basin", "sigma_high")
    return "∞" if np.isnan(high) else f"{high:.3f}"


def main() -> None:
    parser = argparse.ArgumentParser(description="The tables of the GO study.")
    parser.add_argument("--write", action="store_true", help="put them into docs/go-study.md")
    made = table()
    print(made)
    if parser.parse_args().write:
        before, _, rest = PAGE.read_text().partition(BEGIN)
        PAGE.write_text(f"{before}{BEGIN}\n\n{made}\n\n{END}{rest.partition(END)[2]}")


if __name__ == "__main__":
    main()
