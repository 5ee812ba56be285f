"""How much a scan asks for, said and bounded before anything is computed."""

from __future__ import annotations

from dataclasses import dataclass

from corrie.errors import InputError

MOST_POINTS = 100_000
"""Points of one scan: each is a pass over every example."""

MOST_CELLS = 10_000_000
"""Blocks of examples, over all points: some ten gigabytes of run folder."""


@dataclass(frozen=True, slots=True)
class ScanSize:
    """A scan in numbers.

    directions   lines, or the two that span a plane
    alphas       step sizes along each (about so many, where the edges are looked for)
    betas        step sizes along the second direction of a plane; None for lines
    blocks       of examples at each point, over all tasks
    exact        whether the step sizes are fixed beforehand

    >>> print(ScanSize(8, 11, blocks=4))
    8 directions × 11 α = 88 points, 352 blocks of examples
    >>> ScanSize(2, 1000, 1000).check()  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    corrie.errors.InputError: a scan of 1,000 α × 1,000 β = 1,000,000 points: each point is a pass ...
    """

    directions: int
    alphas: int
    betas: int | None = None
    blocks: int | None = None
    exact: bool = True

    @property
    def points(self) -> int:
        """Places of moved weights; the unmoved model is one more."""
        return self.directions * self.alphas if self.betas is None else self.alphas * self.betas

    @property
    def cells(self) -> int:
        """What is scored and kept one by one: a block of examples at a point."""
        return self.points * (self.blocks or 0)

    def check(self) -> None:
        """Refuse what nobody can want to wait for.

        Raises:
            InputError: more than :data:`MOST_POINTS` points or :data:`MOST_CELLS` blocks of examples.
        """
        advice = "fewer directions, steps or examples now: the same run can be extended by further commands"
        if self.points > MOST_POINTS:
            found = f"each point is a pass over every example, and these are more than {MOST_POINTS:,}"
            raise InputError(f"a scan of {self}", found=found, advice=advice)
        if self.cells > MOST_CELLS:
            found = f"every block is kept, and these are more than {MOST_CELLS:,}"
            raise InputError(f"a scan of {self}", found=found, advice=advice)

    def __str__(self) -> str:
        places = f"{self.directions:,} direction{'s' * (self.directions != 1)} × {self.alphas:,} α"
        if self.betas is not None:
            places = f"{self.alphas:,} α × {self.betas:,} β"
        blocks = "" if self.blocks is None else f", {self.cells:,} blocks of examples"
        return f"{'' if self.exact else 'about '}{places} = {self.points:,} points{blocks}"
