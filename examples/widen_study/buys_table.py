"""What is there of ``buys.py`` as Markdown: a table for each widened model, beside the model it came of.

    python examples/widen_study/buys_table.py BASE WIDENED …          # names of folders in the results
    python examples/widen_study/buys_table.py BASE WIDENED … --write  # into docs/widening-buys.md

A row's difference is widened − original on the same examples, their scores averaged over the seeds that both have,
with its 95 % interval over examples: of right and wrong without any assumption (:mod:`corrie.stats.difference`), of
losses and shares of tokens by Student's t. Distances and radii are compared by their ratio, with Student's t of its
logarithm over seeds; one seed has no interval.
"""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from scipy.stats import t as student

from corrie.errors import RunError
from corrie.stats.difference import paired_difference

RESULTS = Path(__file__).parent / "results" / "buys"
PAGE = Path(__file__).parents[2] / "docs" / "widening-buys.md"
BEGIN, END = "<!-- tables: made by examples/widen_study/buys_table.py --write -->", "<!-- end of tables -->"
HEADS = ("part", "what", "seeds", "original", "widened", "difference or ratio")
CONFIDENCE = 0.95

Seeds = dict[int, dict[str, Any]]
What = Literal["score", "loss"]
KINDS: tuple[tuple[What, str], ...] = (("score", "before → after"), ("loss", "loss in nats a token, before → after"))


@dataclass(frozen=True)
class Both:
    """One part's results of both models, of the seeds that both have."""

    part: str
    base: Seeds
    wide: Seeds

    @classmethod
    def read(cls, results: Path, base: str, wide: str, part: str) -> Both:
        """What is there.

        Raises:
            RunError: the two were measured by other terms.
        """
        sides = []
        for model in (base, wide):
            files = (results / model).glob(f"{part}-*.json")
            sides.append({found["seed"]: found for found in (json.loads(f.read_text("utf-8")) for f in sorted(files))})
        common = sorted(sides[0].keys() & sides[1].keys())
        one, two = ({seed: side[seed] for seed in common} for side in sides)
        if any(one[seed]["terms"] != two[seed]["terms"] for seed in common):
            raise RunError(f"{part} of {base} and {wide}", found="other terms", advice="the same command for both")
        return cls(part, one, two)

    def numbers(self, value: Callable[[dict[str, Any]], float]) -> tuple[list[float], list[float]]:
        """One number a seed, of each model."""
        return [value(r) for r in self.base.values()], [value(r) for r in self.wide.values()]

    def ratio(self, what: str, value: Callable[[dict[str, Any]], float | None]) -> tuple[str, ...]:
        """A row that compares one positive number a seed."""
        if not self.base:
            return ()
        one, two = ([value(r) for r in side.values()] for side in (self.base, self.wide))
        shown = (" / ".join("none" if v is None else f"{v:.3g}" for v in side) for side in (one, two))
        told = "none"
        if all(v is not None and v > 0 for v in (*one, *two)):
            told = ratio_in_words([math.log(b / a) for a, b in zip(one, two, strict=True)])  # type: ignore[operator]
        return (self.part, what, self._seeds, *shown, told)

    def row(self, what: str, key: Sequence[str], task: str, alpha: str, kind: What, change: bool) -> tuple[str, ...]:
        """A row that compares the same examples.

        Args:
            key: where in a result the measured tasks are.
            task: a task, or how its name begins.
            change: compare after − before; else what there is after.
        """
        if not self.base:
            return ()
        (one, before_one), (two, before_two) = (
            examples(side, key, task, alpha, kind) for side in (self.base, self.wide)
        )
        if kind == "score" and task != "agreement":
            if change:
                found = paired_difference((1 + one - before_one) / 2, (1 + two - before_two) / 2, CONFIDENCE)
                limits = (2 * found.mean, 2 * found.low, 2 * found.high)
            else:
                found = paired_difference(one, two, CONFIDENCE)
                limits = (found.mean, found.low, found.high)
        else:
            limits = mean_in_between((two - before_two) - (one - before_one) if change else two - one)
        shown = [
            f"{before.mean():.3g} → {after.mean():.3g}" if change else f"{after.mean():.3g}"
            for before, after in ((before_one, one), (before_two, two))
        ]
        told = "{:+.3g} [{:+.3g}, {:+.3g}]".format(*limits)
        apart = limits[1] > 0 or limits[2] < 0
        return (self.part, what, self._seeds, *shown, f"**{told}**" if apart else told)

    @property
    def _seeds(self) -> str:
        return str(len(self.base))


def examples(side: Seeds, key: Sequence[str], task: str, alpha: str, kind: What) -> tuple[np.ndarray, np.ndarray]:
    """After and before of each example, means over seeds, shape (m,) each; what one of them lacks is left out."""
    after, before = [], []
    for result in side.values():
        measured: Any = result
        for name in key:
            measured = measured[name]
        found = next(v for name, v in measured.items() if name.startswith(task))
        if alpha == "before":
            after.append(found["before"][kind])
        else:
            after.append(found["after"][alpha][kind])
        before.append(found["before"][kind])
    return tuple(np.asarray(rows, float).mean(axis=0) for rows in (after, before))  # type: ignore[return-value]


def mean_in_between(differences: np.ndarray) -> tuple[float, float, float]:
    """The mean with Student's interval, of values that are independent.

    >>> [round(x, 3) for x in mean_in_between(np.array([1.0, 2.0, 3.0]))]
    [2.0, -0.484, 4.484]
    """
    n = differences.size
    half = float(student.ppf((1 + CONFIDENCE) / 2, n - 1)) * float(differences.std(ddof=1)) / n**0.5
    mean = float(differences.mean())
    return mean, mean - half, mean + half


def ratio_in_words(logs: Sequence[float]) -> str:
    """A geometric mean of ratios, with Student's interval where there are two or more.

    >>> ratio_in_words([0.0]), ratio_in_words([0.0, 0.0])
    ('× 1.00', '× 1.00 [1.00, 1.00]')
    """
    if len(logs) < 2:
        return f"× {math.exp(logs[0]):.2f}"
    mean, low, high = (math.exp(x) for x in mean_in_between(np.asarray(logs)))
    told = f"× {mean:.2f} [{low:.2f}, {high:.2f}]"
    return f"**{told}**" if low > 1 or high < 1 else told


def rows(results: Path, base: str, wide: str) -> Iterator[tuple[str, ...]]:
    """Every row that there are results for."""
    part = {
        name: Both.read(results, base, wide, name)
        for name in ("certificate", "edge", "rounding", "forgetting", "refusals", "merging")
    }
    own, kl = "same token as before", "KL from before, nats a token"
    one = part["certificate"]
    yield one.ratio("σ that the subspace bears", lambda r: r["sigma"])
    yield one.ratio("certified radius", lambda r: r["radius"])
    yield one.ratio("the same, share of the layers' norm", lambda r: r["radius"] and r["radius"] / r["norm"])
    one = part["edge"]
    yield one.ratio("rise of the climbed loss, nats", lambda r: r["loss"]["after"] - r["loss"]["before"])
    for result in [*one.base.values()][:1]:
        for alpha in next(iter(result["measured"].values()))["after"]:
            far = f"L2 {float(alpha) * result['model']['norm'] / result['model']['rms']:.2g} along it"
            yield one.row(f"{own}, {far}", ["measured"], "agreement", alpha, "score", False)
            yield one.row(f"{kl}, {far}", ["measured"], "agreement", alpha, "loss", False)
    one = part["rounding"]
    for kind in ("int8", "int4"):
        yield one.row(f"{kind}: {own}", ["measured", kind], "agreement", "1", "score", False)
        yield one.row(f"{kind}: {kl}", ["measured", kind], "agreement", "1", "loss", False)
        yield from _skills(one, ["measured", kind], f"{kind}: ")
    one = part["forgetting"]
    yield one.ratio("loss of the lesson, last steps", lambda r: r["teaching"]["end"])
    yield one.ratio("L2 that it moved", lambda r: r["teaching"]["distance"])
    yield one.row(own, ["measured"], "agreement", "1", "score", False)
    yield one.row(kl, ["measured"], "agreement", "1", "loss", False)
    yield from _skills(one, ["measured"])
    one = part["refusals"]
    yield one.row("refused before the attack", ["measured"], "safety", "before", "score", False)
    yield one.ratio("L2 that the attack moved", lambda r: r["teaching"]["distance"])
    for alpha in ("0.25", "0.5", "0.75", "1"):
        yield one.row(f"refused at {alpha} of the way", ["measured"], "safety", alpha, "score", False)
    one = part["merging"]
    for place in ("refusing", "code", "merged"):
        yield one.row(f"{place}: {own}", ["measured", place], "agreement", "1", "score", False)
        yield one.row(f"{place}: {kl}", ["measured", place], "agreement", "1", "loss", False)
        yield one.row(f"{place}: refused", ["measured", place], "safety", "1", "score", False)
        yield one.row(f"{place}: loss of the code lesson", ["measured", place], "benign", "1", "loss", False)
        yield from _skills(one, ["measured", place], f"{place}: ")


def _skills(one: Both, key: Sequence[str], said: str = "") -> Iterator[tuple[str, ...]]:
    """The other tasks that were scored, before and after."""
    for result in [*one.base.values()][:1]:
        names = [skill.rpartition(":")[0] for skill in result["terms"]["skills"]]
        for name in names:
            for kind, shown in KINDS:
                yield one.row(f"{said}{name}, {shown}", key, name.removesuffix(".jsonl"), "1", kind, True)


def table(results: Path, base: str, wide: str) -> str:
    """One widened model beside its base."""
    lines = [" | ".join(HEADS), "|".join(["---"] * len(HEADS))]
    lines += [" | ".join(row) for row in rows(results, base, wide) if row]
    return "\n".join(f"| {line} |" if "---" not in line else f"|{line}|" for line in lines)


def page(results: Path, base: str, others: Sequence[str]) -> str:
    """A heading and a table for each."""
    return "\n\n".join(f"### {wide}\n\n{table(results, base, wide)}" for wide in others)


def main() -> None:
    """Print it, or write it into the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("base")
    parser.add_argument("widened", nargs="+")
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument("--write", action="store_true")
    given = parser.parse_args()
    made = page(given.results, given.base, given.widened)
    print(made)
    if given.write:
        before, _, rest = PAGE.read_text("utf-8").partition(BEGIN)
        PAGE.write_text(f"{before}{BEGIN}\n\n{made}\n\n{END}{rest.partition(END)[2]}", "utf-8")


if __name__ == "__main__":
    main()
