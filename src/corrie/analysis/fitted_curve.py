"""What a picture shows of a basin's fit: the fitted score with its band, and the scored outcomes as points.

A grid has a mean curve of its own. The blocks of an adaptive plan lie scattered, each at its own σ along its own
direction, and a line through them would show their luck; so they are points, one for each σ, as large as they are many.
A point is the unmoved score plus the mean change of the outcomes scored there, which leaves the luck of the choice of
examples out.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from corrie.analysis.basin import Basin
from corrie.analysis.block import Block
from corrie.analysis.scored_blocks import scored_blocks
from corrie.stats.arguments import Array

_PLACES = 81
"""Steps at which the fitted curve is drawn."""


@dataclass(frozen=True, slots=True, eq=False)
class FittedCurve:
    """The fitted score over σ, and what it was fitted to.

    sigma              steps in order, over the range that was tried, shape (k,)
    low, middle, high  of the score there, at the basin's confidence, shape (k,)
    scattered          whether the outcomes lie scattered (:attr:`corrie.analysis.block.Block.scattered`)
    points             σ of each step that was scored, shape (p,)
    score              unmoved score plus mean change there, shape (p,)
    outcomes           how many, shape (p,)

    >>> from corrie.analysis.landscape import Landscape
    >>> from corrie.testing.cliff_run import cliff_run
    >>> landscape = Landscape.from_store(cliff_run(directions=4, examples=40))
    >>> curve = FittedCurve.of(landscape.block("math"), landscape.basin("math"))
    >>> curve.scattered, curve.outcomes.tolist()[:2], bool((curve.low <= curve.high).all())
    (False, [160.0, 160.0], True)
    """

    sigma: Array
    low: Array
    middle: Array
    high: Array
    scattered: bool
    points: Array
    score: Array
    outcomes: Array

    @classmethod
    def of(cls, block: Block, basin: Basin) -> FittedCurve | None:
        """Of a task's block and its basin; None where no curve was fitted."""
        if basin.response is None or basin.score is None:
            return None
        blocks, held = scored_blocks(block), basin.score - basin.chance
        sigma = np.linspace(*basin.response.tried, _PLACES)
        low, middle, high = basin.chance + held * basin.response.retained(sigma, basin.confidence)
        count = np.bincount(blocks.place).astype(float)
        change = np.bincount(blocks.place, blocks.after - blocks.before) / count
        return cls(sigma, low, middle, high, block.scattered, np.exp(blocks.places), basin.score + change, count)
