"""Rotary factors of a GGUF file as the rope settings of a transformers configuration.

Llama 3.1 and later scale the rotary frequencies; llama.cpp writes the divisor of each into ``rope_freqs.weight``, and a
reader has to find the rule again, or to keep the numbers themselves.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

_LOW, _HIGH = 1.0, 4.0
"""Llama's own: wave lengths over L/1 are divided by the factor, under L/4 they are kept, and in between is blended."""

_PUBLISHED = 8192
_CLOSE = 1e-5


def rope_of_factors(theta: float, factors: Sequence[float], positions: int) -> dict[str, Any]:
    """Rope parameters under which frequency k is θ^(−2k/d) / factors[k], with d = 2·len(factors).

    ``llama3`` where Llama's rule gives these factors (to 1e-5); else ``longrope`` with the factors themselves, the same
    for short and long texts and without a scale on the attention: exact for any.

    Args:
        theta: the base of the frequencies.
        factors: one for each pair of dimensions.
        positions: how many positions the model has.

    >>> rope_of_factors(10000.0, [1.0, 1.0], 64)
    {'rope_type': 'default', 'rope_theta': 10000.0}
    >>> rule = rope_of_factors(10000.0, llama3_factors(10000.0, 4, 8.0, 64), 1024)
    >>> rule["rope_type"], rule["factor"], rule["original_max_position_embeddings"]
    ('llama3', 8.0, 64)
    >>> rope_of_factors(10000.0, [1.0, 2.0, 1.5], 64)["long_factor"]
    [1.0, 2.0, 1.5]
    """
    if all(abs(f - 1) < _CLOSE for f in factors):
        return {"rope_type": "default", "rope_theta": theta}
    pairs, factor = len(factors), max(factors)
    rounded = float(round(factor)) if abs(factor - round(factor)) < _CLOSE * factor else factor
    for original in _originals(theta, factors):
        rule = llama3_factors(theta, pairs, rounded, original)
        if all(abs(a / b - 1) < _CLOSE for a, b in zip(rule, factors, strict=True)):
            return {
                "rope_type": "llama3",
                "rope_theta": theta,
                "factor": rounded,
                "low_freq_factor": _LOW,
                "high_freq_factor": _HIGH,
                "original_max_position_embeddings": original,
            }
    return {
        "rope_type": "longrope",
        "rope_theta": theta,
        "factor": 1.0,
        "attention_factor": 1.0,
        "short_factor": list(factors),
        "long_factor": list(factors),
        "original_max_position_embeddings": positions,
    }


def llama3_factors(theta: float, pairs: int, factor: float, original: int) -> list[float]:
    """By what Llama 3.1's rule divides each rotary frequency.

    With the wave length w of a frequency and L the length of text the model was first trained on: 1 where w < L/4,
    the factor where w > L, and between them 1 / ((1 − s)/factor + s) with s = (L/w − 1)/(4 − 1).

    >>> [round(f, 1) for f in llama3_factors(10000.0, 4, 32.0, 64)]
    [1.0, 26.8, 32.0, 32.0]
    """
    found = []
    for k in range(pairs):
        share = original / _wave(theta, k, pairs)
        smooth = (share - _LOW) / (_HIGH - _LOW)
        blended = 1 / ((1 - smooth) / factor + smooth) if _LOW <= share <= _HIGH else 0.0
        found.append(1.0 if share > _HIGH else factor if share < _LOW else blended)
    return found


def _wave(theta: float, k: int, pairs: int) -> float:
    return 2 * math.pi * theta ** (k / pairs)


def _originals(theta: float, factors: Sequence[float]) -> list[int]:
    """Lengths that the rule may have been used with: the published one, and what each blended factor says."""
    top, found = max(factors), [_PUBLISHED]
    for k, factor in enumerate(factors):
        if 1 + _CLOSE < factor < top * (1 - _CLOSE):
            smooth = (1 / factor - 1 / top) / (1 - 1 / top)
            found.append(round(_wave(theta, k, len(factors)) * (_LOW + smooth * (_HIGH - _LOW))))
    return found
