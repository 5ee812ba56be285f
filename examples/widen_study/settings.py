"""The settings that are compared, by name: what ``corrie.widen`` takes, σ as a factor of the radius. Data only.

``method`` names another way of training (:mod:`baselines`), in ``corrie.widen``'s place; ``text`` what is read. Weights
are balanced first only where a setting says so.
"""

from __future__ import annotations

from typing import Any

Setting = dict[str, Any]

SMOLLM2: Setting = {"sigma": 0.0106, "rate": 1e-4, "steps": 60, "windows": 2, "window": 48, "written": 64}
"""11,520 tokens at noise: some minutes on one core. σ is twice the radius of agreement in docs/radius.md."""

SMALL: Setting = {"factor": 2.0, "rate": 1e-3, "steps": 300, "windows": 4, "window": 64}
"""153,600 tokens at noise of the small model of Python code (``small_model.py``): a minute on one core."""

PLAIN: Setting = {"method": "fine-tune", "rate": 1e-3, "steps": 600, "windows": 4, "window": 64}
"""As many tokens in passes of their own: half as many a step, twice as many steps."""

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
        "balanced": {**SMALL, "steps": 0, "balance": True},
        "balanced-factor-2": {**SMALL, "balance": True},
        "balanced-factor-4": {**SMALL, "factor": 4.0, "balance": True},
        "balanced-factor-4-long": {**SMALL, "factor": 4.0, "steps": 1200, "balance": True},
        "factor-2-pairs": {**SMALL, "pairs": 2, "steps": 150},
        "factor-2-small-batch": {**SMALL, "windows": 1, "steps": 1200},
        "factor-2-own": {**SMALL, "written": 256},
        "factor-2-prose": {**SMALL, "text": "prose"},
        "factor-2-matrices": {**SMALL, "tensors": "*proj*"},
        "factor-2-relative": {**SMALL, "method": "relative"},
        "factor-2-lora": {**SMALL, "rate": 3e-3, "lora": 8},
        "no-noise": {**SMALL, "sigma": 0.0},
        "fine-tune": PLAIN,
        "fine-tune-long": {**PLAIN, "steps": 2400},
        "fine-tune-exponential": {**PLAIN, "average": 0.99},
        "fine-tune-uniform": {**PLAIN, "average": "uniform"},
        "fine-tune-fast": {**PLAIN, "rate": 6e-3, "fall": 0.1},
        "fine-tune-anchor": {**PLAIN, "prior": 3.0},
        "fine-tune-go": {**PLAIN, "method": "go", "factor": 2.0},
        "fine-tune-go-inside": {**PLAIN, "method": "go", "factor": 0.3},
        "sam": {**PLAIN, "method": "sam", "steps": 300, "rho": 0.3},
        "sam-far": {**PLAIN, "method": "sam", "steps": 300, "rho": 1.0},
        "function-sam": {**PLAIN, "method": "function-sam", "steps": 200, "rho": 0.5},
        "function-sam-far": {**PLAIN, "method": "function-sam", "steps": 200, "rho": 1.0},
        "ivon": {**PLAIN, "method": "ivon", "rate": 0.2, "samples": 5e5, "hessian": 3e-3},
    },
}
"""Model → name → setting. A σ of its own stands in place of the factor."""
