"""The results as a Markdown table, agreement first; of the small model as a frontier.

    python examples/widen_study/table.py small

A setting is on the frontier (●) where no other has at least its gain at no more divergence and no more tokens.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results"
HEADS = (
    "setting", "σ", "rate", "tokens", "agreement: radius before", "after", "gain, share of a weight", "gain in σ",
    "KL at rest", "same token at rest", "L2", "largest rescaling",
)  # fmt: skip

FRONTIER = (
    "", "setting", "σ", "rate", "tokens", "gain, share of a weight", "gain in σ", "KL at rest", "same token at rest",
    "code predicted", "L2", "largest rescaling",
)  # fmt: skip
"""Of the table of the small model, from the nearest to the base to the farthest."""


def row(name: str, found: dict[str, Any]) -> tuple[str, ...]:
    """One result's cells.

    >>> gain = {"ratio": 1.5, "low": 1.2, "high": "inf"}
    >>> radius = {"sigma": 0.01, "low": 0.008, "high": 0.012}
    >>> told = {"tasks": [{"before": radius, "after": radius, "share": gain, "sigma": gain}], "sigma": 0.02,
    ...         "rate": 1e-4, "spent": {"tokens": 1000}, "rest": {"divergence": 0.01, "agreement": 0.95},
    ...         "distance": 3.0, "largest_rescaling": 1.04}
    >>> row("one", told)[4:8]
    ('0.01 [0.008, 0.012]', '0.01 [0.008, 0.012]', '1.50 [1.20, ∞)', '1.50 [1.20, ∞)')
    """
    first, rest = found["tasks"][0], found["rest"]
    return (
        name, f"{found['sigma']:.3g}", f"{found['rate']:g}", f"{found['spent']['tokens']:,}", _radius(first["before"]),
        _radius(first["after"]), _gain(first["share"]), _gain(first["sigma"]), f"{rest['divergence']:.3g}",
        f"{100 * rest['agreement']:.1f} %", f"{found['distance']:.3g}", f"{found['largest_rescaling']:.3f}",
    )  # fmt: skip


def _radius(found: dict[str, Any]) -> str:
    high = "∞)" if found["high"] == "inf" else f"{found['high']:.2g}]"
    return "none" if found["sigma"] is None else f"{found['sigma']:.2g} [{found['low']:.2g}, {high}"


def _gain(found: dict[str, Any] | None) -> str:
    if found is None:
        return "none"
    high = "∞)" if found["high"] == "inf" else f"{found['high']:.2f}]"
    return f"{found['ratio']:.2f} [{found['low']:.2f}, {high}"


def frontier(results: dict[str, dict[str, Any]]) -> list[tuple[str, ...]]:
    """All results' cells, from the least divergence at rest to the largest.

    >>> def told(ratio, divergence, tokens):
    ...     gain, spent = {"ratio": ratio, "low": 1.0, "high": 2.0}, {"tokens": tokens}
    ...     code = {"score_before": 0.25, "change": [-0.01, -0.02, 0.0]}
    ...     return {"tasks": [{"share": gain, "sigma": gain}, code], "sigma": 0.02, "rate": 1e-3, "spent": spent,
    ...             "rest": {"divergence": divergence, "agreement": 0.9}, "distance": 3.0, "largest_rescaling": 1.0}
    >>> for cells in frontier({"one": told(1.2, 0.02, 10), "two": told(1.1, 0.03, 10), "three": told(1.3, 0.09, 99)}):
    ...     print(*cells[:2], cells[5], cells[9])
    ● one 1.20 [1.00, 2.00] 0.250 − 0.010
     two 1.10 [1.00, 2.00] 0.250 − 0.010
    ● three 1.30 [1.00, 2.00] 0.250 − 0.010
    """
    places = {name: _place(found) for name, found in results.items()}
    best = {
        name
        for name, here in places.items()
        if not any(there != here and all(a <= b for a, b in zip(there, here, strict=True)) for there in places.values())
    }
    order = sorted(results, key=lambda name: places[name][1:])
    return [_on_frontier(name, results[name], name in best) for name in order]


def _place(found: dict[str, Any]) -> tuple[float, float, int]:
    """What is to be small: the gain's inverse, divergence, tokens."""
    gain = found["tasks"][0]["share"]
    return (-gain["ratio"] if gain else 0.0, found["rest"]["divergence"], found["spent"]["tokens"])


def _on_frontier(name: str, found: dict[str, Any], best: bool) -> tuple[str, ...]:
    (first, second), rest = found["tasks"], found["rest"]
    change = second["change"][0]
    return (
        "●" if best else "", name, f"{found['sigma']:.3g}", f"{found['rate']:g}", f"{found['spent']['tokens']:,}",
        _gain(first["share"]), _gain(first["sigma"]), f"{rest['divergence']:.3g}", f"{100 * rest['agreement']:.1f} %",
        f"{second['score_before']:.3f} {'−' if change < 0 else '+'} {abs(change):.3f}", f"{found['distance']:.3g}",
        f"{found['largest_rescaling']:.3f}",
    )  # fmt: skip


def table(model: str, results: Path = RESULTS) -> list[tuple[str, ...]]:
    """Heads and rows of a model's results."""
    found = {file.stem: json.loads(file.read_text("utf-8")) for file in sorted((results / model).glob("*.json"))}
    if model == "small":
        return [FRONTIER, *frontier(found)]
    return [HEADS, *(row(name, one) for name, one in found.items())]


def main() -> None:
    """Print it."""
    heads, *rows = (f"| {' | '.join(cells)} |" for cells in table(sys.argv[1]))
    print(heads, "|" + "---|" * heads.count(" | ") + "---|", *rows, sep="\n")


if __name__ == "__main__":
    main()
