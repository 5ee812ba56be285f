"""The results as a Markdown table, agreement first.

python examples/widen_study/table.py small
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


def main() -> None:
    """Print it."""
    print(f"| {' | '.join(HEADS)} |")
    print("|" + "---|" * len(HEADS))
    for file in sorted((RESULTS / sys.argv[1]).glob("*.json")):
        print(f"| {' | '.join(row(file.stem, json.loads(file.read_text('utf-8'))))} |")


if __name__ == "__main__":
    main()
