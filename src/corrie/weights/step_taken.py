"""What weights took of an asked step: its length, and its direction, after rounding to their precision."""

from __future__ import annotations

import math
import warnings

import torch

from corrie.errors import PrecisionWarning
from corrie.records.store import Realised
from corrie.weights.laying import Taken

SWALLOWED = 0.9
"""Below this cosine between the asked and the realised step a :class:`PrecisionWarning` is given."""


def step_taken(taken: Taken, what: str, dtype: torch.dtype, stacklevel: int = 2) -> Realised:
    """The record of a step.

    Args:
        taken: its three sums, over all tensors.
        what: the step, for the warning where the precision swallows it.
        dtype: of the weights.
        stacklevel: whose line the warning names, counted from the caller.

    >>> step_taken(Taken(asked=4.0, norm=1.0, dot=2.0), "a step", torch.float32)
    Realised(asked=2.0, norm=1.0, cosine=1.0)
    """
    asked, norm = taken.asked, taken.norm
    if not asked:
        return Realised(asked=0.0, norm=math.sqrt(norm), cosine=None)
    cosine = taken.dot / math.sqrt(asked * norm) if norm else 0.0
    if cosine < SWALLOWED:
        warnings.warn(
            f"{what}: a step of L2 norm {math.sqrt(asked):.3g} became {math.sqrt(norm):.3g} "
            f"with cosine {cosine:.2f} to what was asked: {dtype} rounds it away. "
            "Try: larger alpha, or float32.",
            PrecisionWarning,
            stacklevel=stacklevel + 1,
        )
    return Realised(asked=math.sqrt(asked), norm=math.sqrt(norm), cosine=min(cosine, 1.0))


def all_taken(found: list[Taken]) -> Taken:
    """What several tensors took, together.

    >>> all_taken([Taken(1.0, 2.0, 3.0), Taken(1.0, 0.0, 0.5)])
    Taken(asked=2.0, norm=2.0, dot=3.5)
    """
    return Taken(
        asked=math.fsum(t.asked for t in found),
        norm=math.fsum(t.norm for t in found),
        dot=math.fsum(t.dot for t in found),
    )
