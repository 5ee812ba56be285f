"""A plane as a file that other programs read: CSV, Parquet, netCDF.

CSV and Parquet are tables with one row for each (α, β), task and example that was scored. netCDF keeps the labelled
arrays (:meth:`corrie.analysis.plane.Plane.labelled`).
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from corrie.analysis.export import chosen_format
from corrie.analysis.plane import Plane
from corrie.analysis.task_grid import LABELS, MISSING
from corrie.analysis.whole_file import write_whole
from corrie.errors import InputError

COLUMNS = (
    "first",
    "alpha",
    "second",
    "beta",
    "distance",
    "cosine",
    "task",
    "capability",
    "example",
    "score",
    "loss",
    "label",
)
"""The table's columns: ids of the two directions, steps along them, what the weights took, and the outcome."""


def export_plane(plane: Plane, path: Path | str, format: str | None = None) -> Path:
    """Write a plane to a file, whole or not at all.

    Args:
        plane: what to write.
        path: where to.
        format: ``csv``, ``parquet`` or ``netcdf`` (default: from the name: .csv, .parquet, .nc).

    Raises:
        UnknownName: no such format.
        InputError: Parquet without pyarrow, or a name that tells no format.
        StorageError: the disk refuses.
    """
    return write_whole(Path(path), _writer(plane, chosen_format(Path(path), format)))


def table(plane: Plane) -> Any:
    """Every outcome as a pandas data frame with the columns above."""
    import pandas as pd

    parts = []
    for task in plane.tasks:
        grid = plane[task.name]
        there = grid.label.values != MISSING
        i, j, k = np.nonzero(there)
        parts.append(
            pd.DataFrame(
                {
                    "first": plane.directions[0].id,
                    "alpha": plane.alpha[i],
                    "second": plane.directions[1].id,
                    "beta": plane.beta[j],
                    "distance": grid.distance.values[i, j],
                    "cosine": grid.cosine.values[i, j],
                    "task": task.name,
                    "capability": task.capability,
                    "example": grid.example.values[k],
                    "score": grid.score.values[there],
                    "loss": grid.loss.values[there],
                    "label": np.array(LABELS)[grid.label.values[there]],
                },
                columns=list(COLUMNS),
            )
        )
    return pd.concat(parts, ignore_index=True)


def _writer(plane: Plane, format: str) -> Callable[[Path], object]:
    if format == "netcdf":
        whole = plane.labelled()
        return lambda path: whole.to_netcdf(path, engine="scipy", format="NETCDF3_64BIT")
    rows = table(plane)
    if format == "csv":
        return lambda path: rows.to_csv(path, index=False)
    try:
        import pyarrow  # noqa: F401
    except ImportError:
        raise InputError(
            "Parquet", found="pyarrow is not installed", advice="pip install 'corrie[parquet]', or --format csv"
        ) from None
    return lambda path: rows.to_parquet(path, engine="pyarrow", index=False)
