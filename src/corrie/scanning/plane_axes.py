"""How far the second axis of a plane goes, where nobody has said it: as far as the first."""

from __future__ import annotations

import math

from corrie.models.model import Model
from corrie.records.direction import Direction, Gaussian
from corrie.records.paths import Saved
from corrie.records.scan_spec import AlphaGrid
from corrie.weights.realise import realise


def as_far(model: Model, directions: tuple[Direction, Direction], alpha: AlphaGrid) -> AlphaGrid:
    """Step sizes along the second direction that go as far as those along the first.

    Two random directions of one unit, or two paths with ends, get the same numbers, so that both ends, α = 1 and β = 1,
    are points of the grid. Otherwise the numbers are scaled by ‖δ1‖/‖δ2‖, to two digits: as far in L2 distance. (A
    saved direction has no end: its unit is whatever was saved.)

    >>> from corrie.records.direction import gaussian
    >>> from corrie.records.paths import quantised
    >>> from corrie.testing.toy_models import toy_model
    >>> grid = AlphaGrid.parse("-1:1:5")
    >>> as_far(toy_model(), gaussian(2), grid) == grid
    True
    >>> as_far(toy_model(), (quantised("int4"), gaussian(1)[0]), grid).values
    (-0.016, -0.008, 0.0, 0.008, 0.016)
    """
    first, second = directions
    if first.normalisation == second.normalisation and not any(isinstance(d, Saved) for d in directions):
        return alpha
    ratio = float(f"{axis_length(model, first) / axis_length(model, second):.2g}")
    return AlphaGrid.between(ratio * alpha.low, ratio * alpha.high, alpha.count)


def axis_length(model: Model, direction: Direction) -> float:
    """‖δ‖₂: √d along a raw Gaussian direction (to 1/√(2d)), otherwise of its tensors, which are made for it."""
    if isinstance(direction, Gaussian) and direction.normalisation == "none":
        return math.sqrt(model.identity.dimension)
    return realise(direction, {n: p.data for n, p in model.selection.tensors.items()}, model.sources).norm
