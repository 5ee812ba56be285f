"""What a basin's curve is fitted to: a landscape's outcomes, one for each example, step and direction.

A landscape's block is direction × α × example, NaN where nothing was scored: a full grid, or the few pieces of it that
an adaptive plan chose. Here it becomes the flat list :class:`corrie.stats.dose_response.ScoredBlocks`. −δ is as
Gaussian as δ, but the two are one draw: a step of −α is a step of σ = |α| along the same direction. Nothing is
averaged; outcomes of one direction or one example go together, and the fit counts with that.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from corrie.analysis.block import Block
from corrie.errors import InputError

if TYPE_CHECKING:
    from corrie.stats.dose_response import ScoredBlocks


def scored_blocks(block: Block) -> ScoredBlocks:
    """The outcomes of a task along raw Gaussian directions, α = σ.

    Args:
        block: outcomes over (direction, α, example). Examples that were not scored both before and after a move are
            left out. Numbers of directions and examples are their places in the block.

    Raises:
        InputError: nothing scored both before and after a move.

    >>> from corrie.analysis.landscape import Landscape
    >>> from corrie.testing.cliff_run import cliff_run
    >>> found = scored_blocks(Landscape.from_store(cliff_run(directions=3, examples=20)).block("math"))
    >>> len(found), found.directions, found.examples, found.places.size  # 3 × 12 × 20
    (720, 3, 20, 12)
    """
    from corrie.stats.dose_response import ScoredBlocks

    alphas = block.axes[1].values
    moved = block.moved.score[:, alphas != 0]
    alphas, before = alphas[alphas != 0], block.unmoved.score
    direction, place, example = np.nonzero(np.isfinite(moved) & np.isfinite(before))
    if not direction.size:
        raise InputError(
            f"the scored blocks of {block.task.name}",
            found="no example was scored both before and after a move",
            advice="corrie scan",
        )
    after = moved[direction, place, example]
    return ScoredBlocks(np.log(np.abs(alphas))[place], direction, example, before[example], after)
