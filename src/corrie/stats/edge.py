"""Where a curve first leaves a level.

The curve is known on a grid; between neighbouring grid points it is a straight line. No smoothing, no fit: the first
crossing is the answer, also when the curve comes back.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike


def first_crossing(places: ArrayLike, heights: ArrayLike, level: float) -> float | None:
    """The first place at which a curve falls below ``level``.

    Args:
        places: increasing, shape (k,).
        heights: of the curve at each place, shape (k,); NaN is left out.

    Returns:
        The crossing by linear interpolation; the first place where the curve starts below; None where it never falls
        below the level.

    >>> first_crossing([1.0, 2.0, 3.0], [1.0, 0.5, 0.0], 0.75)
    1.5
    >>> first_crossing([1.0, 2.0], [1.0, 0.96], 0.95) is None
    True
    """
    x, y = np.asarray(places, float), np.asarray(heights, float)
    known = np.isfinite(y)
    if not known.all():
        x, y = x[known], y[known]
    below = (y < level).nonzero()[0]
    if below.size == 0:
        return None
    at = int(below[0])
    if at == 0:
        return float(x[0])
    return float(x[at - 1] + (x[at] - x[at - 1]) * (y[at - 1] - level) / (y[at - 1] - y[at]))
