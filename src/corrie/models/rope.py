"""Positions that turn otherwise beyond a length: ropes whose factors are chosen by the longest row of a pass."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from torch import nn


@dataclass(frozen=True, slots=True)
class Reach:
    """How far a pass over several sequences gives each what it gets alone.

    depth   tokens of the longest sequence: beyond, the rope of all of them is another
    row     tokens of the whole row, where a layer scales by the place in the row and not by the position
    None: everywhere.
    """

    depth: int | None = None
    row: int | None = None

    def holds(self, depth: int, row: int = 0) -> bool:
        """Do sequences of up to ``depth`` tokens in a row of ``row`` stay within?

        >>> Reach(depth=40).holds(40), Reach(depth=40).holds(41), Reach().holds(10**6)
        (True, False, True)
        """
        return (self.depth is None or depth <= self.depth) and (self.row is None or row <= self.row)


def reach_of(config: Any) -> Reach:
    """How far a configuration's positions stay as they are.

    >>> from transformers import LlamaConfig
    >>> rope = {"rope_type": "dynamic", "factor": 4.0, "rope_theta": 1e4}
    >>> reach_of(LlamaConfig(max_position_embeddings=64, rope_parameters=rope)), reach_of(LlamaConfig())
    (Reach(depth=64, row=None), Reach(depth=None, row=None))
    """
    text = config.get_text_config() if hasattr(config, "get_text_config") else config
    own = getattr(text, "original_max_position_embeddings", None) or getattr(text, "max_position_embeddings", None)
    lengths = []
    for rope in _ropes(getattr(text, "rope_parameters", None)):
        kind = str(rope.get("rope_type", ""))
        if kind == "longrope":
            lengths.append(rope.get("original_max_position_embeddings") or own)
        elif "dynamic" in kind:
            lengths.append(getattr(text, "max_position_embeddings", None))
    tuned = getattr(text, "attn_temperature_tuning", None) and getattr(text, "floor_scale", None)
    return Reach(min((int(n) for n in lengths if n), default=None), int(tuned) - 1 if tuned else None)


def longest_of(config: Any) -> int | None:
    """The tokens that a model takes at most: its positions, stretched where its rope is made to grow with the row."""
    positions = getattr(config, "max_position_embeddings", None)
    if positions is not None and positions <= 0:  # how XLNet says that there is no limit
        return None
    ropes = [r for r in _ropes(getattr(config, "rope_parameters", None)) if "dynamic" in str(r.get("rope_type", ""))]
    if positions is None or not ropes:
        return positions
    return int(positions * max(1.0, *(float(r.get("factor") or 1.0) for r in ropes)))


def forget_longer_rows(module: nn.Module) -> None:
    """A rope that grew with a longer row is as it was before any row: it would keep that row's factors for a shorter
    one, and a score would depend on what ran before it."""
    for rotary in module.modules():
        grown: Any = rotary
        first = getattr(rotary, "original_max_seq_len", None)
        if first is None:
            continue
        for name in [n for n in vars(rotary) if n.endswith("max_seq_len_cached")]:
            if getattr(grown, name) > first:
                prefix = name.removesuffix("max_seq_len_cached")
                setattr(grown, name, first)
                frequencies = getattr(grown, f"{prefix}inv_freq")
                setattr(grown, f"{prefix}inv_freq", getattr(grown, f"{prefix}original_inv_freq").to(frequencies.device))


def _ropes(parameters: Any) -> Iterator[dict[str, Any]]:
    """The rope of a model, or those of every kind of layer."""
    if isinstance(parameters, dict):
        if "rope_type" in parameters:
            yield parameters
        for value in parameters.values():
            yield from _ropes(value)
