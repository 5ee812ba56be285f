"""The settings that are compared, by name: what ``corrie.widen`` takes. Data only."""

from __future__ import annotations

from typing import Any

SHORT: dict[str, Any] = {"steps": 60, "windows": 2, "window": 48, "written": 64}
"""11,520 tokens at noise: minutes on one core."""

SETTINGS: dict[str, dict[str, Any]] = {
    "factor-2": {**SHORT, "sigma": 0.0106, "rate": 1e-4},
    "factor-2-slow": {**SHORT, "sigma": 0.0106, "rate": 3e-5},
    "factor-2-anchored": {**SHORT, "sigma": 0.0106, "rate": 1e-4, "anchor": 1.0},
    "factor-2-matrices": {**SHORT, "sigma": 0.0106, "rate": 1e-4, "tensors": "*proj*"},
    "factor-2-pairs": {**SHORT, "sigma": 0.0106, "rate": 1e-4, "steps": 30, "pairs": 2},
    "factor-4": {**SHORT, "sigma": 0.0212, "rate": 1e-4},
}
"""σ 0.0053 is the radius of agreement of SmolLM2 in float32 (docs/widen.md), which the factors are of."""
