"""The scores all over the plane of two directions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from corrie.questions.question import BaseQuestion
from corrie.questions.term import Term
from corrie.questions.terms import BlockSize, Budget, Retention, SharedOut

if TYPE_CHECKING:
    from corrie.records.scan_spec import AlphaGrid


def _a_range(steps: str | AlphaGrid) -> AlphaGrid:
    from corrie.records.scan_spec import AlphaGrid

    return AlphaGrid.parse(steps) if isinstance(steps, str) else steps


@dataclass(frozen=True, kw_only=True)
class PlaneQuestion(BaseQuestion):
    """What a model scores at every point θ0 + α δ1 + β δ2 of two ranges."""

    alpha: Annotated[str, Term("Steps along the first direction, LO:HI:N, both ends included.", _a_range)]
    beta: Annotated[
        str | None, Term("Steps along the second. Default: as far as alpha, in the same unit or in L2.", _a_range)
    ] = None
    retention: Retention = 0.95
    budget: Budget = None
    shard: SharedOut = None
    block: BlockSize = 10

    def check(self) -> None:
        """As many points as anybody can wait for."""
        from corrie.records.scan_spec import size_of

        size_of(2, self.along, self.up or self.along).check()

    @property
    def along(self) -> AlphaGrid:
        """The first range."""
        return _a_range(self.alpha)

    @property
    def up(self) -> AlphaGrid | None:
        """The second; None: as far as the first."""
        return None if self.beta is None else _a_range(self.beta)
