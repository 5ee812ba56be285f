"""The subspaces that are compared: what is free, in which layers, and how its fixed matrices were chosen."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from corrie.capabilities.task import Task
from corrie.models.model import Model
from corrie.scanning.protecting import protected_space
from corrie.subspaces.row_space import Free, LowRankSpace, random_rows

LAST = range(20, 30)
"""Blocks that may change: what lies below is computed once for a whole batch of draws."""


class Kind(NamedTuple):
    """One subspace.

    free       ``up`` (an adapter with frozen A) or ``core`` (few numbers a layer)
    modules    which linear layers of the last ten blocks
    rank       r
    protected  fixed matrices from prompts and gradient, else random
    """

    free: Free
    modules: tuple[str, ...]
    rank: int
    protected: bool


EVERY = (
    "self_attn.q_proj",
    "self_attn.k_proj",
    "self_attn.v_proj",
    "self_attn.o_proj",
    "mlp.gate_proj",
    "mlp.up_proj",
    "mlp.down_proj",
)

KINDS: dict[str, Kind] = {
    "core-1-protected": Kind("core", EVERY, 1, True),
    "core-4-protected": Kind("core", EVERY, 4, True),
    "adapter-q-protected": Kind("up", ("self_attn.q_proj",), 1, True),
    "core-1-random": Kind("core", EVERY, 1, False),
}


def make_space(
    model: Model, name: str, keep: Sequence[tuple[Task, int]], lesson: tuple[Task, int], prompts: int = 40
) -> LowRankSpace:
    """The subspace of this name.

    Args:
        keep: the capabilities to protect, each with the number of examples that certify (the prompts are later ones).
        lesson: the fine-tune's examples.
    """
    kind = KINDS[name]
    layers = "+".join(f"model.layers.{block}.{module}" for block in LAST for module in kind.modules)
    if not kind.protected:
        return random_rows(model.module, layers, kind.rank, free=kind.free, name=name)
    return protected_space(
        model, keep, layers=layers, rank=kind.rank, lesson=lesson, free=kind.free, prompts=prompts, name=name
    )
