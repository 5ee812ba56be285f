"""The settings that are compared, by name: what ``corrie.widen`` takes, σ as a factor of the radius. Data only."""

from __future__ import annotations

from typing import Any

Setting = dict[str, Any]

SMOLLM2: Setting = {"sigma": 0.0106, "rate": 1e-4, "steps": 60, "windows": 2, "window": 48, "written": 64}
"""11,520 tokens at noise: some minutes on one core. σ is twice the radius of agreement in docs/radius.md."""

SMALL: Setting = {"factor": 2.0, "rate": 1e-3, "steps": 300, "windows": 4, "window": 64}
"""153,600 tokens at noise of the small model of Python code (``small_model.py``): a minute on one core."""

SETTINGS: dict[str, dict[str, Setting]] = {
    "smollm2": {
        "factor-2": SMOLLM2,
        "factor-2-anchored": {**SMOLLM2, "anchor": 1.0},
        "factor-2-slow": {**SMOLLM2, "rate": 3e-5},
        "factor-2-matrices": {**SMOLLM2, "tensors": "*proj*"},
        "factor-4": {**SMOLLM2, "sigma": 0.0212},
    },
    "small": {
        "factor-2": SMALL,
        "factor-2-fast": {**SMALL, "rate": 3e-3},
        "factor-2-slow": {**SMALL, "rate": 3e-4},
        "factor-2-anchored": {**SMALL, "anchor": 1.0},
        "factor-2-long": {**SMALL, "steps": 1200},
        "factor-1": {**SMALL, "factor": 1.0},
        "factor-4": {**SMALL, "factor": 4.0},
        "factor-4-long": {**SMALL, "factor": 4.0, "steps": 1200},
        "factor-8": {**SMALL, "factor": 8.0},
        "factor-2-pairs": {**SMALL, "pairs": 2, "steps": 150},
        "factor-2-small-batch": {**SMALL, "windows": 1, "steps": 1200},
        "factor-2-own": {**SMALL, "written": 256},
        "no-noise": {**SMALL, "sigma": 0.0},
    },
}
"""Model → name → setting. A σ of its own stands in place of the factor."""
