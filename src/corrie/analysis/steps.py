"""What each step was to be, and what the weights made of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from corrie.analysis.block import Axis, Where
from corrie.records.point import Point
from corrie.records.store import Realised
from corrie.stats.arguments import Array

if TYPE_CHECKING:
    import xarray as xr


@dataclass(frozen=True, slots=True, eq=False)
class Steps:
    """Over two axes of places (:class:`corrie.analysis.block.Axis`), NaN where no step was taken.

    asked      L2 norms of the step asked for, shape (rows, columns)
    distance   L2 norms of the step the weights took
    cosine     between the two
    """

    axes: tuple[Axis, Axis]
    asked: Array
    distance: Array
    cosine: Array

    @classmethod
    def of(cls, points: Mapping[str, tuple[Point, Realised]], where: Where, axes: tuple[Axis, Axis]) -> Steps:
        """From a store's points."""
        asked, norm, cosine = (np.full((axes[0].values.size, axes[1].values.size), np.nan) for _ in range(3))
        for id, at in where.items():
            if id in points:
                realised = points[id][1]
                asked[at], norm[at] = realised.asked, realised.norm
                cosine[at] = np.nan if realised.cosine is None else realised.cosine
        return cls(axes, asked, norm, cosine)

    def at(self, columns: Array) -> Steps:
        """The same at other step sizes of the second axis, NaN where one is not among them."""
        rows, axis = self.axes
        there = {step: number for number, step in enumerate(axis.values.tolist())}
        known = [(place, there[step]) for place, step in enumerate(columns.tolist()) if step in there]
        to, of = [place for place, _ in known], [number for _, number in known]

        def pick(values: Array) -> Array:
            found = np.full((rows.values.size, columns.size), np.nan)
            found[:, to] = values[:, of]
            return found

        chosen = (rows, Axis(axis.name, columns, axis.says))
        return Steps(chosen, pick(self.asked), pick(self.distance), pick(self.cosine))

    def labelled(self) -> xr.Dataset:
        """As a labelled dataset."""
        import xarray as xr

        rows, columns = self.axes
        both = (rows.name, columns.name)
        return xr.Dataset(
            {
                "asked": (both, self.asked, {"long_name": "L2 norm of the step asked for"}),
                "distance": (both, self.distance, {"long_name": "L2 norm of the step the weights took"}),
                "cosine": (both, self.cosine, {"long_name": "cosine between the two"}),
            },
            coords={rows.name: rows.coordinate, columns.name: columns.coordinate},
        )
