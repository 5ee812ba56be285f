"""How close a fine-tune's direction is to a worst-case direction of one capability."""

from __future__ import annotations

from typing import NamedTuple

from corrie.records.canonical import Record
from corrie.records.direction import Direction


class Worst(NamedTuple):
    """A worst-case direction that was scanned beside the path.

    direction  its record
    cosine     to the path's
    norm       ‖δ‖₂ of it
    found      how it was searched for, in words; empty where it was given
    """

    direction: Direction
    cosine: float | None
    norm: float
    found: str = ""


class WorstCompared(Record):
    """What of it is worth keeping.

    direction   the worst-case direction's id
    says        what it is, in words
    cosine      between the two directions, over the tensors that move; None if one is zero
    found       how it was searched for, in words; empty where it was given

    >>> print(WorstCompared(direction="saved:c@tensors-1", says="worst.safetensors", cosine=0.25))
    the worst-case direction worst.safetensors: cosine 0.25
    """

    direction: str
    says: str
    cosine: float | None
    found: str = ""

    @classmethod
    def of(cls, worst: Worst) -> WorstCompared:
        """From what was scanned."""
        return cls(direction=worst.direction.id, says=str(worst.direction), cosine=worst.cosine, found=worst.found)

    def __str__(self) -> str:
        cosine = "no angle" if self.cosine is None else f"cosine {self.cosine:.3g}"
        if self.found:
            return f"its own worst-case direction ({self.found}): {cosine}"
        return f"the worst-case direction {self.says}: {cosine}"
