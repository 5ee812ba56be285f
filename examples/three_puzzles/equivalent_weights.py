"""A changed input written into the weights, and whether it does the same.

rows    what is exact in a transformer: the rows of the untied input embedding (:mod:`corrie.inputs.embedding_rows`)
layer   the paper's own form, ΔW = WΔX⁺ of the first linear maps (queries, keys, values of the first block). It gives
        their outputs for the prompt's tokens; the residual stream carries the old vectors past them, so the answer of
        a model with this change alone is asked too, and is another matter
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from answering import Answering
from torch import Tensor

from corrie.inputs.embedding_rows import RowChange, rows_changed
from corrie.inputs.equivalence import EXACT, weight_change
from corrie.inputs.first_layer import first_layer
from corrie.records.model import SelectionSpec
from corrie.weights.perturbed import moving
from corrie.weights.selection import select


@dataclass(frozen=True, slots=True)
class Rows:
    """Moved rows of the embedding.

    moved        how many
    norm         ‖ΔE‖_F over distinct ids
    sigma        norm/√d: the noise per weight whose typical length it is
    share        norm/‖E‖_F
    logits_off   largest difference of a logit, at any token of prompt and opening, from those of the changed input
    label        of the answer with the rows written, the prompt as it was
    read_again   moved ids that this answer writes: from there on the moved table shows them otherwise than the old one
    """

    moved: int
    norm: float
    sigma: float
    share: float
    logits_off: float
    label: str
    read_again: int


@dataclass(frozen=True, slots=True)
class Layer:
    """ΔW of the first linear maps.

    norm, share        ‖ΔW‖_F, and over ‖W‖_F
    rank, tokens       of X: with equal columns for equal ids the rank is that of the distinct ones
    residual, exact    what of the change of the outputs it misses; whether that is rounding
    label              of the answer with it written, and nothing else
    """

    norm: float
    share: float
    rank: int
    tokens: int
    residual: float
    exact: bool
    label: str


@torch.no_grad()
def as_rows(
    answering: Answering,
    ids: Sequence[int],
    opening: Sequence[int],
    change: RowChange,
    wanted: Tensor,
    dimension: int,
) -> Rows:
    """Write the rows and read the unchanged ids.

    Args:
        ids: of the unchanged prompt.
        wanted: the vectors of the changed one, shape (T, n).
        dimension: d, all numbers of the model.
    """
    model: Any = answering.model.module
    whole = torch.tensor([[*ids, *opening]], device=wanted.device)
    vectors = torch.cat([wanted, answering.vectors(opening)])[None]
    by_input = model(inputs_embeds=vectors, use_cache=False).logits
    size = float(answering.table.norm())
    with rows_changed(answering.model, change):
        by_weights = model(input_ids=whole, use_cache=False).logits
        (answer,) = answering.from_ids([ids])
    return Rows(
        moved=sum(bool(d.any()) for d in change.rows.values()),
        norm=change.norm,
        sigma=change.norm / math.sqrt(dimension),
        share=change.norm / size,
        logits_off=float((by_weights - by_input).abs().max()),
        label=answer.label,
        read_again=sum(i in change.rows and bool(change.rows[i].any()) for i in answer.ids),
    )


def as_layer(answering: Answering, ids: Sequence[int], change: RowChange) -> Layer:
    """ΔW = WΔX⁺ for the rows' change, with its residual, written and asked.

    X and Δ are what enters the maps, behind the first normalisation.
    """
    module = answering.model.module
    one = first_layer(module, ids)
    with rows_changed(answering.model, change):
        two = first_layer(module, ids)
    found = weight_change(one.weight, one.inputs, two.inputs - one.inputs, exact=math.inf)
    names = [f"{name}.weight" for name in one.names]
    chosen = select(module, SelectionSpec(include=tuple(names)))
    cuts = np.cumsum([len(chosen.tensors[name]) for name in names])[:-1]
    parts = {n: torch.from_numpy(p).float() for n, p in zip(names, np.split(found.change, cuts), strict=True)}
    with moving(chosen) as weights:
        weights.by(parts)
        (answer,) = answering.from_ids([ids])
    return Layer(
        norm=found.norm,
        share=found.norm / float(np.linalg.norm(one.weight)),
        rank=found.rank,
        tokens=found.full,
        residual=found.residual,
        exact=found.residual <= EXACT,
        label=answer.label,
    )


def plain(record: Rows | Layer) -> dict[str, Any]:
    """As JSON, floats to six digits.

    >>> plain(Layer(1 / 3, 0.1, 2, 3, 0.0, True, "refused"))["norm"]
    0.333333
    """
    return {k: float(f"{v:.6g}") if isinstance(v, float) else v for k, v in asdict(record).items()}
