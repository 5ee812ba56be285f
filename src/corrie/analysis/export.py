"""A landscape as a file that other programs read: CSV, Parquet, netCDF.

CSV and Parquet are tables with one row for each direction, α, task and example. netCDF keeps the labelled arrays:
one dataset over (task, direction, alpha, example), NaN where a task has fewer examples or was not scored.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import xarray as xr

from corrie.analysis.landscape import Landscape
from corrie.analysis.task_grid import LABELS, MISSING
from corrie.analysis.whole_file import write_whole
from corrie.errors import InputError, UnknownName

ORIGIN = "origin"
"""The direction of the unmoved model's rows, which have α = 0."""

COLUMNS = (
    "direction",
    "alpha",
    "sigma",
    "distance",
    "cosine",
    "task",
    "capability",
    "example",
    "score",
    "loss",
    "label",
)
"""The table's columns: σ is empty where α is not σ, score where an example could not be scored."""

Columns = dict[str, np.ndarray]


def export(landscape: Landscape, path: Path | str, format: str | None = None) -> Path:
    """Write a landscape to a file, whole or not at all.

    Args:
        landscape: what to write.
        path: where to.
        format: ``csv``, ``parquet`` or ``netcdf`` (default: from the name: .csv, .parquet, .nc).

    Returns:
        The path.

    Raises:
        UnknownName: no such format.
        InputError: Parquet without pyarrow, or a name that tells no format.
        StorageError: the disk refuses.
    """
    path = Path(path)
    write = _WRITERS[chosen_format(path, format)](landscape)
    return write_whole(path, write)


def chosen_format(path: Path, format: str | None) -> str:
    """The format that was asked for, or that a file's name tells.

    Raises:
        UnknownName: no such format.
        InputError: a name that tells none.
    """
    if format is None:
        format = {".csv": "csv", ".parquet": "parquet", ".nc": "netcdf"}.get(path.suffix)
        if format is None:
            raise InputError(f"writing {path}", found="its name tells no format", advice="--format csv|parquet|netcdf")
    if format not in _WRITERS:
        raise UnknownName("export format", format, _WRITERS)
    return format


def blocks(landscape: Landscape) -> Iterator[Columns]:
    """The table, task by task: arrays of equal length by column name, scored rows only.

    Rows of the unmoved model come first in each task, with direction ``origin`` and α = 0.
    """
    for task in landscape.tasks:
        grid = landscape[task.name]
        shape = (grid.sizes["direction"], grid.sizes["alpha"], grid.sizes["example"])
        there = grid.label.values != MISSING
        first = grid.unmoved_label.values != MISSING

        def spread(
            values: np.ndarray, axis: int, shape: tuple[int, ...] = shape, there: np.ndarray = there
        ) -> np.ndarray:
            return np.broadcast_to(np.expand_dims(values, [a for a in range(3) if a != axis]), shape)[there]

        def of_place(values: np.ndarray, shape: tuple[int, ...] = shape, there: np.ndarray = there) -> np.ndarray:
            return np.broadcast_to(values[..., None], shape)[there]

        none = np.full(int(first.sum()), np.nan)
        zero = np.zeros(none.size)
        alpha = spread(grid.alpha.values, 1)
        sigma = np.abs(alpha) if landscape.is_raw else np.full(alpha.size, np.nan)
        label = np.concatenate([grid.unmoved_label.values[first], grid.label.values[there]])
        rows = label.size
        yield {
            "direction": np.concatenate([np.full(none.size, ORIGIN), spread(grid.direction.values, 0)]),
            "alpha": np.concatenate([zero, alpha]),
            "sigma": np.concatenate([zero if landscape.is_raw else none, sigma]),
            "distance": np.concatenate([zero, of_place(grid.distance.values)]),
            "cosine": np.concatenate([none, of_place(grid.cosine.values)]),
            "task": np.full(rows, task.name),
            "capability": np.full(rows, task.capability),
            "example": np.concatenate([grid.example.values[first], spread(grid.example.values, 2)]),
            "score": np.concatenate([grid.unmoved_score.values[first], grid.score.values[there]]),
            "loss": np.concatenate([grid.unmoved_loss.values[first], grid.loss.values[there]]),
            "label": np.array(LABELS)[label],
        }


def labelled(landscape: Landscape) -> xr.Dataset:
    """The whole landscape as one dataset over (task, direction, alpha, example).

    Examples are numbered, their ids in ``example_id`` over (task, example). ``label`` holds small numbers whose
    meanings are in its attributes ``flag_values`` and ``flag_meanings`` (−1: missing).

    >>> from corrie.testing.cliff_run import cliff_run
    >>> dataset = labelled(Landscape.from_store(cliff_run(directions=2, examples=10)))
    >>> dict(dataset.score.sizes)
    {'task': 5, 'direction': 2, 'alpha': 12, 'example': 10}
    """
    size = max((landscape[task.name].sizes["example"] for task in landscape.tasks), default=0)
    padded = []
    for task in landscape.tasks:
        grid = landscape[task.name]
        ids = np.full(size, "", dtype=object)
        ids[: grid.sizes["example"]] = grid.example.values
        grid = grid.drop_vars([name for name in ("distance", "cosine", "sigma", "relative") if name in grid.coords])
        grid = grid.assign_coords(example=np.arange(grid.sizes["example"]))
        filled = {"score": np.nan, "loss": np.nan, "label": MISSING}
        filled |= {f"unmoved_{name}": fill for name, fill in filled.items()}
        grid = grid.reindex(example=np.arange(size), alpha=landscape.steps.alpha, fill_value=filled)
        padded.append(grid.assign(example_id=("example", ids.astype(str)), chance=task.chance))
    names = [task.name for task in landscape.tasks]
    whole = xr.concat(padded, xr.Variable("task", names), combine_attrs="drop_conflicts")
    whole = whole.assign({name: landscape.steps[name] for name in ("asked", "distance", "cosine")})
    whole = whole.assign_coords(capability=("task", [task.capability for task in landscape.tasks]))
    if landscape.is_raw:
        whole = whole.assign_coords(
            sigma=("alpha", np.abs(whole.alpha.values), {"long_name": "noise σ per coordinate"})
        )
    whole.attrs = _provenance(landscape)
    return whole


def _provenance(landscape: Landscape) -> dict[str, str]:
    return {
        "model": landscape.model.canonical(),
        "tasks": json.dumps([task.model_dump(mode="json") for task in landscape.tasks], sort_keys=True),
        "asked": json.dumps([[spec.model_dump(mode="json"), why] for spec, why in landscape.asked], sort_keys=True),
    }


def _csv(landscape: Landscape) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(COLUMNS)
            for block in blocks(landscape):
                writer.writerows(zip(*(_plain(block[name]) for name in COLUMNS), strict=True))

    return write


def _plain(values: np.ndarray) -> list[object]:
    """Python values, None (an empty field) for NaN."""
    listed = values.tolist()
    return [None if x != x else x for x in listed] if values.dtype.kind == "f" else listed


def _parquet(landscape: Landscape) -> Callable[[Path], None]:
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError:
        raise InputError(
            "Parquet", found="pyarrow is not installed", advice="pip install 'corrie[parquet]', or --format csv"
        ) from None
    words = pa.dictionary(pa.int32(), pa.string())
    kinds = dict.fromkeys(("direction", "task", "capability", "label"), words) | {"example": pa.string()}
    schema = pa.schema([(name, kinds.get(name, pa.float64())) for name in COLUMNS], metadata=_provenance(landscape))

    def write(path: Path) -> None:
        with pq.ParquetWriter(path, schema) as writer:
            for block in blocks(landscape):
                columns = [pa.array(_plain(block[name]), type=schema.field(name).type) for name in COLUMNS]
                writer.write_table(pa.Table.from_arrays(columns, schema=schema))

    return write


def _netcdf(landscape: Landscape) -> Callable[[Path], None]:
    return lambda path: labelled(landscape).to_netcdf(path, engine="scipy", format="NETCDF3_64BIT")


_WRITERS = {"csv": _csv, "netcdf": _netcdf, "parquet": _parquet}

FORMATS = tuple(_WRITERS)
"""What a landscape can be written as."""
